/** Writes files of the state folder so that a power loss leaves the old one or the new one. */

import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a file, or replaces it: readers find the old one or the new one, whole, and only its owner can read it. It is on
 * disk when the promise settles.
 *
 * @param aside where it is written first, in the same folder
 * @throws the error of the system call when it cannot be written
 */
export const replaceFile = async (path: string, aside: string, text: string): Promise<void> => {
  // What was left by an interrupted attempt would keep its mode.
  await rm(aside, { force: true });
  {
    await using file = await open(aside, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
  }
  await rename(aside, path);
  await syncFolder(dirname(path));
};

/** Syncs a folder, so that the names of its files are on disk (fsync(2)). @throws the error of the system call */
export const syncFolder = async (path: string): Promise<void> => {
  await using folder = await open(path, 'r');
  await folder.sync();
};
