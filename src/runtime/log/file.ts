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
  readonly #closed: boolean;

  private constructor(path: string, bytes: LogBytes, closed: boolean) {
    this.#path = path;
    this.#bytes = bytes;
    this.#closed = closed;
  }

  /** @param closed nothing more will be written; must have been true before */
  static async open(path: string, closed: boolean): Promise<LogFile> {
    return new LogFile(path, await openBytes(path), closed);
  }

  /** Bytes of it that are read at most. */
  get size(): number {
    return this.#bytes.sizeBytes;
  }

  /** Blocks for one reading. */
  blocks(signal?: AbortSignal): LogBlocks {
    return new LogBlocks(this.#bytes, this.#closed, signal);
  }

  /**
   * Its index, which the caller closes. One that does not reach the end of the log is rebuilt unless `rebuild` is false
   * or the log is still written.
   */
  async index(rebuild = true): Promise<LogIndex> {
    const index = await LogIndex.open(this.#path, this.size);
    try {
      const { offset } = await index.last();
      if (!rebuild || !this.#closed || this.size - offset < INCOMPLETE) return index;
      await writeIndex(this.#path, this.blocks());
    } catch (error) {
      await index.close();
      throw error;
    }
    await index.close();
    return LogIndex.open(this.#path, this.size);
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#bytes.close();
  }
}
