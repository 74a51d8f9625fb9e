/** Compresses the log of a job that has ended. */

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { openIfThere } from './open.ts';
import { packBlock } from './packed.ts';
import { isPacked, PACKED_BLOCK_BYTES, packTable } from './packed-blocks.ts';

// Nothing is gained below the block size of the file system.
const LEAST_BYTES = 4096;

/**
 * Compresses a log that nobody writes any more; its bytes, and so its cursors and its index, stay the same. The packed
 * file is synced before it replaces the other one, which readers that have it open continue to read. A log that does not
 * become smaller is left as it is.
 *
 * @returns bytes of the resulting file; 0 if there is none
 */
export const packLog = async (path: string): Promise<number> => {
  const source = await openIfThere(path);
  if (source === undefined) return 0;
  const aside = `${path}.${randomUUID()}`;
  try {
    const { size: sizeBytes } = await source.stat();
    if (sizeBytes < LEAST_BYTES || (await isPacked(source))) return sizeBytes;
    const target = await open(aside, 'wx', 0o600);
    let packed: number;
    try {
      packed = await copy(source, target, sizeBytes);
      await target.sync();
    } finally {
      await target.close();
    }
    if (packed >= sizeBytes) return sizeBytes;
    await rename(aside, path);
    return packed;
  } finally {
    await source.close();
    await rm(aside, { force: true });
  }
};

const copy = async (source: FileHandle, target: FileHandle, sizeBytes: number): Promise<number> => {
  const blocks: { packed: number; plain: number }[] = [];
  const buffer = Buffer.allocUnsafe(PACKED_BLOCK_BYTES);
  let written = 0;
  for (let at = 0; at < sizeBytes; ) {
    const { bytesRead } = await source.read(buffer, 0, Math.min(PACKED_BLOCK_BYTES, sizeBytes - at), at);
    if (bytesRead === 0) break;
    const block = await packBlock(buffer.subarray(0, bytesRead));
    await target.appendFile(block);
    blocks.push({ packed: block.length, plain: bytesRead });
    at += bytesRead;
    written += block.length;
  }
  const table = packTable(blocks);
  await target.appendFile(table);
  return written + table.length;
};
