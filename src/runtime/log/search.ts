/** Searches a log for the lines that contain a text. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogBlocks } from './blocks.ts';
import { BEGINNING, type Cursor, formatCursor } from './cursor.ts';
import { LogFile } from './file.ts';
import { type LogBatch, type LogEntry, type LogStart, type LogStream, MOST_CONTEXT_LINES } from './page.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import { findStart, type Position, positionAt } from './position.ts';
import type { Bounds, Reading } from './reader.ts';
import { decodeUtf8, NOTHING, REPLACEMENT } from './utf8.ts';

/** What is looked for in a log, and from where on. */
export interface Search extends LogStart, Bounds {
  /** What a line must contain, as bytes of UTF-8; 1 to 1024 of them and no newline. */
  readonly text: string;
  /** The text is a regular expression; see `compilePattern`. */
  readonly regex?: boolean;
  /** Lines before and after each line that is found, 0 to 100. */
  readonly context?: number;
}

/** What is searched for, and how. `mostBytes` are those of lines in the page; the first of them may be longer. */
export interface SearchBounds extends Bounds {
  readonly pattern: Pattern;
  /** Lines before and after each line that is found. */
  readonly context: number;
}

const NEWLINE = 0x0a;
const MOST_PIECES = 4096;
/** Bytes of lines before a match that are held as its context at most. */
const MOST_HELD_BYTES = 64 << 10;
/** Bytes that are searched in one turn of the event loop. */
const TURN_BYTES = 128 << 10;

/** The part of a line that is in one frame. */
interface Piece {
  readonly stream: LogStream;
  readonly timeNs: bigint;
  readonly frame: number;
  /** Where it is in the payload. */
  readonly start: number;
  readonly bytes: Buffer;
}

/** What is missing between two places. */
interface Missing {
  readonly dropped: number;
  /** Of these, bytes that are damaged. */
  readonly damaged: number;
}

interface Line extends Missing {
  readonly pieces: readonly Piece[];
  readonly length: number;
}

/**
 * Finds the lines that contain a text, from where `search` begins. Lines are those of the selected output in the order of
 * the log, as for `tail`. A page has whole lines, each with an entry for every frame that it is in, and ends when it is
 * full or when much was searched: the next page continues at its cursor, and `endOfLog` says that nothing is left. A last
 * line that may still grow is left to the next page.
 *
 * @throws CursorError for an `after` that is malformed or not of this log
 * @throws PatternError for a bad `text`
 * @throws RangeError for what `findStart` refuses
 */
export const searchLog = async (path: string, search: Search): Promise<LogBatch> => {
  const pattern = compilePattern(search.text, search.regex ?? false);
  const file = await LogFile.open(path, search.closed);
  try {
    const blocks = file.blocks();
    const start = await findStart(blocks, search, () => file.index());
    const { page } = await searchOn(blocks, start, { ...search, pattern, context: search.context ?? 0 });
    return page;
  } finally {
    await file.close();
  }
};

/**
 * Searches on from `from`.
 *
 * @throws RangeError for a context out of range
 */
export const searchOn = async (blocks: LogBlocks, from: Position, bounds: SearchBounds): Promise<Reading> => {
  const { context } = bounds;
  if (!(Number.isInteger(context) && context >= 0 && context <= MOST_CONTEXT_LINES))
    throw new RangeError(`context: expected from 0 to ${MOST_CONTEXT_LINES} lines, got ${context}`);
  const page = new SearchPage(bounds, from.cursor);
  const more = await scan(blocks, from, bounds, page);
  if (bounds.closed && !more) page.end();
  const cursor = page.cursor;
  return { page: page.take(bounds.closed && !more), position: await positionAt(blocks, cursor), more };
};

/** Fills a page. Returns whether more can be read at once. */
const scan = async (
  blocks: LogBlocks,
  from: Position,
  { pattern, stream, closed }: SearchBounds,
  page: SearchPage,
): Promise<boolean> => {
  let { at, taken } = from;
  let searched = 0;
  let turn = TURN_BYTES;
  for (;;) {
    const { header, damagedBytes, ...next } = await blocks.next(at);
    page.miss({ dropped: damagedBytes, damaged: damagedBytes });
    if (header === undefined) break;
    if (next.at !== at) taken = 0;
    at = next.at;
    searched += damagedBytes;
    const payload = await blocks.read(at + header.headerBytes, header.length);
    if (header.kind === 'dropped') {
      if (taken === 0) page.miss({ dropped: Number(payload.readBigUInt64LE()), damaged: 0 });
    } else if (header.kind === 'output' && (stream ?? header.stream) === header.stream) {
      if (!page.add({ stream: header.stream, timeNs: header.timeNs, frame: at }, payload, taken)) return true;
      searched += payload.length - taken;
    }
    page.pass(at, header.length);
    at += header.headerBytes + header.length;
    taken = 0;
    if (searched >= pattern.mostSearchedBytes) return true;
    if (searched >= turn) {
      turn = searched + TURN_BYTES;
      await nextTurn();
    }
  }
  return closed && !page.settle();
};

/** A page of lines that is being filled, and the line that is being read. */
class SearchPage {
  readonly #pattern: Pattern;
  readonly #context: number;
  readonly #entries: LogEntry[] = [];
  #room: number;
  #line: Piece[] = [];
  #length = 0;
  /** Missing in front of the line that is being read, and within it. */
  #ahead: Missing = { dropped: 0, damaged: 0 };
  /** The lines before it that may turn out to be context. */
  #held: Line[] = [];
  #heldBytes = 0;
  /** Lines from here on that are context of the last match. */
  #trailing: number;
  /** After the last line that is settled: where the next page continues. */
  #cursor: Cursor;
  /** After the last frame that was read whole. */
  #passed: Pick<Cursor, 'frame' | 'taken'> | undefined;
  /** Bytes missing before the cursor. */
  #dropped = 0;
  #damaged = 0;

  constructor({ pattern, context, mostBytes }: SearchBounds, cursor: Cursor) {
    this.#pattern = pattern;
    this.#context = context;
    this.#room = mostBytes;
    this.#cursor = cursor;
    this.#trailing = Math.min(context, cursor.context ?? 0);
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  /** Adds the payload of a frame from byte `taken`. False when the page is full. */
  add(frame: Omit<Piece, 'start' | 'bytes'>, payload: Buffer, taken: number): boolean {
    const longest = this.#pattern.longestLineBytes;
    for (let from = this.#skip(frame.frame, payload, taken); from < payload.length; ) {
      const newline = payload.indexOf(NEWLINE, from);
      const whole = newline < 0 ? payload.length : newline + 1;
      const to = Math.min(whole, from + longest - this.#length);
      this.#line.push({ ...frame, start: from, bytes: Buffer.from(payload.subarray(from, to)) });
      this.#length += to - from;
      from = to;
      if (to === newline + 1) {
        if (!this.settle() || this.#room <= 0) return false;
      } else if (this.#length >= longest || this.#line.length >= MOST_PIECES) {
        if (!this.#cut() || this.#room <= 0) return false;
      }
    }
    return true;
  }

  /** Whole lines in which the text does not occur need not be searched one by one, but the last may be context. */
  #skip(frame: number, payload: Buffer, taken: number): number {
    const end = payload.lastIndexOf(NEWLINE) + 1;
    if (this.#line.length > 0 || this.#trailing > 0 || end <= taken) return taken;
    if (this.#pattern.mayMatch(payload.subarray(taken, end))) return taken;
    let kept = end;
    for (let left = this.#context; left > 0 && kept > taken; left--)
      kept = kept - 2 < taken ? taken : Math.max(taken, payload.lastIndexOf(NEWLINE, kept - 2) + 1);
    if (kept === taken) return taken;
    this.#release();
    this.#count(this.#ahead);
    this.#ahead = { dropped: 0, damaged: 0 };
    this.#advance({ frame, taken: kept });
    return kept;
  }

  /** Counts what is missing between two frames. */
  miss({ dropped, damaged }: Missing): void {
    this.#ahead = { dropped: this.#ahead.dropped + dropped, damaged: this.#ahead.damaged + damaged };
  }

  /** A frame was read to its end. */
  pass(frame: number, length: number): void {
    this.#passed = { frame, taken: length };
    if (this.#line.length === 0 && this.#held.length === 0) this.#settleAhead();
  }

  /** Searches the line that was read; false when it has to wait for the next page. */
  settle(): boolean {
    const pieces = this.#line;
    if (pieces.length === 0) return true;
    const line: Line = { pieces, length: this.#length, ...this.#ahead };
    const matched = this.#pattern.matches(contentOf(pieces));
    const wanted = matched ? this.#heldBytes + line.length : this.#trailing > 0 ? line.length : 0;
    if (wanted > this.#room && this.#entries.length > 0) return false;
    this.#line = [];
    this.#length = 0;
    this.#ahead = { dropped: 0, damaged: 0 };
    if (matched) {
      for (const held of this.#held.splice(0)) this.#emit(held, false, 0);
      this.#heldBytes = 0;
      this.#emit(line, true, this.#context);
    } else if (this.#trailing > 0) this.#emit(line, false, this.#trailing - 1);
    else this.#hold(line);
    return true;
  }

  /** @param trailing lines after this one that are context */
  #emit(line: Line, matched: boolean, trailing: number): void {
    this.#trailing = trailing;
    this.#entries.push(...toEntries(line.pieces, matched, trailing));
    this.#room -= line.length;
    this.#settled(line);
  }

  #hold(line: Line): void {
    this.#held.push(line);
    this.#heldBytes += line.length;
    while (this.#held.length > this.#context || this.#heldBytes > MOST_HELD_BYTES) {
      const oldest = this.#held.shift();
      if (oldest === undefined) return;
      this.#heldBytes -= oldest.length;
      this.#settled(oldest);
    }
  }

  /** What was held is context of nothing. */
  #release(): void {
    for (const line of this.#held.splice(0)) this.#settled(line);
    this.#heldBytes = 0;
  }

  #settled(line: Line): void {
    this.#count(line);
    const last = line.pieces.at(-1);
    if (last !== undefined) this.#advance({ frame: last.frame, taken: last.start + last.bytes.length });
  }

  /** Searches the beginning of a line that is too long, and keeps the end, in which a match could begin. */
  #cut(): boolean {
    const rest = overlap(this.#line, this.#pattern.overlapBytes);
    if (!this.settle()) return false;
    // A part of a line is context of nothing after it: the rest has its end.
    this.#release();
    this.#line = rest;
    this.#length = rest.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const [first] = rest;
    if (first !== undefined) this.#advance({ frame: first.frame, taken: first.start });
    return true;
  }

  #advance(place: Pick<Cursor, 'frame' | 'taken'>): void {
    this.#cursor = { ...BEGINNING, ...place, ...contextOf(this.#trailing) };
  }

  #count({ dropped, damaged }: Missing): void {
    this.#dropped += dropped;
    this.#damaged += damaged;
  }

  #settleAhead(): void {
    this.#count(this.#ahead);
    this.#ahead = { dropped: 0, damaged: 0 };
    if (this.#passed !== undefined) this.#advance(this.#passed);
  }

  /** The log ends here. */
  end(): void {
    this.#release();
    this.#settleAhead();
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

const contextOf = (lines: number): Pick<Cursor, 'context'> => (lines > 0 ? { context: lines } : {});

/** The bytes of a line without its newline. */
const contentOf = (pieces: readonly Piece[]): Buffer => {
  const [first] = pieces;
  const bytes =
    first !== undefined && pieces.length === 1 ? first.bytes : Buffer.concat(pieces.map((one) => one.bytes));
  return bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes;
};

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
const toEntries = (line: readonly Piece[], matched: boolean, trailing: number): LogEntry[] => {
  const pending = new Map<LogStream, Uint8Array>();
  return line.map(({ stream, timeNs, frame, start, bytes }, index) => {
    const decoded = decodeUtf8(pending.get(stream) ?? NOTHING, bytes);
    pending.set(stream, decoded.pending);
    const isLast = !line.slice(index + 1).some((later) => later.stream === stream);
    const text = isLast && decoded.pending.length > 0 ? decoded.text + REPLACEMENT : decoded.text;
    const context = index === line.length - 1 ? contextOf(trailing) : {};
    const cursor = formatCursor({ ...BEGINNING, frame, taken: start + bytes.length, ...context });
    return { stream, timeNs, text, bytes, resized: null, matched, cursor };
  });
};
