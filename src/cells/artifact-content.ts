/** An artifact on disk, open for reading. */

import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ArtifactContent } from '../jobs/cells.ts';
import { openIfThere } from '../runtime/log/open.ts';

/** Bytes that are read at once. */
const PIECE_BYTES = 256 * 1024;

/** @returns `undefined` when there is no such file */
export const openContent = async (path: string): Promise<ArtifactContent | undefined> => {
  const file = await openIfThere(path);
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    return {
      sizeBytes: size,
      read: (first, last) => Readable.from(pieces(file, first, last), { objectMode: false }),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
};

/** @throws Error when the file ends early */
async function* pieces(file: FileHandle, first: number, last: number): AsyncGenerator<Buffer> {
  for (let at = first; at <= last; ) {
    const length = Math.min(PIECE_BYTES, last - at + 1);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
    if (bytesRead === 0) throw new Error(`an artifact ends ${last - at + 1} bytes early`);
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
