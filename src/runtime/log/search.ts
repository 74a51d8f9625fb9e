/** Searches a log for the lines that contain a text. */

import { BEGINNING, type Cursor, formatCursor } from './cursor.ts';
import { LogFile } from './file.ts';
import { HEADER_BYTES } from './frame.ts';
import { LONGEST_TEXT_BYTES, type LogBatch, type LogEntry, type LogStart, type LogStream } from './page.ts';
import { findStart } from './position.ts';
import { decodeUtf8, NOTHING, REPLACEMENT } from './utf8.ts';

export interface Search extends LogStart {
  /** What a line must contain, as bytes of UTF-8; 1 to 1024 of them and no newline. */
  readonly text: string;
  /** Bytes of lines in the page at most, 1 or more; the first line may be longer. */
  readonly mostBytes: number;
  /** Nothing more will be written. Must have been true before the file was opened. */
  readonly closed: boolean;
}

/** Bytes of output that are searched for one page at most. */
export const MOST_SEARCHED_BYTES = 64 << 20;

const NEWLINE = 0x0a;
// A longer line is searched in pieces of this size, so that memory stays bounded.
const LONGEST_LINE = 1 << 20;
const MOST_PIECES = 4096;

/** The part of a line that is in one frame. */
interface Piece {
  readonly stream: LogStream;
  readonly timeNs: bigint;
  readonly frame: number;
  /** Where it is in the payload. */
  readonly start: number;
  readonly bytes: Buffer;
}

/**
 * Finds the lines that contain a text, from where `search` begins. Lines are those of the selected output in the order of
 * the log, as for `tail`. A page has whole lines, each with an entry for every frame that it is in, and ends when it is
 * full or when much was searched: the next page continues at its cursor, and `endOfLog` says that nothing is left. A last
 * line that may still grow is left to the next page.
 *
 * @throws CursorError for an `after` that is malformed or not of this log
 * @throws RangeError for an empty text or one with a newline, and for what `findStart` refuses
 */
export const searchLog = async (path: string, search: Search): Promise<LogBatch> => {
  const needle = Buffer.from(search.text);
  if (needle.length === 0 || needle.includes(NEWLINE) || needle.length > LONGEST_TEXT_BYTES)
    throw new RangeError('text: expected 1 to 1024 bytes of text without newline');
  const file = await LogFile.open(path, search.closed);
  try {
    return await scan(file, search, needle);
  } finally {
    await file.close();
  }
};

const scan = async (file: LogFile, search: Search, needle: Buffer): Promise<LogBatch> => {
  const blocks = file.blocks();
  let { at, taken, cursor } = await findStart(blocks, search, () => file.index());
  const page = new SearchPage(needle, search.mostBytes, cursor);
  let searched = 0;
  for (;;) {
    const { header, damagedBytes, ...next } = await blocks.next(at);
    page.damage(damagedBytes);
    if (header === undefined) break;
    if (next.at !== at) taken = 0;
    at = next.at;
    searched += damagedBytes;
    const payload = await blocks.read(at + HEADER_BYTES, header.length);
    if (header.kind === 'resized') page.drop(0);
    else if (header.kind === 'dropped') page.drop(taken === 0 ? Number(payload.readBigUInt64LE()) : 0);
    else if ((search.stream ?? header.stream) === header.stream) {
      if (!page.add({ stream: header.stream, timeNs: header.timeNs, frame: at }, payload, taken))
        return page.take(false);
      searched += payload.length - taken;
    }
    page.pass(at, header.length);
    at += HEADER_BYTES + header.length;
    taken = 0;
    if (searched >= MOST_SEARCHED_BYTES) return page.take(false);
  }
  if (!search.closed || !page.settle()) return page.take(false);
  page.end();
  return page.take(true);
};

/** A page of lines that is being filled, and the line that is being read. */
class SearchPage {
  readonly #needle: Buffer;
  readonly #entries: LogEntry[] = [];
  #room: number;
  #line: Piece[] = [];
  #length = 0;
  /** After the last line that was searched: where the next page continues. */
  #cursor: Cursor;
  /** Bytes dropped before the cursor, and after it. */
  #dropped = 0;
  #ahead = 0;
  /** Of these, bytes that are damaged. */
  #damaged = 0;
  #damagedAhead = 0;

  constructor(needle: Buffer, room: number, cursor: Cursor) {
    this.#needle = needle;
    this.#room = room;
    this.#cursor = cursor;
  }

  /** Adds the payload of a frame from byte `taken`. False when the page is full. */
  add(frame: Omit<Piece, 'start' | 'bytes'>, payload: Buffer, taken: number): boolean {
    for (let from = this.#skip(frame.frame, payload, taken); from < payload.length; ) {
      const newline = payload.indexOf(NEWLINE, from);
      const whole = newline < 0 ? payload.length : newline + 1;
      const to = Math.min(whole, from + LONGEST_LINE - this.#length);
      this.#line.push({ ...frame, start: from, bytes: Buffer.from(payload.subarray(from, to)) });
      this.#length += to - from;
      from = to;
      if (to === newline + 1) {
        if (!this.settle() || this.#room <= 0) return false;
      } else if (this.#length >= LONGEST_LINE || this.#line.length >= MOST_PIECES) {
        if (!this.#cut() || this.#room <= 0) return false;
      }
    }
    return true;
  }

  /** Whole lines in which the text does not begin need not be searched one by one. */
  #skip(frame: number, payload: Buffer, taken: number): number {
    const end = payload.lastIndexOf(NEWLINE) + 1;
    if (this.#line.length > 0 || end <= taken) return taken;
    if (payload.subarray(taken, end).includes(this.#needle)) return taken;
    this.#advance({ frame, taken: end });
    return end;
  }

  /** Counts bytes that were dropped between two frames. */
  drop(bytes: number): void {
    this.#ahead += bytes;
  }

  /** Counts damage between two frames. */
  damage(bytes: number): void {
    this.#ahead += bytes;
    this.#damagedAhead += bytes;
  }

  /** A frame was read to its end. */
  pass(frame: number, length: number): void {
    if (this.#line.length === 0) this.#advance({ frame, taken: length });
  }

  /** Searches the line that was read; false when it has to wait for the next page. */
  settle(): boolean {
    const last = this.#line.at(-1);
    if (last === undefined) return true;
    const bytes =
      this.#line.length === 1 ? last.bytes : Buffer.concat(this.#line.map((piece) => piece.bytes));
    if (bytes.includes(this.#needle)) {
      if (this.#length > this.#room && this.#entries.length > 0) return false;
      this.#entries.push(...toEntries(this.#line));
      this.#room -= this.#length;
    }
    this.#line = [];
    this.#length = 0;
    this.#advance({ frame: last.frame, taken: last.start + last.bytes.length });
    return true;
  }

  /** Searches the beginning of a line that is too long, and keeps the end, in which a match could begin. */
  #cut(): boolean {
    const rest = overlap(this.#line, this.#needle.length - 1);
    if (!this.settle()) return false;
    this.#line = rest;
    this.#length = rest.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const [first] = rest;
    if (first !== undefined) this.#advance({ frame: first.frame, taken: first.start });
    return true;
  }

  #advance(place: Pick<Cursor, 'frame' | 'taken'>): void {
    this.#cursor = { ...BEGINNING, ...place };
    this.end();
  }

  /** Counts what is missing up to here. */
  end(): void {
    this.#dropped += this.#ahead;
    this.#damaged += this.#damagedAhead;
    this.#ahead = 0;
    this.#damagedAhead = 0;
  }

  take(endOfLog: boolean): LogBatch {
    return {
      entries: this.#entries,
      cursor: formatCursor(this.#cursor),
      endOfLog,
      droppedBytes: this.#dropped,
      damagedBytes: this.#damaged,
    };
  }
}

/** The end of a line that was cut, in which a match may begin that the next piece completes. */
const overlap = (line: readonly Piece[], bytes: number): Piece[] => {
  const kept: Piece[] = [];
  let left = bytes;
  for (const piece of line.toReversed()) {
    if (left <= 0) break;
    const part = piece.bytes.subarray(Math.max(0, piece.bytes.length - left));
    kept.unshift({ ...piece, start: piece.start + piece.bytes.length - part.length, bytes: part });
    left -= part.length;
  }
  return kept;
};

/** Each piece as an entry; a character that is split between two pieces of a stream is complete in the second. */
const toEntries = (line: readonly Piece[]): LogEntry[] => {
  const pending = new Map<LogStream, Uint8Array>();
  return line.map(({ stream, timeNs, frame, start, bytes }, index) => {
    const decoded = decodeUtf8(pending.get(stream) ?? NOTHING, bytes);
    pending.set(stream, decoded.pending);
    const isLast = !line.slice(index + 1).some((later) => later.stream === stream);
    const text = isLast && decoded.pending.length > 0 ? decoded.text + REPLACEMENT : decoded.text;
    const cursor = formatCursor({ ...BEGINNING, frame, taken: start + bytes.length });
    return { stream, timeNs, text, bytes, resized: null, cursor };
  });
};
