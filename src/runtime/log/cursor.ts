/** Cursors: positions in a log that clients can hold. */

import { LONGEST_PAYLOAD_BYTES } from './frame.ts';
import { type LogStream, MOST_CONTEXT_LINES } from './page.ts';
import { isIncomplete, NOTHING } from './utf8.ts';

/** For each stream, the bytes that were read but are only the beginning of a character: 0 to 3. */
export type Pending = Readonly<Record<LogStream, Uint8Array>>;

/**
 * A position in a log, given by the last frame that was read rather than by where the next one will begin: the header
 * of that frame proves the position, also at the end of the log.
 */
export interface Cursor {
  /** Offset of the frame in the file. */
  readonly frame: number;
  /** Bytes of its payload that were read. */
  readonly taken: number;
  readonly pending: Pending;
  /** Lines from here on that are context of a match before it, 1 to 100; left out: none. Of meaning for searches only. */
  readonly context?: number;
}

export const BEGINNING: Cursor = {
  frame: 0,
  taken: 0,
  pending: { STDOUT: NOTHING, STDERR: NOTHING, TERMINAL: NOTHING },
};

/** A cursor that is malformed or does not belong to the log it was used with: the caller's mistake. */
export class CursorError extends Error {
  /** What was expected, as a phrase: "expected ..., got ...". */
  readonly expected: string;
  /** What was received. */
  readonly cursor: string;

  constructor(expected: string, cursor: string) {
    const shown = JSON.stringify(cursor);
    super(`cursor: expected ${expected}, got ${shown.length > 80 ? `${shown.slice(0, 77)}...` : shown}`);
    this.name = 'CursorError';
    this.expected = expected;
    this.cursor = cursor;
  }
}

/** The cursor as clients see it. Opaque to them; `"0"` is the beginning of every log. */
export const formatCursor = ({ frame, taken, pending, context = 0 }: Cursor): string => {
  const streams = [pending.STDOUT, pending.STDERR, pending.TERMINAL];
  const parts = [String(frame), String(taken), ...streams.map(hex)];
  while (parts.at(-1) === '') parts.pop();
  const place = parts.length === 2 && taken === 0 ? String(frame) : parts.join('.');
  return context > 0 ? `${place}+${context}` : place;
};

const LONGEST_CURSOR = 64;
const SHAPE = /^(\d+)(?:\.(\d+)(?:\.([0-9a-f]*)(?:\.([0-9a-f]*)(?:\.([0-9a-f]+))?)?)?)?(?:\+(\d{1,3}))?$/;

/** @throws CursorError for anything that `formatCursor` does not write */
export const parseCursor = (text: string): Cursor => {
  const match = text.length <= LONGEST_CURSOR ? SHAPE.exec(text) : null;
  if (match !== null) {
    const [, frame, taken = '0', stdout = '', stderr = '', terminal = '', context] = match;
    const cursor: Cursor = {
      frame: Number(frame),
      taken: Number(taken),
      pending: { STDOUT: unhex(stdout), STDERR: unhex(stderr), TERMINAL: unhex(terminal) },
      ...(context !== undefined && { context: Number(context) }),
    };
    // Formatted again it must be the same: so each position has one spelling, and half bytes and leading zeros fail.
    if (isPossible(cursor) && formatCursor(cursor) === text) return cursor;
  }
  throw new CursorError('a cursor of this log', text);
};

const isPossible = ({ frame, taken, pending, context = 0 }: Cursor): boolean =>
  Number.isSafeInteger(frame) &&
  taken <= LONGEST_PAYLOAD_BYTES &&
  context <= MOST_CONTEXT_LINES &&
  Object.values(pending).every((bytes) => bytes.length === 0 || isIncomplete(bytes));

const hex = (bytes: Uint8Array): string => (bytes.length === 0 ? '' : Buffer.from(bytes).toString('hex'));
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
