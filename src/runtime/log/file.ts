/** A log file and its index, held open for reading. */

import { LogBlocks } from './blocks.ts';
import type { LogBytes } from './bytes.ts';
import { LONGEST_PAYLOAD } from './frame.ts';
import { writeIndex } from './index-writer.ts';
import { LogIndex, STRIDE } from './log-index.ts';
import { openBytes } from './open-bytes.ts';

// A landmark is due at the first frame after a stride, and no frame is longer than that; twice, to be sure.
const INCOMPLETE = 2 * (STRIDE + LONGEST_PAYLOAD);

/** An open log file, up to where it ended when it was opened. A missing file is an empty log. */
export class LogFile {
  readonly #path: string;
  readonly #bytes: LogBytes;

  private constructor(path: string, bytes: LogBytes) {
    this.#path = path;
    this.#bytes = bytes;
  }

  static async open(path: string): Promise<LogFile> {
    return new LogFile(path, await openBytes(path));
  }

  /** Bytes of it that are read at most. */
  get size(): number {
    return this.#bytes.size;
  }

  /** Blocks for one reading. */
  blocks(signal?: AbortSignal): LogBlocks {
    return new LogBlocks(this.#bytes, signal);
  }

  /**
   * Its index, which the caller closes. An index that does not reach the end of the log is rebuilt if the log is
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
    await this.#bytes.close();
  }
}
