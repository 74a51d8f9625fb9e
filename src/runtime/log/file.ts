import { type FileHandle, open } from 'node:fs/promises';
import { LogBlocks } from './blocks.ts';

/** A log file held open, as far as it reached then. A missing file is an empty log. */
export class LogFile {
  /** Bytes of it that are looked at. */
  readonly size: number;
  readonly #handle: FileHandle | undefined;

  private constructor(handle: FileHandle | undefined, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  static async open(path: string): Promise<LogFile> {
    const handle = await openIfThere(path);
    try {
      return new LogFile(handle, handle === undefined ? 0 : (await handle.stat()).size);
    } catch (error) {
      await handle?.close();
      throw error;
    }
  }

  /** Blocks for one reading. */
  blocks(signal?: AbortSignal): LogBlocks {
    return new LogBlocks(this.#handle, this.size, signal);
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }
}

const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
};
