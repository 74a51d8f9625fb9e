/** TLS: who may connect, why others are refused, and files that change while the server runs. */

import { constants, type X509Certificate } from 'node:crypto';
import type { Server as HttpsServer, ServerOptions } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { Decided } from '../access/certificate.ts';
import type { Rights } from '../access/rights.ts';
import type { Log } from '../log.ts';
import { limitedLog } from './limited-log.ts';
import type { RolesFile } from './roles-file.ts';
import { REVOKED, readTlsFiles, type TlsFiles, type TlsPaths, UNTRUSTED } from './tls-files.ts';
import { WatchedFiles } from './watched-files.ts';

/** How the server does TLS. */
export interface TlsSettings extends TlsPaths {
  /** Whether every caller needs a client certificate. Otherwise a token is sufficient. */
  readonly requireClientCert?: boolean;
}

interface Options {
  readonly settings: TlsSettings;
  readonly roles: RolesFile | undefined;
  readonly rights: Rights;
  readonly log: Log;
  /** Milliseconds that a handshake may take. */
  readonly handshakeMs: number;
}

/** A connection with a client certificate. */
interface Presented {
  readonly certificate: X509Certificate;
  decided: Decided;
}

/** Milliseconds in which open streams end by themselves, with an error that says why. */
const CLOSING_MS = 2500;
const NAMES_KEPT = 1000;

/** TLS of one server. */
export class Tls {
  readonly #options: Options;
  readonly #holderOf: typeof import('../access/certificate.ts').holderOf;
  readonly #refusals: Log;
  readonly #watched: WatchedFiles;
  #files: TlsFiles;
  #server: HttpsServer | undefined;
  readonly #presented = new Map<TLSSocket, Presented>();
  readonly #names = new Map<string, boolean>();
  #unwatch: () => void = () => undefined;

  private constructor(
    options: Options,
    watched: WatchedFiles,
    files: TlsFiles,
    holderOf: typeof import('../access/certificate.ts').holderOf,
  ) {
    this.#options = options;
    this.#refusals = limitedLog(options.log);
    this.#watched = watched;
    this.#files = files;
    this.#holderOf = holderOf;
  }

  /** @throws Error that names a file and what is wrong with it */
  static async open(options: Options): Promise<Tls> {
    const { settings, log } = options;
    const watched = await WatchedFiles.at(pathsOf(settings));
    const [files, { holderOf }] = await Promise.all([
      readTlsFiles(settings),
      import('../access/certificate.ts'),
    ]);
    for (const line of files.warnings) log(`TLS: ${line}`, { level: 'warn' });
    return new Tls(options, watched, files, holderOf);
  }

  /** For the server that is then given to `attach`. */
  get serverOptions(): ServerOptions {
    return {
      ...this.#context,
      handshakeTimeout: this.#options.handshakeMs,
      requestCert: this.#asksClients,
      // A refused caller gets an HTTP response that says why: a TLS alert has no text.
      rejectUnauthorized: false,
      SNICallback: (name, use) => {
        if (!this.isNamed(name))
          this.#refusals(`TLS: the certificate of this server is not for ${JSON.stringify(name)}`, {
            level: 'warn',
          });
        use(null);
      },
    };
  }

  /** Starts to check connections, and to watch the files. */
  attach(server: HttpsServer): void {
    this.#server = server;
    server.on('secureConnection', (socket) => {
      // A connection over the Unix socket comes the same way.
      if (socket instanceof TLSSocket) this.#accept(socket);
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, { remoteAddress }) => {
      const why = failureOf(error);
      if (why !== undefined) this.#refusals(`TLS: ${why}`, { level: 'warn', address: remoteAddress });
    });
    this.#unwatch = this.#watched.follow(() => this.#load());
    this.#options.roles?.onChange(() => this.#decideAgain());
  }

  /** Stops watching the files. */
  close(): void {
    this.#unwatch();
  }

  /** Whether the server's certificate is for a host name, with or without a port. */
  isNamed(host: string): boolean {
    const name = host.replace(/:\d+$/, '');
    let known = this.#names.get(name);
    if (known === undefined) {
      known = this.#files.certificate.checkHost(name) !== undefined;
      if (this.#names.size >= NAMES_KEPT) this.#names.clear();
      this.#names.set(name, known);
    }
    return known;
  }

  /** Who the caller on a connection is by its certificate; `undefined` without one. */
  callerOn(socket: unknown): Decided | undefined {
    if (!(socket instanceof TLSSocket)) return undefined;
    const decided = this.#presented.get(socket)?.decided;
    if (decided === undefined)
      return this.#options.settings.requireClientCert === true
        ? { refusal: 'expected one, got none' }
        : undefined;
    const until = decided.identity?.validUntil;
    return until !== undefined && until.getTime() <= Date.now() ? { refusal: expired(until) } : decided;
  }

  get #asksClients(): boolean {
    return this.#options.settings.clientCa !== undefined;
  }

  get #context() {
    const { cert, key, ca, crl } = this.#files;
    return {
      cert,
      key,
      minVersion: 'TLSv1.3' as const,
      ...(this.#asksClients && {
        ca: [...ca],
        ...(crl.length > 0 && { crl: [...crl] }),
        // A session that is resumed would bring a certificate that is not verified again.
        secureOptions: constants.SSL_OP_NO_TICKET,
      }),
    };
  }

  #accept(socket: TLSSocket): void {
    const { rights } = this.#options;
    const { remoteAddress } = socket;
    const certificate = socket.getPeerX509Certificate();
    if (!this.#asksClients || certificate === undefined) return;
    const decided = this.#decide(certificate, socket);
    this.#presented.set(socket, { certificate, decided });
    let timer: NodeJS.Timeout | undefined;
    const forget =
      decided.identity === undefined
        ? undefined
        : // Streams and WebSockets on it say why before.
          rights.onEnd(decided.identity, () => {
            timer = setTimeout(() => socket.destroy(), CLOSING_MS);
          });
    socket.once('close', () => {
      this.#presented.delete(socket);
      forget?.();
      clearTimeout(timer);
    });
    if (decided.refusal !== undefined)
      this.#refusals(`TLS: the certificate of ${nameOf(certificate)}: ${decided.refusal}`, {
        level: 'warn',
        code: 'UNAUTHENTICATED',
        address: remoteAddress,
      });
  }

  #decide(certificate: X509Certificate, socket: TLSSocket): Decided {
    if (!socket.authorized) {
      // OpenSSL looks for lists of revoked certificates before it looks for those who signed.
      const code = this.#files.isTrusted(certificate) ? String(socket.authorizationError) : 'CERT_UNTRUSTED';
      return { refusal: reasonOf(code, certificate) };
    }
    return this.#holderOf(Uint8Array.from(certificate.raw), this.#options.roles?.current);
  }

  /**
   * Applies the current content of the files. Files that do not match each other are read again when one of them
   * changes.
   */
  async #load(): Promise<void> {
    const { settings, log } = this.#options;
    try {
      const files = await readTlsFiles(settings);
      this.#files = files;
      this.#names.clear();
      this.#server?.setSecureContext(this.#context);
      for (const line of files.warnings) log(`TLS: ${line}`, { level: 'warn' });
    } catch (error) {
      log(`TLS: the changed files are not used: ${error instanceof Error ? error.message : String(error)}`, {
        level: 'error',
      });
      return;
    }
    log(`TLS: the changed files are used: a certificate until ${this.#files.certificate.validTo}`);
    this.#decideAgain();
  }

  /** Ends what is open with certificates that are not accepted any more, or for somebody else. */
  #decideAgain(): void {
    for (const presented of this.#presented.values()) {
      const { identity } = presented.decided;
      if (identity === undefined) continue;
      const { certificate } = presented;
      const why = this.#files.refusalOf(certificate);
      const decided =
        why === undefined
          ? this.#holderOf(Uint8Array.from(certificate.raw), this.#options.roles?.current)
          : { refusal: why };
      const same = decided.identity?.subject === identity.subject && decided.identity.role === identity.role;
      if (same) continue;
      presented.decided = { refusal: decided.refusal ?? 'its role was changed: connect again' };
      this.#options.rights.end(
        identity.credential ?? '',
        why === REVOKED ? 'the certificate was revoked' : 'the certificate is not accepted any more',
      );
    }
  }
}

const pathsOf = ({ certificate, key, clientCa, crl }: TlsPaths): readonly string[] =>
  [certificate, key, clientCa, crl].filter((path) => path !== undefined);

const nameOf = ({ subject }: X509Certificate): string => JSON.stringify(subject.replaceAll('\n', ', '));

const expired = (until: Date): string => `it has expired on ${until.toISOString()}`;

/** Why a certificate was not verified, by the code of OpenSSL, as the end of a sentence. */
const reasonOf = (code: string, { validFromDate, validToDate }: X509Certificate): string => {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return validToDate.getTime() <= Date.now()
        ? expired(validToDate)
        : 'one that it depends on has expired';
    case 'CERT_NOT_YET_VALID':
      return validFromDate.getTime() > Date.now()
        ? `it is not valid before ${validFromDate.toISOString()}`
        : 'one that it depends on is not valid yet';
    case 'CERT_REVOKED':
      return REVOKED;
    case 'INVALID_PURPOSE':
      return 'it is not for clients (extended key usage)';
    case 'CRL_HAS_EXPIRED':
      return 'the list of revoked certificates of --tls-crl is out of date';
    case 'UNABLE_TO_GET_CRL':
      return '--tls-crl has no list of revoked certificates of its authority';
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
    case 'CERT_UNTRUSTED':
    case 'INVALID_CA':
      return UNTRUSTED;
    default:
      return `it could not be verified (${code})`;
  }
};

/** Why a handshake failed; `undefined` where the client just left. */
const failureOf = ({ code = '', message }: NodeJS.ErrnoException): string | undefined => {
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    case 'ERR_SSL_UNSUPPORTED_PROTOCOL':
    case 'ERR_SSL_NO_PROTOCOLS_AVAILABLE':
    case 'ERR_SSL_VERSION_TOO_LOW':
      return 'the client does not support TLS 1.3';
    case 'ERR_SSL_HTTP_REQUEST':
      return 'the client sent a request without TLS: its URL has to begin with https';
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA':
      return "the client does not trust the authority of this server's certificate";
    case 'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE':
    case 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN':
      return "the client does not accept this server's certificate";
    case 'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED':
    case 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED':
      return "the client finds that this server's certificate has expired";
    case 'ERR_TLS_HANDSHAKE_TIMEOUT':
      return 'the client did not complete the handshake in time';
    default:
      return `the handshake failed: ${message}`;
  }
};
