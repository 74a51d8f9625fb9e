import { type FileHandle, open } from 'node:fs/promises';
import { LogBlocks } from './blocks.ts';
import { LONGEST_PAYLOAD } from './frame.ts';
import { writeIndex } from './index-writer.ts';
import { LogIndex, STRIDE } from './log-index.ts';

// A landmark is due with the first frame behind a stride, and frames are at most that long; twice, to be sure.
const INCOMPLETE = 2 * (STRIDE + LONGEST_PAYLOAD);

/** A log file held open, as far as it reached then. A missing file is an empty log. */
export class LogFile {
  /** Bytes of it that are looked at. */
  readonly size: number;
  readonly #path: string;
  readonly #handle: FileHandle | undefined;

  private constructor(path: string, handle: FileHandle | undefined, size: number) {
    this.#path = path;
    this.#handle = handle;
    this.size = size;
  }

  static async open(path: string): Promise<LogFile> {
    const handle = await openIfThere(path);
    try {
      return new LogFile(path, handle, handle === undefined ? 0 : (await handle.stat()).size);
    } catch (error) {
      await handle?.close();
      throw error;
    }
  }

  /** Blocks for one reading. */
  blocks(signal?: AbortSignal): LogBlocks {
    return new LogBlocks(this.#handle, this.size, signal);
  }

  /**
   * The index beside it, which the caller closes. One that does not reach to the end is made anew where the log is
   * `closed`: nobody else writes it then.
   */
  async index(closed: boolean): Promise<LogIndex> {
    const index = await LogIndex.open(this.#path, this.size);
    try {
      const { offset } = await index.last();
      if (!closed || this.size - offset < INCOMPLETE) return index;
      await writeIndex(this.#path, this.blocks());
    } catch (error) {
      await index.close();
      throw error;
    }
    await index.close();
    return LogIndex.open(this.#path, this.size);
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
