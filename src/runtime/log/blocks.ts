/** Reads a log in blocks, so that many small frames cost few reads. */

import type { LogBytes } from './bytes.ts';
import {
  type FrameHeader,
  findHeader,
  HEADER_BYTES,
  headerBytesAt,
  isIntact,
  LEAST_HEADER_BYTES,
  parseHeader,
} from './frame.ts';

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

/** A frame whose header was read. */
interface Found {
  readonly at: number;
  readonly header: FrameHeader;
}

/** A log that is read in blocks, up to where it ended when reading began. */
export class LogBlocks {
  /** Bytes of the log that are read at most. */
  readonly sizeBytes: number;
  readonly #bytes: LogBytes;
  readonly #closed: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #blockBytes: number;
  #storage: Buffer = Buffer.alloc(0);
  #block: Buffer = this.#storage;
  #start = 0;
  /** The frame whose payload was last found to have its checksum. */
  #intactAt: number | undefined;

  /**
   * @param closed nothing more will be written
   * @param previous a reading of the same log that is over: what it has read last is not read again
   */
  constructor(
    bytes: LogBytes,
    closed: boolean,
    {
      signal,
      previous,
      blockBytes = BLOCK,
    }: { readonly signal?: AbortSignal; readonly previous?: LogBlocks; readonly blockBytes?: number } = {},
  ) {
    this.#bytes = bytes;
    this.#closed = closed;
    this.sizeBytes = bytes.sizeBytes;
    this.#signal = signal;
    this.#blockBytes = blockBytes;
    if (previous === undefined) return;
    this.#storage = previous.#storage;
    this.#block = previous.#block;
    this.#start = previous.#start;
  }

  /**
   * The header of the frame that begins at `at`; `undefined` if there is no complete frame: the end of the file, a torn
   * frame, or bytes that are not a header. Its payload is not looked at.
   */
  async frame(at: number): Promise<FrameHeader | undefined> {
    const found = await this.#frameAt(at);
    return found !== undefined && this.#isComplete(found) ? found.header : undefined;
  }

  /**
   * The frame at `at`, or the first one after damage there.
   *
   * A frame whose payload is not what its checksum says is damage, and so are bytes that are not a header, if a frame
   * follows them. What looks like a header there must have a payload with its checksum or, in a frame of an earlier
   * release, be followed by another header or the end of the log, since payloads are arbitrary. As long as what shows that
   * may still be written, it is waited for: there is no next frame then. At the end of a closed log, a frame that is not
   * whole and zeros are what a crash leaves behind, and anything else is damage.
   */
  async next(at: number): Promise<Next> {
    let found = this.#holds(at, HEADER_BYTES) ? this.#parse(at) : await this.#frameAt(at);
    if (found === undefined) {
      if (await this.#isTorn(at)) return { at, header: undefined, damagedBytes: 0 };
      found = await this.#resynchronise(at + 1);
    }
    while (found !== undefined && found.at - at <= MOST_SKIPPED_BYTES) {
      if (!this.#isComplete(found)) return { at, header: undefined, damagedBytes: 0 };
      const damageEnd: number | undefined = await this.#bytes.damageEnd?.(found.at, endOf(found) - found.at);
      if (damageEnd !== undefined) found = await this.#resynchronise(damageEnd);
      else if (this.#holdsIntact(found) || (await this.#isIntact(found)))
        return { ...found, damagedBytes: found.at - at };
      // Its header is right, and so it says where the next one is.
      else found = (await this.#frameAt(endOf(found))) ?? (await this.#resynchronise(endOf(found) + 1));
    }
    const lost = this.#closed && !(await this.#isBlank(at));
    return { at, header: undefined, damagedBytes: lost ? this.sizeBytes - at : 0 };
  }

  /** Whether the byte at `at` is known to be damaged. */
  async isDamaged(at: number): Promise<boolean> {
    return at < this.sizeBytes && (await this.#bytes.damageEnd?.(at, 1)) !== undefined;
  }

  /** The first frame from `from` on; `undefined` if there is none, or none yet. */
  async #resynchronise(from: number): Promise<Found | undefined> {
    const end = Math.min(this.sizeBytes, from + MOST_SKIPPED_BYTES);
    for (let at = from; at + LEAST_HEADER_BYTES <= end; ) {
      if (!this.#holds(at, HEADER_BYTES)) await this.#load(at, HEADER_BYTES);
      const start = this.#start;
      const found = findHeader(this.#block, at - start);
      if (found === undefined) {
        // A file that was cut meanwhile has less than it had.
        at = Math.max(at + 1, start + this.#block.length - HEADER_BYTES + 1);
        continue;
      }
      at = start + found;
      if (at + LEAST_HEADER_BYTES > end) return undefined;
      const frame = await this.#frameAt(at);
      if (frame === undefined) return undefined;
      const convincing = await this.#isConvincing(frame);
      if (convincing === undefined) return undefined;
      if (convincing) return frame;
      at += 1;
    }
    return undefined;
  }

  /** Whether what looks like a frame after damage is one; `undefined` as long as what is still to be written decides. */
  async #isConvincing(frame: Found): Promise<boolean | undefined> {
    const end = endOf(frame);
    if (frame.header.checksum !== undefined) {
      if (end <= this.sizeBytes) return this.#isIntact(frame);
      return this.#closed ? false : undefined;
    }
    if (!(await this.#isTorn(end))) return (await this.#frameAt(end)) !== undefined;
    return this.#closed ? end <= this.sizeBytes : undefined;
  }

  /** Whether the log ends before a header at `at` could be whole. */
  async #isTorn(at: number): Promise<boolean> {
    if (at + HEADER_BYTES <= this.sizeBytes) return false;
    if (at + LEAST_HEADER_BYTES > this.sizeBytes) return true;
    return headerBytesAt(await this.read(at, LEAST_HEADER_BYTES), 0) !== LEAST_HEADER_BYTES;
  }

  /** Whether that is known, or can be seen in the bytes that were read last. */
  #holdsIntact({ at, header }: Found): boolean {
    if (header.checksum === undefined || at === this.#intactAt) return true;
    const from = at + header.headerBytes - this.#start;
    const end = from + header.length;
    if (from < 0 || end > this.#block.length || !isIntact(header, this.#block.subarray(from, end)))
      return false;
    this.#intactAt = at;
    return true;
  }

  async #isIntact(frame: Found): Promise<boolean> {
    const { at, header } = frame;
    const length = header.headerBytes + header.length;
    if (!this.#holds(at, length)) await this.#load(at, length);
    return this.#holdsIntact(frame);
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

  /** The frame whose header is at `at`, whether the payload is complete or not. */
  async #frameAt(at: number): Promise<Found | undefined> {
    if (at + LEAST_HEADER_BYTES > this.sizeBytes) return undefined;
    const length = Math.min(HEADER_BYTES, this.sizeBytes - at);
    if (!this.#holds(at, length)) await this.#load(at, length);
    return this.#parse(at);
  }

  #parse(at: number): Found | undefined {
    const header = parseHeader(this.#block, at - this.#start);
    return header === undefined ? undefined : { at, header };
  }

  #isComplete(frame: Found): boolean {
    return endOf(frame) <= this.sizeBytes;
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
    const wanted = Math.max(0, Math.min(Math.max(length, this.#blockBytes), this.sizeBytes - at));
    if (this.#storage.length < wanted) this.#storage = Buffer.allocUnsafe(wanted);
    const storage = this.#storage;
    // Until it is filled it has nothing, also if reading fails.
    this.#block = storage.subarray(0, 0);
    let filled = 0;
    while (filled < wanted) {
      const read = await this.#bytes.read(storage, filled, wanted - filled, at + filled);
      if (read === 0) break;
      filled += read;
    }
    this.#block = storage.subarray(0, filled);
    this.#start = at;
  }
}

const endOf = ({ at, header }: Found): number => at + header.headerBytes + header.length;
