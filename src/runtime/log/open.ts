/** Opens files that may not exist. */

import { type FileHandle, open } from 'node:fs/promises';

/** Opens a file for reading; `undefined` if it does not exist. */
export const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
};
