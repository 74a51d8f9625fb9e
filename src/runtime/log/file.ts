import { LogBlocks } from './blocks.ts';
import { type LogBytes, openBytes } from './bytes.ts';
import { LONGEST_PAYLOAD } from './frame.ts';
import { writeIndex } from './index-writer.ts';
import { LogIndex, STRIDE } from './log-index.ts';

// A landmark is due with the first frame behind a stride, and frames are at most that long; twice, to be sure.
const INCOMPLETE = 2 * (STRIDE + LONGEST_PAYLOAD);

/** A log file held open, as far as it reached then. A missing file is an empty log. */
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

  /** Bytes of it that are looked at. */
  get size(): number {
    return this.#bytes.size;
  }

  /** Blocks for one reading. */
  blocks(signal?: AbortSignal): LogBlocks {
    return new LogBlocks(this.#bytes, signal);
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
    await this.#bytes.close();
  }
}
