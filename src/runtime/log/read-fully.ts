/** Reads a range of a file as a whole. */

import type { FileHandle } from 'node:fs/promises';

/** The `length` bytes of a file from `at` on; fewer where the file ends before. */
export const readFully = async (handle: FileHandle, at: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
};
