import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import type { LogBlocks } from './blocks.ts';
import { encodeLandmark, indexPath, ORIGIN, STRIDE } from './log-index.ts';
import { walk } from './walk.ts';

/**
 * Makes the index of a log anew, from all of its frames: for a log whose index is missing or damaged, and that nobody
 * writes any more. It is written aside and renamed in, so that readers have the old one or the new one.
 */
export const writeIndex = async (logPath: string, blocks: LogBlocks): Promise<void> => {
  const path = indexPath(logPath);
  const aside = `${path}.${randomUUID()}`;
  try {
    const file = await open(aside, 'wx', 0o600);
    try {
      const records: Buffer[] = [];
      let next = STRIDE;
      await walk(blocks, ORIGIN, ({ before }) => {
        if (before.offset >= next) {
          records.push(encodeLandmark(before));
          next = before.offset + STRIDE;
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
