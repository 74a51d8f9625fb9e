import type { LogBlocks } from './blocks.ts';
import { BEGINNING, type Cursor, CursorError, formatCursor, parseCursor } from './cursor.ts';
import { HEADER_BYTES } from './frame.ts';
import type { LogStream } from './page.ts';
import { findTail } from './tail.ts';

/** Where reading goes on. */
export interface Position {
  /** Offset of the frame to read next. */
  readonly at: number;
  /** Bytes of its payload that were taken already. */
  readonly taken: number;
  /** The same place as a client is told it. */
  readonly cursor: Cursor;
}

/** Where reading begins: behind a cursor, at the last so many lines, or at the beginning. */
export interface Start {
  readonly after?: string;
  readonly tail?: number;
  readonly stream?: LogStream;
}

/**
 * Finds the place.
 *
 * @throws CursorError for a cursor that is malformed or not of this log
 * @throws RangeError for both `after` and `tail`, or a `tail` that is no whole number from 0 on
 */
export const findStart = async (blocks: LogBlocks, start: Start): Promise<Position> => {
  checkStart(start);
  if (start.after !== undefined) return behind(blocks, parseCursor(start.after));
  if (start.tail === undefined) return { at: 0, taken: 0, cursor: BEGINNING };
  const place = await findTail(blocks, start.tail, start.stream);
  return behind(blocks, { ...BEGINNING, ...place });
};

/** Throws what `findStart` would, as far as that can be told without the log. */
export const checkStart = ({ after, tail }: Start): void => {
  if (after !== undefined) parseCursor(after);
  if (tail === undefined) return;
  if (after !== undefined) throw new RangeError('tail: expected none beside `after`, got both');
  if (!Number.isSafeInteger(tail) || tail < 0) {
    throw new RangeError(`tail: expected a whole number of lines from 0 on, got ${tail}`);
  }
};

const behind = async (blocks: LogBlocks, cursor: Cursor): Promise<Position> => {
  const { frame, taken } = cursor;
  if (frame === 0 && taken === 0) return { at: 0, taken: 0, cursor };
  const header = await blocks.frame(frame);
  const possible =
    header?.kind === 'output' ? taken <= header.length : taken === 0 || taken === header?.length;
  if (header === undefined || !possible) throw foreign(cursor);
  return taken === header.length
    ? { at: frame + HEADER_BYTES + taken, taken: 0, cursor }
    : { at: frame, taken, cursor };
};

/** The refusal of a cursor that is well formed and yet no place in this log. */
export const foreign = (cursor: Cursor): CursorError =>
  new CursorError('a cursor within this log', formatCursor(cursor));
