/** Opens the bytes of a log, whether its file is compressed or not. */

import type { FileHandle } from 'node:fs/promises';
import type { LogBytes } from './bytes.ts';
import { openIfThere } from './open.ts';
import { PackedBytes } from './packed.ts';
import { isPacked } from './packed-blocks.ts';

/** Opens the bytes of the log at `path`. A missing file is an empty log. */
export const openBytes = async (path: string): Promise<LogBytes> => {
  const handle = await openIfThere(path);
  if (handle === undefined) return EMPTY;
  try {
    const { size: sizeBytes } = await handle.stat();
    return (await isPacked(handle))
      ? await PackedBytes.open(handle, sizeBytes)
      : new PlainBytes(handle, sizeBytes);
  } catch (error) {
    await handle.close();
    throw error;
  }
};

const EMPTY: LogBytes = { sizeBytes: 0, read: async () => 0, close: async () => undefined };

class PlainBytes implements LogBytes {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
  }

  async read(target: Buffer, start: number, length: number, at: number): Promise<number> {
    return (await this.#handle.read(target, start, length, at)).bytesRead;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
