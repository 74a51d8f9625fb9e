/** Reads and writes the files of cgroups. */

import { constants } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';

/** The words of a cgroup file: `cgroup.controllers`, `cgroup.subtree_control`, `cgroup.procs`. */
export const readWords = async (path: string): Promise<readonly string[]> =>
  (await readFile(path, 'utf8')).split(/\s+/).filter((word) => word !== '');

/** Writes a value to an existing file: none can be created in a cgroup. */
export const writeValue = (path: string, value: string): Promise<void> =>
  writeFile(path, value, { flag: constants.O_WRONLY });

/** The errno(3) name of a failed system call; `undefined` for any other error. */
export const errnoName = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Whether a call failed because the cgroup is gone. ENODEV: it was removed between open and read or write. */
export const isGone = (error: unknown): boolean => {
  const name = errnoName(error);
  return name === 'ENOENT' || name === 'ENODEV';
};
