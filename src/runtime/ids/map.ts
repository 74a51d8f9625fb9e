/** Id maps of user namespaces (user_namespaces(7)). */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type IdRange, parseMap } from '../protocol/id-map.ts';

/** A range of ids: `count` of them, starting with `first`. */
export interface IdRow {
  readonly first: number;
  readonly count: number;
}

/** The most ids that a cell has: 0 to 65535, the range that distributions hand out and images use. */
export const MOST_IDS = 65_536;

// user_namespaces(7): the initial user namespace maps every id to itself.
const EVERY = 4_294_967_295;

/** The map as `cell userns` takes it. */
export const formatMap = (map: readonly IdRange[]): string =>
  map.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');

/** Whether this is the map of the initial user namespace. */
export const isInitial = (map: readonly IdRange[]): boolean =>
  map.some(({ inside, outside, count }) => inside === 0 && outside === 0 && count === EVERY);

/**
 * Ids of this user namespace that cells can have: those that start with `base` or, in a container that does not have
 * them, the longest range without id 0, which is the server itself; `undefined` if there is no other id.
 */
export const roomFor = (map: readonly IdRange[], base: number): IdRow | undefined => {
  const has = ({ inside, count }: IdRange) => inside <= base && base + MOST_IDS <= inside + count;
  if (map.some(has)) return { first: base, count: MOST_IDS };
  const rows = map.map(({ inside, count }) => {
    const first = Math.max(1, inside);
    return { first, count: Math.min(MOST_IDS, inside + count - first) };
  });
  return rows.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count)[0];
};

/** Maps id 0 to `own` and the ids after it to ranges of outside ids: for the namespace in which cells are made. */
export const lineUp = (own: number, rows: readonly IdRow[]): readonly IdRange[] => {
  const map = [{ inside: 0, outside: own, count: 1 }];
  let inside = 1;
  for (const { first, count } of rows) {
    const taken = Math.min(count, MOST_IDS + 1 - inside);
    if (taken > 0) map.push({ inside, outside: first, count: taken });
    inside += taken;
  }
  return map;
};

/** The map of a cell: the ids after id 0 of `map`, from 0. A line must not extend beyond one of `map`. */
export const behindFirst = (map: readonly IdRange[], count: number): readonly IdRange[] =>
  map
    .filter(({ inside }) => inside > 0 && inside <= count)
    .map((line) => ({
      inside: line.inside - 1,
      outside: line.inside,
      count: Math.min(line.count, count + 1 - line.inside),
    }));

/** The rights of this process, as far as they matter here. */
export interface OwnRights {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
  /** setgroups(2) is not denied. */
  readonly groups: boolean;
  /** Effective capabilities, a bit set (capabilities(7)). */
  readonly capabilities: bigint;
}

/** @param proc where procfs is mounted */
export const readRights = async (proc: string): Promise<OwnRights> => {
  const read = (name: string) => readFile(join(proc, 'self', name), 'utf8');
  const [uids, gids, groups, status] = await Promise.all([
    read('uid_map'),
    read('gid_map'),
    read('setgroups'),
    read('status'),
  ]);
  return {
    uids: parseMap(uids),
    gids: parseMap(gids),
    groups: groups.trim() === 'allow',
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`),
  };
};
