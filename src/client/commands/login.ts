/** The commands `cloister login`, `logout` and `profile`. */

import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import type { ClientConfig } from '../../config/config.ts';
import { endpoint } from '../../config/values.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { WhoAmIDocument } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { note, print } from '../output.ts';
import { isProfileName, type Profile, readProfiles, writeProfiles } from '../profiles.ts';
import { request } from '../request.ts';
import { formatOf, type ListFlags, printList } from '../row-format.ts';
import { type Cell, tableLines } from '../table.ts';

/**
 * `cloister login`: signs in once, to see that it works, and stores the profile. Without a token and a certificate it
 * asks for the token, on a terminal unseen.
 *
 * @param address the URL of the server; the path `/graphql` may be left out
 * @throws CliError for a bad name of a profile, and when the server does not accept the token
 */
export const login = async (config: ClientConfig, address: string): Promise<void> => {
  const url = endpointOf(address);
  const name = config.profile ?? url.host.replaceAll(':', '-').replace(/^\[|\]$/g, '');
  if (!isProfileName(name))
    throw new CliError(
      `--profile: expected letters, digits and . _ @ -, at most 64; got ${JSON.stringify(name)}`,
    );
  const { ca, cert, key } = config.tls;
  const token = config.token ?? (cert === undefined ? await askToken(url) : undefined);
  const profile: Profile = {
    url: url.href,
    ...(token !== undefined && { token }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  // Only what is given here counts, not an earlier profile.
  const { profile: _, ...own } = config;
  const tokenFrom = config.tokenFrom ?? 'standard input';
  const connection = await connect({ ...own, url, urlGiven: true, token, tokenFrom, stateDirs: [] });
  const { viewer } = await request(connection, WhoAmIDocument, {});
  const { profiles } = await readProfiles(config.profilesPath);
  await writeProfiles(config.profilesPath, {
    default: name,
    profiles: new Map([...profiles, [name, profile]]),
  });
  await note(
    `signed in to ${url.href} as ${inert(viewer.subject)} (${viewer.role}), kept as profile ${name}`,
  );
};

const endpointOf = (address: string): URL => {
  const url = endpoint(/^[a-z]+:\/\//i.test(address) ? address : `https://${address}`);
  if (url === undefined || url.username !== '' || url.hash !== '')
    throw new CliError(
      `url: expected an http or https URL, such as https://jobs.example/graphql, got ${JSON.stringify(address)}`,
    );
  return url;
};

const askToken = async ({ host }: URL): Promise<string> => {
  let token: string;
  if (process.stdin.isTTY) {
    process.stderr.write(`Token for ${host}: `);
    // Input is not echoed.
    const output = new Writable({ write: (_chunk, _encoding, done) => done() });
    const terminal = createInterface({ input: process.stdin, output, terminal: true });
    token = (await terminal.question('')).trim();
    terminal.close();
    process.stderr.write('\n');
  } else token = (await readAll(process.stdin)).trim();
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new CliError(
      'token: expected printable ASCII without spaces, on a terminal, from standard input, or by --token',
    );
  return token;
};

/**
 * `cloister logout`: forgets a profile. The token itself stays valid.
 *
 * @throws CliError when there is no such profile
 */
export const logout = async (config: ClientConfig): Promise<void> => {
  const { default: chosen, profiles } = await readProfiles(config.profilesPath);
  const name = config.profile ?? chosen;
  if (name === undefined) throw new CliError('there is no profile to forget');
  const left = new Map(profiles);
  if (!left.delete(name)) throw unknown(name, profiles);
  await writeProfiles(config.profilesPath, {
    ...(chosen !== undefined && chosen !== name && { default: chosen }),
    profiles: left,
  });
  await note(`profile ${inert(name)} is forgotten; its token or certificate stays valid until it is revoked`);
};

/** `cloister profile list`. */
export const listProfiles = async (config: ClientConfig, flags: ListFlags): Promise<void> => {
  formatOf(flags);
  const { default: chosen, profiles } = await readProfiles(config.profilesPath);
  const rows = [...profiles].map(([name, { url, token, cert }]) => ({
    name,
    url,
    method: token !== undefined ? 'token' : cert !== undefined ? 'certificate' : 'none',
    default: name === chosen,
  }));
  const header: readonly Cell[] = ['NAME', 'URL', 'SIGNS IN BY', 'DEFAULT'].map((text) => ({ text }));
  const cells = rows.map(({ name, url, method, default: isDefault }): readonly Cell[] => [
    { text: inert(name) },
    { text: inert(url) },
    { text: method },
    { text: isDefault ? 'yes' : '' },
  ]);
  await printList(rows, flags, () => tableLines([header, ...cells], process.stdout.columns));
};

/**
 * `cloister profile use`: sets the default profile.
 *
 * @throws CliError when there is no such profile
 */
export const useProfile = async (config: ClientConfig, name: string): Promise<void> => {
  const { profiles } = await readProfiles(config.profilesPath);
  if (!profiles.has(name)) throw unknown(name, profiles);
  await writeProfiles(config.profilesPath, { default: name, profiles });
  await print(inert(name));
};

const unknown = (name: string, profiles: ReadonlyMap<string, Profile>): CliError =>
  new CliError(
    `profile: expected one of ${[...profiles.keys()].join(', ') || 'none: there is no profile'}; got ${JSON.stringify(name)}`,
  );
