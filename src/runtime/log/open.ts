/** Opens files that may not exist. */

import { type FileHandle, open } from 'node:fs/promises';
import { hasErrno } from '../../errno.ts';

/** Opens a file for reading; `undefined` if it does not exist. */
export const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
};
