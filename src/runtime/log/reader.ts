/** Reads a log in pages. */

import { type LogBlocks, MOST_SKIPPED_BYTES } from './blocks.ts';
import { type Cursor, formatCursor } from './cursor.ts';
import { LogFile } from './file.ts';
import { parseSize } from './frame.ts';
import { LOG_STREAMS, type LogBatch, type LogEntry, type LogStart, type LogStream } from './page.ts';
import { findStart, foreign, type Position } from './position.ts';
import { countLines } from './seek.ts';
import { decodeUtf8, incompleteEnd, NOTHING, REPLACEMENT } from './utf8.ts';

/** The most entries in a page, so that a log of single bytes does not give pages of 65536 entries. */
export const MOST_ENTRIES = 1024;

/** How much a page holds, and of what. */
export interface Bounds {
  /** Bytes of payload in the page at most; 1 or more. A frame is cut where they end. */
  readonly mostBytes: number;
  /** Only this stream; both if left out. */
  readonly stream?: LogStream;
  /** Nothing more will be written. Must have been true before the file was opened. */
  readonly closed: boolean;
}

/**
 * Reads one page of the log at `path`. A missing file is an empty log. A torn last frame is
 * skipped: at the end of a closed log for good, before that it may still become whole. Damage is passed over and counted.
 *
 * At the end of the log a character that was never completed becomes U+FFFD: in the last entry of its stream or, if that
 * was in an earlier page, in an entry of its own without bytes.
 *
 * @throws CursorError for an `after` that is malformed or not of this log
 * @throws RangeError for numbers out of range, and for more than one way to begin
 */
export const readLogPage = (path: string, request: LogStart & Bounds): Promise<LogBatch> =>
  withLog(path, request.closed, async (file) => {
    const blocks = file.blocks();
    const start = await findStart(blocks, request, () => file.index());
    const { page } = await readOn(blocks, start, request);
    return page;
  });

/**
 * Resolves when `after` is a cursor of the log at `path`.
 *
 * @throws CursorError when it is not
 */
export const checkCursor = (path: string, after: string): Promise<void> =>
  withLog(path, false, async (file) => {
    await findStart(file.blocks(), { after }, () => file.index());
  });

/** How many lines the log at `path` has so far, of one stream or of all; a last line without newline counts. */
export const lineCount = (path: string, closed: boolean, stream?: LogStream): Promise<number> =>
  withLog(path, closed, async (file) => {
    const index = await file.index();
    try {
      return await countLines(file.blocks(), index, stream);
    } finally {
      await index.close();
    }
  });

const withLog = async <T>(path: string, closed: boolean, use: (file: LogFile) => Promise<T>): Promise<T> => {
  const file = await LogFile.open(path, closed);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
};

/** A page that was read, and how to continue. */
export interface Reading {
  readonly page: LogBatch;
  readonly position: Position;
  /** The page is full, and more can be read at once. */
  readonly more: boolean;
}

type Draft = Omit<LogEntry, 'cursor'> & { readonly cursor: Cursor };

/**
 * Reads on from `from`.
 *
 * @throws CursorError when the log does not reach that far (any more)
 */
export const readOn = async (blocks: LogBlocks, from: Position, bounds: Bounds): Promise<Reading> => {
  if (!Number.isSafeInteger(bounds.mostBytes) || bounds.mostBytes < 1) {
    throw new RangeError(`mostBytes: expected a whole number of bytes from 1 on, got ${bounds.mostBytes}`);
  }
  if (from.at > blocks.sizeBytes) throw foreign(from.cursor);
  let { at, taken, cursor } = from;
  let room = bounds.mostBytes;
  let droppedBytes = 0;
  let damagedBytes = 0;
  let more = false;
  const drafts: Draft[] = [];

  for (;;) {
    // The payload of a frame for which there is no room need not be read.
    if (
      (room === 0 || drafts.length === MOST_ENTRIES) &&
      (await isWanted(blocks, at, taken, bounds.stream))
    ) {
      more = true;
      break;
    }
    const next = await blocks.next(at);
    const { header } = next;
    if (header === undefined) {
      damagedBytes += next.damagedBytes;
      break;
    }
    // The rest of the frame that was begun is damaged.
    if (next.at !== at) taken = 0;
    const start = next.at + header.headerBytes;
    const rest = header.length - taken;
    let { pending } = cursor;

    if (header.kind === 'dropped') {
      droppedBytes += Number((await blocks.read(start, header.length)).readBigUInt64LE());
      taken = header.length;
    } else if (header.kind === 'resized') {
      if (taken === 0 && (bounds.stream ?? 'TERMINAL') === 'TERMINAL') {
        if (drafts.length === MOST_ENTRIES) {
          more = true;
          break;
        }
        const resized = parseSize(await blocks.read(start, header.length));
        const after = { frame: next.at, taken: header.length, pending };
        const { timeNs } = header;
        drafts.push({ stream: 'TERMINAL', timeNs, text: '', bytes: NOTHING, resized, cursor: after });
      }
      taken = header.length;
    } else if (rest > 0 && (bounds.stream ?? header.stream) === header.stream) {
      if (room === 0 || drafts.length === MOST_ENTRIES) {
        more = true;
        break;
      }
      const bytes = Buffer.from(await blocks.read(start + taken, Math.min(rest, room)));
      const decoded = decodeUtf8(pending[header.stream], bytes);
      room -= bytes.length;
      taken += bytes.length;
      pending = { ...pending, [header.stream]: decoded.pending };
      const { stream, timeNs } = header;
      drafts.push({
        stream,
        timeNs,
        text: decoded.text,
        bytes,
        resized: null,
        cursor: { frame: next.at, taken, pending },
      });
    } else if (rest > 0) {
      // Skipped, but a later reader of this stream who starts here still gets complete characters.
      const end = await blocks.read(start + header.length - Math.min(rest, 3), Math.min(rest, 3));
      const known = Buffer.concat([pending[header.stream], end]);
      pending = { ...pending, [header.stream]: Uint8Array.from(incompleteEnd(known)) };
      taken = header.length;
    }

    cursor = { frame: next.at, taken, pending };
    damagedBytes += next.damagedBytes;
    at = next.at;
    if (taken === header.length) {
      at = start + header.length;
      taken = 0;
    }
    if (damagedBytes >= MOST_SKIPPED_BYTES) {
      more = true;
      break;
    }
  }

  droppedBytes += damagedBytes;
  const endOfLog = bounds.closed && !more;
  if (endOfLog) cursor = await flush(blocks, drafts, cursor, bounds.stream);
  const entries = drafts.map((draft) => ({ ...draft, cursor: formatCursor(draft.cursor) }));
  return {
    page: { entries, cursor: formatCursor(cursor), endOfLog, droppedBytes, damagedBytes },
    position: { at, taken, cursor },
    more,
  };
};

/** Whether the frame at `at` has output of the stream after the bytes of it that were taken. */
const isWanted = async (
  blocks: LogBlocks,
  at: number,
  taken: number,
  stream: LogStream | undefined,
): Promise<boolean> => {
  const header = await blocks.frame(at);
  return header?.kind === 'output' && header.length > taken && (stream ?? header.stream) === header.stream;
};

/** Ends the characters that will never be completed. Returns the cursor after them. */
const flush = async (
  blocks: LogBlocks,
  drafts: Draft[],
  end: Cursor,
  selected: LogStream | undefined,
): Promise<Cursor> => {
  let cursor = end;
  for (const stream of LOG_STREAMS) {
    if ((selected ?? stream) !== stream || cursor.pending[stream].length === 0) continue;
    cursor = without(cursor, stream);
    const last = drafts.findLastIndex((draft) => draft.stream === stream && draft.bytes.length > 0);
    if (last < 0) {
      const timeNs = (await blocks.frame(cursor.frame))?.timeNs ?? 0n;
      drafts.push({ stream, timeNs, text: REPLACEMENT, bytes: NOTHING, resized: null, cursor });
      continue;
    }
    // A reader that continues after that entry must not get the U+FFFD again.
    for (const [index, draft] of drafts.entries()) {
      if (index < last) continue;
      const text = index === last ? draft.text + REPLACEMENT : draft.text;
      drafts[index] = { ...draft, text, cursor: without(draft.cursor, stream) };
    }
  }
  return cursor;
};

const without = (cursor: Cursor, stream: LogStream): Cursor => ({
  ...cursor,
  pending: { ...cursor.pending, [stream]: NOTHING },
});
