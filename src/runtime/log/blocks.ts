/** Reads a log in blocks, so that many small frames cost few reads. */

import type { LogBytes } from './bytes.ts';
import { type FrameHeader, findHeader, HEADER_BYTES, parseHeader } from './frame.ts';

// One read covers a page of 64 KiB and its headers, unless the frames are tiny.
const BLOCK = 80 << 10;

/** Bytes of damage that are searched for the next frame at most; more of it hides the rest of the log. */
export const MOST_SKIPPED_BYTES = 16 << 20;

/** What comes next in a log. */
export interface Next {
  /** Where the frame begins. */
  readonly at: number;
  /** `undefined` where there is no more complete frame. */
  readonly header: FrameHeader | undefined;
  /** Bytes before the frame, or before the end of a closed log, that are damaged. */
  readonly damagedBytes: number;
}

/** A log that is read in blocks, up to where it ended when reading began. */
export class LogBlocks {
  /** Bytes of the log that are read at most. */
  readonly sizeBytes: number;
  readonly #bytes: LogBytes;
  readonly #closed: boolean;
  readonly #signal: AbortSignal | undefined;
  #block: Buffer = Buffer.alloc(0);
  #start = 0;

  /** @param closed nothing more will be written */
  constructor(bytes: LogBytes, closed: boolean, signal?: AbortSignal) {
    this.#bytes = bytes;
    this.#closed = closed;
    this.sizeBytes = bytes.sizeBytes;
    this.#signal = signal;
  }

  /**
   * The header of the frame that begins at `at`; `undefined` if there is no complete frame: the end of the file, a torn
   * frame, or bytes that are not a header.
   */
  async frame(at: number): Promise<FrameHeader | undefined> {
    const header = await this.#header(at);
    return header !== undefined && this.#isComplete(at, header) ? header : undefined;
  }

  /**
   * The frame at `at`, or the first one after damage there.
   *
   * Bytes that are not a header are damage if a frame follows them. What looks like one must be followed by another header or
   * the end of the log, since payloads are arbitrary. As long as that, or the rest of it, may still be written, it is
   * waited for: there is no next frame then. At the end of a closed log, a frame that is not whole and zeros are what a
   * crash leaves behind, and anything else is damage.
   */
  async next(at: number): Promise<Next> {
    const header = await this.#header(at);
    let found: Pick<Next, 'at' | 'header'> | undefined = { at, header };
    if (header === undefined) {
      if (at + HEADER_BYTES > this.sizeBytes) return { at, header, damagedBytes: 0 };
      found = await this.#resynchronise(at + 1);
    }
    while (found?.header !== undefined) {
      const { length } = found.header;
      if (!this.#isComplete(found.at, found.header)) return { at, header: undefined, damagedBytes: 0 };
      const end = await this.#bytes.damageEnd?.(found.at, HEADER_BYTES + length);
      if (end === undefined) return { ...found, damagedBytes: found.at - at };
      found = await this.#resynchronise(end);
    }
    const lost = this.#closed && !(await this.#isBlank(at));
    return { at, header: undefined, damagedBytes: lost ? this.sizeBytes - at : 0 };
  }

  /** Whether the byte at `at` is known to be damaged. */
  async isDamaged(at: number): Promise<boolean> {
    return at < this.sizeBytes && (await this.#bytes.damageEnd?.(at, 1)) !== undefined;
  }

  async #resynchronise(from: number): Promise<Pick<Next, 'at' | 'header'> | undefined> {
    const end = Math.min(this.sizeBytes, from + MOST_SKIPPED_BYTES);
    for (let at = from; at + HEADER_BYTES <= end; ) {
      if (!this.#holds(at, HEADER_BYTES)) await this.#load(at, HEADER_BYTES);
      const start = this.#start;
      const found = findHeader(this.#block, at - start);
      if (found === undefined) {
        // A file that was cut meanwhile has less than it had.
        at = Math.max(at + 1, start + this.#block.length - HEADER_BYTES + 1);
        continue;
      }
      at = start + found;
      if (at + HEADER_BYTES > end) return undefined;
      const header = await this.#header(at);
      if (header === undefined) return undefined;
      const follower = at + HEADER_BYTES + header.length;
      const isLast = follower + HEADER_BYTES > this.sizeBytes;
      if (isLast && !this.#closed) return undefined;
      if (isLast ? follower <= this.sizeBytes : (await this.#header(follower)) !== undefined)
        return { at, header };
      at += 1;
    }
    return undefined;
  }

  /** Whether all is zero from `from` on. */
  async #isBlank(from: number): Promise<boolean> {
    for (let at = from; at < this.sizeBytes; ) {
      const bytes = await this.read(at, Math.min(BLOCK, this.sizeBytes - at));
      if (bytes.length === 0) return true;
      if (bytes.some((byte) => byte !== 0)) return false;
      at += bytes.length;
    }
    return true;
  }

  /** The header at `at`, whether the payload is complete or not. */
  async #header(at: number): Promise<FrameHeader | undefined> {
    if (at + HEADER_BYTES > this.sizeBytes) return undefined;
    if (!this.#holds(at, HEADER_BYTES)) await this.#load(at, HEADER_BYTES);
    return parseHeader(this.#block, at - this.#start);
  }

  #isComplete(at: number, { length }: FrameHeader): boolean {
    return at + HEADER_BYTES + length <= this.sizeBytes;
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
    const wanted = Math.max(0, Math.min(Math.max(length, BLOCK), this.sizeBytes - at));
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
