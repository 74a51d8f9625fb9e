/** Rebuilds the index of a log. */

import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import type { LogBlocks } from './blocks.ts';
import { encodeLandmark, indexPath, ORIGIN, STRIDE_BYTES } from './log-index.ts';
import { walk } from './walk.ts';

/**
 * Rebuilds the index of a log from all of its frames: for a log whose index is missing or damaged, and that nobody
 * writes any more. It is written to another file and renamed, so that readers see the old one or the new one.
 */
export const writeIndex = async (logPath: string, blocks: LogBlocks): Promise<void> => {
  const path = indexPath(logPath);
  const aside = `${path}.${randomUUID()}`;
  try {
    const file = await open(aside, 'wx', 0o600);
    try {
      const records: Buffer[] = [];
      let next = STRIDE_BYTES;
      await walk(blocks, ORIGIN, ({ before }) => {
        if (before.offset >= next) {
          records.push(encodeLandmark(before));
          next = before.offset + STRIDE_BYTES;
        }
        return false;
      });
      await file.writeFile(Buffer.concat(records));
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
};
