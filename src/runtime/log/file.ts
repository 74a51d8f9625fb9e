/** A log file and its index, held open for reading. */

import { LogBlocks } from './blocks.ts';
import type { LogBytes } from './bytes.ts';
import { LONGEST_PAYLOAD_BYTES } from './frame.ts';
import { writeIndex } from './index-writer.ts';
import { LogIndex, STRIDE_BYTES } from './log-index.ts';
import { openBytes } from './open-bytes.ts';

// A landmark is due at the first frame after a stride, and no frame is longer than that; twice, to be sure.
const INCOMPLETE = 2 * (STRIDE_BYTES + LONGEST_PAYLOAD_BYTES);

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
  get sizeBytes(): number {
    return this.#bytes.sizeBytes;
  }

  /** Whether nothing more was to be written when it was opened. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Blocks for one reading. */
  blocks(options?: ConstructorParameters<typeof LogBlocks>[2]): LogBlocks {
    return new LogBlocks(this.#bytes, this.#closed, options);
  }

  /**
   * Its index, which the caller closes. One that does not reach the end of the log is rebuilt unless `rebuild` is false
   * or the log is still written.
   */
  async index(rebuild = true): Promise<LogIndex> {
    const index = await LogIndex.open(this.#path, this.sizeBytes);
    try {
      const { offset } = await index.last();
      if (!rebuild || !this.#closed || this.sizeBytes - offset < INCOMPLETE) return index;
      await writeIndex(this.#path, this.blocks());
    } catch (error) {
      await index.close();
      throw error;
    }
    await index.close();
    return LogIndex.open(this.#path, this.sizeBytes);
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#bytes.close();
  }
}
