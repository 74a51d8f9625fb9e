/** Kills what is in a cgroup, and removes it. */

import { readFileSync } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type PathWatch, watchPath } from '../../async/watch-path.ts';
import { errnoName } from '../../errno.ts';
import { isGone, writeValue } from './files.ts';

const REMOVE_MOST_MS = 5_000;
const LONGEST_PAUSE_MS = 100;

/**
 * Kills every process in a cgroup and below it (cgroup.kill, Linux 5.14), waits until they have ended, and removes it. It
 * is not an error if the cgroup does not exist.
 *
 * @param mostMs for each of the two waits
 * @throws Error if a process in it does not end, or it cannot be removed
 */
export const removeCgroup = async (path: string, mostMs = REMOVE_MOST_MS): Promise<void> => {
  try {
    await writeValue(join(path, 'cgroup.kill'), '1');
    if (!(await emptied(path, mostMs)))
      throw new Error(`${path}: killed processes live on after ${mostMs} ms`);
    await removeFolders(path, mostMs);
  } catch (error) {
    if (!isGone(error)) throw error;
    // The error is the same for a kernel without cgroup.kill and for a cgroup that is gone.
    if (await isThere(path)) throw error;
  }
};

/**
 * Removes a cgroup that has no processes and no other cgroups below it.
 *
 * @returns false if it has
 * @throws the error of the system call if it cannot be read or removed for another reason
 */
export const removeIfEmpty = async (path: string): Promise<boolean> => {
  try {
    if (isPopulated(path) || (await below(path)).length > 0) return false;
    await removeFolders(path, REMOVE_MOST_MS);
    return true;
  } catch (error) {
    if (isGone(error)) return true;
    // A process was started there meanwhile.
    if (errnoName(error) === 'EBUSY') return false;
    throw error;
  }
};

/** Waits until there are no processes in a cgroup and below it; false if that took too long. */
const emptied = (path: string, mostMs: number): Promise<boolean> => {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const look = () => {
    try {
      if (!isPopulated(path)) resolve(true);
    } catch (error) {
      reject(error);
    }
  };
  let watcher: PathWatch | undefined;
  const timer = setTimeout(() => resolve(false), mostMs);
  // The kernel reports a change a little later (kernfs_notify), and not at all once somebody else removed the cgroup.
  const looks = setInterval(look, LONGEST_PAUSE_MS);
  try {
    // A change of `populated` is an event of inotify(7); the first check is made after the watch is set.
    watcher = watchPath(join(path, 'cgroup.events'), { change: look, error: reject });
    look();
  } catch (error) {
    reject(error);
  }
  return promise.finally(() => {
    clearTimeout(timer);
    clearInterval(looks);
    watcher?.close();
  });
};

const isPopulated = (path: string): boolean =>
  /^populated 1$/m.test(readFileSync(join(path, 'cgroup.events'), 'utf8'));

/**
 * Removes a cgroup and those below it, the deepest first, as soon as the kernel releases them.
 *
 * @throws Error EBUSY if there are processes after `mostMs`
 */
export const removeFolders = async (path: string, mostMs: number): Promise<void> => {
  for (const folder of await below(path)) await removeFolders(folder, mostMs);
  const until = performance.now() + mostMs;
  // EBUSY persists for a moment after `populated 0`, until the last tasks are freed, and no event signals its end.
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await rmdir(path);
    } catch (error) {
      if (isGone(error)) return;
      if (errnoName(error) !== 'EBUSY' || performance.now() > until) throw error;
    }
    await pause(pauseMs);
  }
};

/** Paths of the cgroups directly below one. */
export const below = async (path: string): Promise<readonly string[]> =>
  (await readdir(path, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(path, name));

const isThere = (path: string): Promise<boolean> =>
  readdir(path).then(
    () => true,
    () => false,
  );
