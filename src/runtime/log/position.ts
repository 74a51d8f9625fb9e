/** Where reading a log begins: from a cursor, lines, a time or a byte. */

import type { LogBlocks } from './blocks.ts';
import { BEGINNING, type Cursor, CursorError, formatCursor, parseCursor } from './cursor.ts';
import type { LogIndex } from './log-index.ts';
import type { LogStart } from './page.ts';
import { findByte, findLine, findTail, findTime, type Place } from './seek.ts';

/** Where reading continues. */
export interface Position {
  /** Offset of the frame to read next. */
  readonly at: number;
  /** Bytes of its payload that were read already. */
  readonly taken: number;
  /** The same position as clients see it. */
  readonly cursor: Cursor;
}

const FIRST: Position = { at: 0, taken: 0, cursor: BEGINNING };

/** The position, where that is known without the log. */
export const knownStart = (start: LogStart): Position | undefined =>
  start.after === undefined && finder(start) === undefined ? FIRST : undefined;

/**
 * Finds the position. For anything but a cursor, which is a position, it uses the index of the log, so that the time
 * does not depend on the size of the log.
 *
 * @throws CursorError for a cursor that is malformed or not of this log
 * @throws RangeError for more than one of the ways to begin, or a number that is not whole or below 0
 */
export const findStart = async (
  blocks: LogBlocks,
  start: LogStart,
  openIndex: () => Promise<LogIndex>,
): Promise<Position> => {
  checkStart(start);
  if (start.after !== undefined) return positionAt(blocks, parseCursor(start.after));
  const find = finder(start);
  if (find === undefined) return FIRST;
  const index = await openIndex();
  try {
    return await positionAt(blocks, { ...BEGINNING, ...(await find(blocks, index)) });
  } finally {
    await index.close();
  }
};

const finder = ({
  line,
  tail,
  sinceNs,
  offset,
  stream,
}: LogStart): ((blocks: LogBlocks, index: LogIndex) => Promise<Place>) | undefined => {
  if (line !== undefined) return (blocks, index) => findLine(blocks, index, line, stream);
  if (tail !== undefined) return (blocks, index) => findTail(blocks, index, tail, stream);
  if (sinceNs !== undefined) return (blocks, index) => findTime(blocks, index, sinceNs);
  if (offset !== undefined) return (blocks, index) => findByte(blocks, index, offset, stream);
  return undefined;
};

const WAYS = ['after', 'line', 'tail', 'sinceNs', 'offset'] as const;

const COUNTS = [
  ['line', 1, 'lines'],
  ['tail', 0, 'lines'],
  ['offset', 0, 'bytes'],
] as const;

/**
 * Throws what `findStart` would throw, as far as that is known without the log.
 *
 * @throws RangeError that names the field; CursorError
 */
export const checkStart = (start: LogStart): void => {
  if (start.after !== undefined) parseCursor(start.after);
  const given = WAYS.filter((way) => start[way] !== undefined);
  const [first, second] = given;
  if (second !== undefined) throw new RangeError(`${second}: expected without \`${first}\`, got both`);
  for (const [name, least, unit] of COUNTS) {
    const number = start[name];
    if (number !== undefined && !(Number.isSafeInteger(number) && number >= least))
      throw new RangeError(`${name}: expected a whole number of ${unit} from ${least} on, got ${number}`);
  }
};

/**
 * The position of a cursor.
 *
 * @throws CursorError when it is not of this log
 */
export const positionAt = async (blocks: LogBlocks, cursor: Cursor): Promise<Position> => {
  const { frame, taken } = cursor;
  if (frame === 0 && taken === 0) return { at: 0, taken: 0, cursor };
  // It was a position before the log was damaged there, and reading continues after it.
  if (await blocks.isDamaged(frame)) return { at: frame, taken: 0, cursor };
  const header = await blocks.frame(frame);
  const possible =
    header?.kind === 'output' ? taken <= header.length : taken === 0 || taken === header?.length;
  if (header === undefined || !possible) throw foreign(cursor);
  return taken === header.length
    ? { at: frame + header.headerBytes + taken, taken: 0, cursor }
    : { at: frame, taken, cursor };
};

/** The error for a cursor that is well formed but not a position in this log. */
export const foreign = (cursor: Cursor): CursorError =>
  new CursorError('a cursor within this log', formatCursor(cursor));
