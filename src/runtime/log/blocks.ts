/** Reads a log in blocks, so that many small frames cost few reads. */

import type { LogBytes } from './bytes.ts';
import { type FrameHeader, HEADER_BYTES, parseHeader } from './frame.ts';

// One read covers a page of 64 KiB and its headers, unless the frames are tiny.
const BLOCK = 80 << 10;

/** A log that is read in blocks, up to where it ended when reading began. */
export class LogBlocks {
  /** Bytes of the log that are read at most. */
  readonly size: number;
  readonly #bytes: LogBytes;
  readonly #signal: AbortSignal | undefined;
  #block: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(bytes: LogBytes, signal?: AbortSignal) {
    this.#bytes = bytes;
    this.size = bytes.size;
    this.#signal = signal;
  }

  /**
   * The header of the frame that begins at `at`; `undefined` if there is no complete frame: the end of the file, a torn
   * frame, or bytes that are no header.
   */
  async frame(at: number): Promise<FrameHeader | undefined> {
    if (at + HEADER_BYTES > this.size) return undefined;
    if (!this.#holds(at, HEADER_BYTES)) await this.#load(at, HEADER_BYTES);
    const header = parseHeader(this.#block, at - this.#start);
    return header !== undefined && at + HEADER_BYTES + header.length <= this.size ? header : undefined;
  }

  /**
   * A view of `length` bytes at `at`, valid until the next call; shorter if the file ends before.
   *
   * @throws the signal's reason when the reading was aborted
   */
  async read(at: number, length: number): Promise<Buffer> {
    if (!this.#holds(at, length)) await this.#load(at, length);
    return this.#block.subarray(at - this.#start, at - this.#start + length);
  }

  #holds(at: number, length: number): boolean {
    return at >= this.#start && at + length <= this.#start + this.#block.length;
  }

  async #load(at: number, length: number): Promise<void> {
    this.#signal?.throwIfAborted();
    const wanted = Math.max(0, Math.min(Math.max(length, BLOCK), this.size - at));
    const block = this.#block.length >= wanted ? this.#block : Buffer.allocUnsafe(wanted);
    let filled = 0;
    while (filled < wanted) {
      const read = await this.#bytes.read(block, filled, wanted - filled, at + filled);
      if (read === 0) break;
      filled += read;
    }
    this.#block = block.subarray(0, filled);
    this.#start = at;
  }
}
