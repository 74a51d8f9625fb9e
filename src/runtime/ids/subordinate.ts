/** Subordinate ids: what an administrator set aside for a user (subuid(5)). */

import { execFile } from 'node:child_process';
import { access, constants, readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { IdRow } from './map.ts';

/** The ids that an administrator has set aside for a user (subuid(5), subgid(5)), and the programs that map them. */
export interface Subordinate {
  readonly uids: readonly IdRow[];
  readonly gids: readonly IdRow[];
  /** newuidmap(1) and newgidmap(1): set-uid programs of the package uidmap (shadow-utils). */
  readonly helpers: { readonly uid: string; readonly gid: string };
}

/** Why there are none, and how to get them. */
export interface NoSubordinate {
  readonly reason: string;
  readonly remedy: string;
}

/** Whose subordinate ids are looked for, and where. */
export interface SubordinateOptions {
  readonly user: { readonly uid: number; readonly name: string | undefined };
  /** Folders of programs. Default: `PATH`, and where distributions install them. */
  readonly path?: readonly string[];
  /** The folder of `subuid` and `subgid`. Default `/etc`. */
  readonly etc?: string;
}

/** Finds the ids set aside for a user. */
export const findSubordinate = async (options: SubordinateOptions): Promise<Subordinate | NoSubordinate> => {
  const { user, path = programFolders(), etc = '/etc' } = options;
  if (user.name === undefined) {
    const reason = `user ${user.uid} has no name, which newuidmap asks for`;
    return { reason, remedy: 'give it an entry in /etc/passwd' };
  }
  const [uid, gid, getsubids] = await Promise.all(
    ['newuidmap', 'newgidmap', 'getsubids'].map((program) => find(path, program)),
  );
  if (uid === undefined || gid === undefined) {
    const reason = `${uid === undefined ? 'newuidmap' : 'newgidmap'} is not installed`;
    return { reason, remedy: 'apt-get install uidmap (elsewhere the package is called shadow-utils)' };
  }
  const known = { uid: user.uid, name: user.name };
  const [uids, gids] = await Promise.all([
    rowsOf(known, { getsubids, options: [] }, join(etc, 'subuid')),
    rowsOf(known, { getsubids, options: ['-g'] }, join(etc, 'subgid')),
  ]);
  if (uids.length === 0 || gids.length === 0) {
    const file = join(etc, uids.length === 0 ? 'subuid' : 'subgid');
    return {
      reason: `no ids are set aside for ${user.name} in ${file}`,
      remedy: `as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user.name}`,
    };
  }
  return { uids, gids, helpers: { uid, gid } };
};

/** The user of this process. */
export const thisUser = (): SubordinateOptions['user'] => {
  const uid = process.geteuid?.() ?? -1;
  try {
    return { uid, name: userInfo().username };
  } catch {
    // ENOENT: no entry in the password database.
    return { uid, name: undefined };
  }
};

/** The output of getsubids(1), which also asks network directories; without it, the content of the file. */
const rowsOf = async (
  user: { readonly uid: number; readonly name: string },
  { getsubids, options }: { readonly getsubids: string | undefined; readonly options: readonly string[] },
  file: string,
): Promise<readonly IdRow[]> => {
  if (getsubids !== undefined) {
    // It fails for a user without ids, and does not support numbers instead of names: then the file is read.
    const said = await promisify(execFile)(getsubids, [...options, user.name], { timeout: 5_000 }).catch(
      () => undefined,
    );
    const rows = said === undefined ? [] : parseGetsubids(said.stdout);
    if (rows.length > 0) return rows;
  }
  return parseSubordinate(await readFile(file, 'utf8').catch(() => ''), user);
};

/** Reads lines such as `0: alice 100000 65536`. */
export const parseGetsubids = (text: string): readonly IdRow[] =>
  [...text.matchAll(/^\d+: \S+ (\d+) (\d+)$/gm)].map(([, first, count]) => row(first, count)).filter(isSome);

/** Reads subuid(5): lines such as `alice:100000:65536`, with a name or a number of the user. */
export const parseSubordinate = (
  text: string,
  { uid, name }: { readonly uid: number; readonly name: string },
): readonly IdRow[] =>
  [...text.matchAll(/^([^:#\n]+):(\d+):(\d+)$/gm)]
    .filter(([, owner]) => owner === name || owner === String(uid))
    .map(([, , first, count]) => row(first, count))
    .filter(isSome);

const row = (first = '', count = ''): IdRow => ({ first: Number(first), count: Number(count) });
const isSome = ({ count }: IdRow): boolean => count > 0;

const programFolders = (): readonly string[] => [
  ...(process.env['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/')),
  '/usr/bin',
  '/bin',
];

const find = async (folders: readonly string[], program: string): Promise<string | undefined> => {
  for (const folder of folders) {
    const path = join(folder, program);
    if (await mayExecute(path)) return path;
  }
  return undefined;
};

const mayExecute = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
