/** The index of a log: landmarks from which to count lines, bytes and times. */

import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { JOB_FILES } from '../../state/paths.ts';
import { openIfThere } from './open.ts';
import type { LogStream } from './page.ts';

/**
 * Totals of everything before a position in a log at which a frame begins. `launcher/log_index.h` describes how they
 * are stored in the file `index` next to the log.
 */
export interface Landmark {
  /** Offset of the frame in the log. */
  readonly offset: number;
  /** Latest time of a frame, since 1970. */
  readonly latestNs: bigint;
  /** Newlines of each stream. */
  readonly lines: Readonly<Record<LogStream, number>>;
  /** Bytes of output of each stream. */
  readonly bytes: Readonly<Record<LogStream, number>>;
  /** Bytes that were dropped, according to the marks. */
  readonly droppedBytes: number;
  /** Whether each stream ends in the middle of a line. */
  readonly open: Readonly<Record<LogStream, boolean>>;
  /** The stream of the last byte. */
  readonly last: LogStream;
}

/** The beginning of every log. */
export const ORIGIN: Landmark = {
  offset: 0,
  latestNs: 0n,
  lines: { STDOUT: 0, STDERR: 0, TERMINAL: 0 },
  bytes: { STDOUT: 0, STDERR: 0, TERMINAL: 0 },
  droppedBytes: 0,
  open: { STDOUT: false, STDERR: false, TERMINAL: false },
  last: 'STDOUT',
};

/** Bytes of a log between two landmarks, approximately. */
export const STRIDE_BYTES = 1 << 20;

const RECORD = 64;
const CHECK = 60;
const FLAG = { STDOUT: 1, STDERR: 2, LAST_IS_STDERR: 4, STDOUT_IS_TERMINAL: 8 } as const;

/** The path of the index of a log. */
export const indexPath = (logPath: string): string => join(dirname(logPath), JOB_FILES.index);

/** The landmark as a record of 64 bytes. A log has either a terminal, which is counted in place of stdout, or the other two. */
export const encodeLandmark = (landmark: Landmark): Buffer => {
  const { offset, latestNs, lines, bytes, droppedBytes, open: within, last } = landmark;
  const record = Buffer.alloc(RECORD);
  const first = isTerminal(landmark) ? 'TERMINAL' : 'STDOUT';
  const fields = [offset, latestNs, lines[first], lines.STDERR, bytes[first], bytes.STDERR, droppedBytes];
  for (const [index, field] of fields.entries()) record.writeBigUInt64LE(BigInt(field), 8 * index);
  const flags =
    (within[first] ? FLAG.STDOUT : 0) |
    (within.STDERR ? FLAG.STDERR : 0) |
    (last === 'STDERR' ? FLAG.LAST_IS_STDERR : 0) |
    (first === 'TERMINAL' ? FLAG.STDOUT_IS_TERMINAL : 0);
  record.writeUInt32LE(flags, 56);
  record.writeUInt32LE(checkOf(record), CHECK);
  return record;
};

const isTerminal = ({ bytes, last }: Landmark): boolean => last === 'TERMINAL' || bytes.TERMINAL > 0;

const parseLandmark = (record: Buffer): Landmark | undefined => {
  if (record.length < RECORD || record.readUInt32LE(CHECK) !== checkOf(record)) return undefined;
  const number = (at: number): number => Number(record.readBigUInt64LE(at));
  const flags = record.readUInt32LE(56);
  const terminal = (flags & FLAG.STDOUT_IS_TERMINAL) !== 0;
  const open = (flags & FLAG.STDOUT) !== 0;
  const first = terminal ? 'TERMINAL' : 'STDOUT';
  return {
    offset: number(0),
    latestNs: record.readBigUInt64LE(8),
    lines: { ...ORIGIN.lines, [first]: number(16), STDERR: number(24) },
    bytes: { ...ORIGIN.bytes, [first]: number(32), STDERR: number(40) },
    droppedBytes: number(48),
    open: { ...ORIGIN.open, [first]: open, STDERR: (flags & FLAG.STDERR) !== 0 },
    last: (flags & FLAG.LAST_IS_STDERR) !== 0 ? 'STDERR' : first,
  };
};

// FNV-1a with 32 bits (RFC 9923).
const checkOf = (record: Buffer): number => {
  let value = 0x811c9dc5;
  for (const byte of record.subarray(0, CHECK)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
};

/** The open index of a log. A missing file is an index without landmarks. */
export class LogIndex {
  readonly #handle: FileHandle | undefined;
  readonly #count: number;
  readonly #logSizeBytes: number;

  private constructor(handle: FileHandle | undefined, sizeBytes: number, logSizeBytes: number) {
    this.#handle = handle;
    this.#count = Math.floor(sizeBytes / RECORD);
    this.#logSizeBytes = logSizeBytes;
  }

  /** @param logSizeBytes bytes of the log that are read: landmarks after that are ignored */
  static async open(logPath: string, logSizeBytes: number): Promise<LogIndex> {
    const handle = await openIfThere(indexPath(logPath));
    try {
      return new LogIndex(handle, handle === undefined ? 0 : (await handle.stat()).size, logSizeBytes);
    } catch (error) {
      await handle?.close();
      throw error;
    }
  }

  /**
   * The last landmark that `isBefore` holds for, or the beginning of the log. `isBefore` must hold for all up to some
   * landmark and for none after it. A damaged record costs time but not correctness: an earlier one is found then.
   */
  async last(isBefore: (landmark: Landmark) => boolean = () => true): Promise<Landmark> {
    let found = ORIGIN;
    for (let low = 0, high = this.#count; low < high; ) {
      const middle = (low + high) >>> 1;
      const landmark = await this.#read(middle);
      if (landmark !== undefined && landmark.offset <= this.#logSizeBytes && isBefore(landmark)) {
        found = landmark;
        low = middle + 1;
      } else high = middle;
    }
    return found;
  }

  /**
   * The first landmark that `isAfter` holds for, `undefined` if there is none. `isAfter` must hold for all from some
   * landmark on and for none before it. Where a record is damaged, a later one may be found.
   */
  async first(isAfter: (landmark: Landmark) => boolean): Promise<Landmark | undefined> {
    let found: Landmark | undefined;
    for (let low = 0, high = this.#count; low < high; ) {
      const middle = (low + high) >>> 1;
      const landmark = await this.#read(middle);
      if (landmark === undefined || !isAfter(landmark)) low = middle + 1;
      else {
        if (landmark.offset <= this.#logSizeBytes) found = landmark;
        high = middle;
      }
    }
    return found;
  }

  async #read(number: number): Promise<Landmark | undefined> {
    const record = Buffer.alloc(RECORD);
    const { bytesRead } = (await this.#handle?.read(record, 0, RECORD, number * RECORD)) ?? { bytesRead: 0 };
    return parseLandmark(record.subarray(0, bytesRead));
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#handle?.close();
  }
}
