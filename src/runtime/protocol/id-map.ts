/** Maps of ids between user namespaces, as the kernel and the launcher write them (user_namespaces(7)). */

/** A line of a user namespace's id map: `count` ids from `inside` on are `outside` on the host. */
export interface IdRange {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** Reads /proc/PID/uid_map or gid_map. */
export const parseMap = (text: string): readonly IdRange[] =>
  [...text.matchAll(/^\s*(\d+)\s+(\d+)\s+(\d+)$/gm)].map(([, inside, outside, count]) => ({
    inside: Number(inside),
    outside: Number(outside),
    count: Number(count),
  }));
