/** Users and folders of an image, which jobs are checked against. */

import { readFileSync, readlinkSync } from 'node:fs';
import { atPath, childOf, type Found, type Layer, type Lookups, rootOf } from './layers.ts';
import { COVERED_FOLDERS } from './mounts.ts';

/** The user of a command, with ids as they are inside its cell. */
export interface CellUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly name: string | null;
  readonly home: string;
}

/** The files of an image that jobs are checked against. An image does not change while it is used. */
export class ImageFiles {
  /** From the uppermost to the lowest. */
  readonly layers: readonly [Layer, ...Layer[]];
  readonly #ids: number;
  readonly #tables = new Map<string, readonly (readonly string[])[]>();

  /**
   * @param layers from the uppermost to the lowest; or the root folder of an image with only one
   * @param ids how many ids cells have
   */
  constructor(layers: string | readonly [Layer, ...Layer[]], ids: number) {
    this.layers = typeof layers === 'string' ? [{ root: layers, opaque: NOTHING_OPAQUE }] : layers;
    this.#ids = ids;
  }

  /** Which users are accepted: completes "expected ...". */
  get userForm(): string {
    return this.#ids === 1
      ? 'root or 0, the only user of cells here'
      : `user[:group] with names of the image or ids from 0 to ${this.#ids - 1}`;
  }

  /**
   * Finds a user in the image's /etc/passwd and /etc/group.
   *
   * @param user `user` or `user:group`, each a name or a number; a number need not be in the files. With a group that
   *   is not the user's own there are no supplementary ones, as in docker
   * @returns `undefined` when a name does not exist or a number is out of range
   */
  findUser(user: string): CellUser | undefined {
    const [name = '', group, ...more] = user.split(':', 3);
    if (more.length > 0) return undefined;
    const known = this.#findAccount(name);
    if (known === undefined || group === undefined) return known;
    const gid = this.#findGroup(group);
    if (gid === undefined || gid === known.gid) return gid === undefined ? undefined : known;
    return { ...known, gid, groups: [] };
  }

  /** The user of a name or number, with the groups that the files give it; group 0 where they do not know the number. */
  #findAccount(user: string): CellUser | undefined {
    const uid = this.#parseId(user);
    const entry = this.#table('/etc/passwd').find((fields) =>
      uid === undefined ? fields[0] === user : Number(fields[2]) === uid,
    );
    const known = entry === undefined ? undefined : this.#fromEntry(entry);
    if (known !== undefined || uid === undefined) return known;
    return { uid, gid: 0, groups: [], name: null, home: '/' };
  }

  #findGroup(group: string): number | undefined {
    const gid = this.#parseId(group);
    if (gid !== undefined) return gid;
    const entry = this.#table('/etc/group').find(([name]) => name === group);
    return entry === undefined ? undefined : this.#parseId(entry[2] ?? '');
  }

  /** A number of a user or group that cells have; `undefined` for anything else. */
  #parseId(text: string): number | undefined {
    return /^\d{1,5}$/.test(text) && Number(text) < this.#ids ? Number(text) : undefined;
  }

  /**
   * Whether a path of a cell is a folder, as far as the image shows. Links are followed inside the image. A path below a
   * file system that every cell mounts (/proc, /dev, ...) is accepted: only the cell itself can check it.
   *
   * @param path absolute
   */
  isFolder(path: string): boolean {
    const place = resolveInside(this.layers, path);
    return place === 'covered' || place?.status.isDirectory() === true;
  }

  #fromEntry(fields: readonly string[]): CellUser | undefined {
    const [name = '', , uid, gid, , home = ''] = fields;
    const user = { uid: Number(uid), gid: Number(gid) };
    if (!(user.uid < this.#ids && user.gid < this.#ids)) return undefined;
    const groups = this.#table('/etc/group')
      .filter(([, , , members = '']) => members.split(',').includes(name))
      .map(([, , group]) => Number(group))
      .filter((group) => group < this.#ids && group !== user.gid);
    return { ...user, groups, name, home: home.startsWith('/') ? home : '/' };
  }

  #table(path: string): readonly (readonly string[])[] {
    const table = this.#tables.get(path) ?? readTable(this.layers, path);
    this.#tables.set(path, table);
    return table;
  }
}

/** The lines of a file like passwd(5), split into fields; none when the image has no such file. */
const readTable = (layers: readonly Layer[], path: string): string[][] => {
  const found = resolveInside(layers, path);
  if (found === undefined || found === 'covered') return [];
  if (!found.status.isFile() || found.status.size > LARGEST_TABLE_BYTES) return [];
  return atPath(found.layer.root, found.path, (own) => readFileSync(own, 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
};

const NOTHING_OPAQUE: ReadonlySet<string> = new Set();
const MOST_LINKS = 40;
// Images are not trusted: a larger file is not read into the server's memory.
const LARGEST_TABLE_BYTES = 4 * 1024 * 1024;

// Images are not trusted: links from one deep folder to the next, in many layers, would lead on and on, and the server does
// nothing else meanwhile.
const MOST_LOOKUPS = 5000;

/**
 * Resolves a path as the cell would, never out of the image: `..` stops at its root and absolute links start there.
 *
 * @returns what is there, which is no link; `covered` for a place below a file system that every cell mounts; `undefined`
 *   when it does not exist, or takes too long to find
 */
const resolveInside = (layers: readonly Layer[], path: string): Found | 'covered' | undefined => {
  const lookups: Lookups = { left: MOST_LOOKUPS };
  const root = rootOf(layers, lookups);
  if (root === undefined) return undefined;
  // The folders down to the place that the path has come to; and the names that are left of it, the next one last.
  let above: Found[] = [];
  let here = root;
  const left = path.split('/').reverse();
  for (let links = 0, part = left.pop(); part !== undefined; part = left.pop()) {
    // What a slash follows is a folder, also in `file/` and `file/..`.
    if (!here.status.isDirectory()) return undefined;
    if (part === '..') here = above.pop() ?? root;
    if (part === '..' || part === '.' || part === '') continue;
    if (COVERED_FOLDERS.includes(here.path)) return 'covered';
    const next = childOf(here, part, lookups);
    if (next === undefined) return undefined;
    if (!next.status.isSymbolicLink()) {
      above.push(here);
      here = next;
      continue;
    }
    if (++links > MOST_LINKS) return undefined;
    const target = atPath(next.layer.root, next.path, (own) => readlinkSync(own));
    if (target.startsWith('/')) [above, here] = [[], root];
    left.push(...target.split('/').reverse());
  }
  return here;
};
