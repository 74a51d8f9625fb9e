/** Reads and writes the files of cgroups. */

import { constants } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { hasErrno } from '../../errno.ts';

/** The words of a cgroup file: `cgroup.controllers`, `cgroup.subtree_control`, `cgroup.procs`. */
export const readWords = async (path: string): Promise<readonly string[]> =>
  (await readFile(path, 'utf8')).split(/\s+/).filter((word) => word !== '');

/** Writes a value to an existing file: none can be created in a cgroup. */
export const writeValue = (path: string, value: string): Promise<void> =>
  writeFile(path, value, { flag: constants.O_WRONLY });

/** Whether a call failed because the cgroup is gone. ENODEV: it was removed between open and read or write. */
export const isGone = (error: unknown): boolean => hasErrno(error, 'ENOENT', 'ENODEV');
