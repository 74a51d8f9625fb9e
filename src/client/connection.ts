/** Finds the server and the token to sign in to it. */

import { lstat, readFile, stat } from 'node:fs/promises';
import { RETRY_DELAYS_MS } from '../client-api/resume.js';
import type { ClientConfig, ClientTls } from '../config/config.ts';
import { isListening } from '../state/find.ts';
import { statePaths } from '../state/paths.ts';
import { VERSION } from '../version.ts';
import { CliError, unreachable } from './errors.ts';
import { listenerUids } from './listener.ts';
import { profileNamed } from './profiles.ts';
import { readTextFile } from './text-file.ts';

/** Where the server is and how to sign in to it. */
export interface Connection {
  readonly url: URL;
  /** The Unix socket of the server on this machine, which is used instead of the address in `url`. */
  readonly socketPath?: string;
  readonly token: string | undefined;
  /** Reads the token again from where it was found: there may be a new one by now. */
  readonly readToken?: () => Promise<string>;
  /**
   * Added to the error when the server does not accept the token: where the token comes from, or where none was found.
   */
  readonly tokenNote: string;
  /**
   * Called before each connection that sends a token which was found and not given.
   *
   * @throws CliError when somebody other than the owner of the token would receive it
   */
  readonly verifyServer?: () => Promise<void>;
  /** Reads the files of TLS again: there may be a new certificate by now. */
  readonly readTls?: () => Promise<TlsTexts>;
  /** Milliseconds to wait before each further attempt to reopen a lost stream. */
  readonly retryDelays: readonly number[];
}

/** The content of the files that the settings name. */
export interface TlsTexts {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A Unix socket has no host; every server accepts this name. */
const LOCAL_URL = 'http://localhost/graphql';

/**
 * Finds the server and the token. A profile that was named counts, or the default one where no server was asked for at
 * all. Otherwise, unless a URL was given, the server on this machine is reached by the socket in its
 * state folder, or else by TCP. The token is the one that was given, otherwise that of the state folder. Finding none
 * is not an error here: the server decides whether it needs one.
 *
 * @throws CliError when a profile and a URL are given, and for a profile that does not exist
 */
export const connect = async (given: ClientConfig): Promise<Connection> => {
  if (given.profile !== undefined && given.urlGiven)
    throw new CliError('--profile: expected without --url: the profile says where its server is');
  const isNamed = given.profile !== undefined || !(given.urlGiven || given.stateDirGiven);
  const profile = isNamed ? await profileNamed(given.profilesPath, given.profile) : undefined;
  if (profile === undefined) return connectTo(given);
  const { url, token, ca, cert, key } = profile;
  const own = given.token ?? (given.tls.cert === undefined ? token : undefined);
  const connection = await connectTo({
    ...given,
    url: new URL(url),
    urlGiven: true,
    token: own,
    tls: { ca: given.tls.ca ?? ca, ...(given.tls.cert === undefined ? { cert, key } : given.tls) },
    // The token of this machine is for this machine.
    stateDirs: [],
  });
  if (own !== token || token === undefined) return connection;
  const readToken = async (): Promise<string> =>
    (await profileNamed(given.profilesPath, given.profile))?.token ?? token;
  return {
    ...connection,
    readToken,
    tokenNote: `the server does not accept the token of the profile ${profile.name}: "cloister login" takes a new one`,
  };
};

const connectTo = async (config: ClientConfig): Promise<Connection> => {
  const retryDelays = RETRY_DELAYS_MS;
  const tls = () => readTls(config.tls);
  // Before anything is sent, so that a wrong path is what the error is about.
  await tls();
  const given =
    config.token === undefined
      ? undefined
      : {
          token: config.token,
          tokenNote: `the server does not accept the token ${config.tokenFrom === undefined ? 'given' : `of ${config.tokenFrom}`}`,
        };
  if (!config.urlGiven)
    for (const folder of config.stateDirs) {
      const { socket, token } = statePaths(folder);
      if (!(await isListening(socket))) continue;
      const found = given ?? (await readToken([token]));
      if (given === undefined && !(await haveOneOwner(socket, token))) continue;
      return { url: new URL(LOCAL_URL), socketPath: socket, retryDelays, ...found };
    }
  const { url } = config;
  if (given !== undefined) return { url, readTls: tls, retryDelays, ...given };
  if (config.tls.cert !== undefined)
    return {
      url,
      readTls: tls,
      retryDelays,
      token: undefined,
      tokenNote: `the server does not accept the certificate of ${config.tls.cert}`,
    };
  const { file, ...found } = await readToken(config.stateDirs.map((folder) => statePaths(folder).token));
  if (file === undefined) return { url, readTls: tls, retryDelays, ...found };
  return { url, readTls: tls, retryDelays, ...found, verifyServer: () => verifyListener(url, file) };
};

/** @throws CliError that names the flag and the file */
const readTls = async ({ ca, cert, key }: ClientTls): Promise<TlsTexts> => {
  if ((cert === undefined) !== (key === undefined))
    throw new CliError(
      cert === undefined ? '--key: expected together with --cert' : '--cert: expected together with --key',
    );
  const texts: TlsTexts = {
    ...(ca !== undefined && { ca: await readTextFile('--ca', ca) }),
    ...(cert !== undefined && { cert: await readTextFile('--cert', cert) }),
    ...(key !== undefined && { key: await readTextFile('--key', key) }),
  };
  await checkTls(texts, { ca, cert, key });
  return texts;
};

/** OpenSSL names neither the file that it cannot use, nor says that the fault is not the server's. */
const checkTls = async (texts: TlsTexts, files: ClientTls): Promise<void> => {
  if (Object.keys(texts).length === 0) return;
  const { createPrivateKey, X509Certificate } = await import('node:crypto');
  const parsed = <T>(name: keyof TlsTexts, expected: string, parse: (text: string) => T): T | undefined => {
    const text = texts[name];
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (cause) {
      throw new CliError(`--${name}: expected ${expected} (PEM), got something else from ${files[name]}`, 1, {
        cause,
      });
    }
  };
  parsed('ca', 'certificates of authorities', (text) => new X509Certificate(text));
  const certificate = parsed('cert', 'a certificate', (text) => new X509Certificate(text));
  const key = parsed('key', 'a private key without a passphrase', (text) => createPrivateKey(text));
  if (key !== undefined && certificate?.checkPrivateKey(key) === false)
    throw new CliError(`--key: expected the key of ${files.cert}, got another one from ${files.key}`);
};

interface Found {
  readonly token: string | undefined;
  readonly readToken?: () => Promise<string>;
  readonly tokenNote: string;
  /** The file that it was read from. */
  readonly file?: string;
}

/** The token of the first file that holds one. */
const readToken = async (files: readonly string[]): Promise<Found> => {
  const tried: string[] = [];
  for (const file of files) {
    try {
      const read = async (): Promise<string> => (await readFile(file, 'utf8')).trim();
      return {
        token: await read(),
        readToken: read,
        file,
        tokenNote: `the server does not accept the token of ${file}`,
      };
    } catch (error) {
      tried.push(`${file}: ${reason(error)}`);
    }
  }
  const note = tried.length === 0 ? '' : ` (looked in ${tried.join('; ')})`;
  return {
    token: undefined,
    tokenNote: `no token: give one with CLOISTER_TOKEN or --token, or a certificate with --cert and --key${note}`,
  };
};

/** Whether the owner of the socket can read the token in any case. */
const haveOneOwner = async (socket: string, token: string): Promise<boolean> => {
  try {
    return (await lstat(socket)).uid === (await stat(token)).uid;
  } catch {
    return false;
  }
};

/**
 * Makes sure that a token which was found in a file is sent only to those who can read that file: the listener is its
 * owner, or root.
 */
const verifyListener = async (url: URL, file: string): Promise<void> => {
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
  const [uids, { uid: owner }] = await Promise.all([listenerUids(url.hostname, port), stat(file)]);
  const listener = uids.find((uid) => uid !== owner && uid !== 0);
  if (listener !== undefined)
    throw new CliError(
      `a program of user ${listener} listens at ${url.host}, and ${file} belongs to user ${owner}: its token is not ` +
        'sent there. If that server is yours, give the token with CLOISTER_TOKEN or --token',
    );
  if (uids.length === 0)
    throw unreachable(
      url.href,
      Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' }),
      false,
    );
};

/** The token to sign in with, as it is now. */
export const tokenOf = async ({ readToken, token }: Connection): Promise<string | undefined> =>
  readToken === undefined ? token : await readToken();

/** The User-Agent of the command line, which is in the audit log. */
export const USER_AGENT = `cloister/${VERSION}`;

/** The name of the server in messages. */
export const placeOf = ({ url, socketPath }: Connection): string => socketPath ?? url.href;

const reason = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'permission denied';
  return error instanceof Error ? error.message : String(error);
};
