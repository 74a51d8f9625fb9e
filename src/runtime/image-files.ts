import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import { COVERED_FOLDERS } from './mounts.ts';

/** Who runs in a cell, by the numbers that hold inside it. */
export interface CellUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly name: string | null;
  readonly home: string;
}

/** What a user may be written as, where cells have so many ids. */
export const userForm = (ids: number): string =>
  ids === 1
    ? 'root or 0, the only user of cells here'
    : `a user name of the image, or uid[:gid] with ids from 0 to ${ids - 1}`;

/**
 * Finds a user in an image's /etc/passwd and /etc/group.
 *
 * @param tree the image's root folder
 * @param user a name, or `uid`, or `uid:gid`; a number need not be in the files
 * @param ids how many ids the cell has
 * @returns `undefined` when the name is not there or a number is out of range
 */
export const findUser = (tree: string, user: string, ids: number): CellUser | undefined => {
  const numbers = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(user);
  const entries = table(tree, '/etc/passwd');
  if (numbers === null) {
    const entry = entries.find(([name]) => name === user);
    return entry === undefined ? undefined : fromEntry(tree, entry, ids);
  }
  const uid = Number(numbers[1]);
  const gid = numbers[2] === undefined ? undefined : Number(numbers[2]);
  if (uid >= ids || (gid !== undefined && gid >= ids)) return undefined;
  const entry = entries.find((fields) => Number(fields[2]) === uid);
  const known = entry === undefined ? undefined : fromEntry(tree, entry, ids);
  if (known !== undefined && (gid === undefined || gid === known.gid)) return known;
  return { uid, gid: gid ?? 0, groups: [], name: known?.name ?? null, home: known?.home ?? '/' };
};

/**
 * Whether a path of a cell is a folder, as far as the image shows. Links are followed inside the image. What
 * lies below the file systems that a cell gets anew (/proc, /dev, ...) counts as there: only the cell can say.
 *
 * @param path absolute
 */
export const isFolder = (tree: string, path: string): boolean => {
  const real = resolveInside(tree, path);
  if (real === undefined) return false;
  if (COVERED_FOLDERS.some((folder) => real === folder || real.startsWith(`${folder}/`))) return true;
  return lstatSync(join(tree, real)).isDirectory();
};

const fromEntry = (tree: string, fields: readonly string[], ids: number): CellUser | undefined => {
  const [name = '', , uid, gid, , home = ''] = fields;
  const user = { uid: Number(uid), gid: Number(gid) };
  if (!(user.uid < ids && user.gid < ids)) return undefined;
  const groups = table(tree, '/etc/group')
    .filter(([, , , members = '']) => members.split(',').includes(name))
    .map(([, , group]) => Number(group))
    .filter((group) => group < ids && group !== user.gid);
  return { ...user, groups, name, home: home.startsWith('/') ? home : '/' };
};

/** The lines of a file like passwd(5), split into fields; none when the image has no such file. */
const table = (tree: string, path: string): string[][] => {
  const real = resolveInside(tree, path);
  if (real === undefined || !lstatSync(join(tree, real)).isFile()) return [];
  return readFileSync(join(tree, real), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
};

const MOST_LINKS = 40;

/**
 * Follows a path as the cell would, never out of the image: `..` stops at its root and absolute links start
 * there.
 *
 * @returns the path inside the image without links; `undefined` when it leads nowhere
 */
const resolveInside = (tree: string, path: string): string | undefined => {
  let done = '/';
  const left = path.split('/');
  for (let links = 0; left.length > 0; ) {
    const part = left.shift() ?? '';
    const next = posix.join(done, part);
    if (next === done || part === '..') {
      done = next;
      continue;
    }
    const status = lstatSync(join(tree, next), { throwIfNoEntry: false });
    if (status === undefined) {
      if (COVERED_FOLDERS.some((folder) => next.startsWith(`${folder}/`))) return posix.join(next, ...left);
      return undefined;
    }
    if (!status.isSymbolicLink()) {
      if (left.length > 0 && !status.isDirectory()) return undefined;
      done = next;
      continue;
    }
    if (++links > MOST_LINKS) return undefined;
    const target = readlinkSync(join(tree, next));
    if (target.startsWith('/')) done = '/';
    left.unshift(...target.split('/'));
  }
  return done;
};
