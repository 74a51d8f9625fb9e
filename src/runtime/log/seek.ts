/** Finds lines, times and bytes in a log, with the help of its index. */

import type { LogBlocks } from './blocks.ts';
import { type Landmark, type LogIndex, ORIGIN } from './log-index.ts';
import { LOG_STREAMS, type LogStream } from './page.ts';
import { behindLine, type Passed, walk } from './walk.ts';

/** A position between two bytes of payload. */
export interface Place {
  /** Offset of the frame. */
  readonly frame: number;
  /** Bytes of its payload before the position. */
  readonly taken: number;
}

const START: Place = { frame: 0, taken: 0 };

/**
 * Where the last `lines` lines begin, over the selected output in the order of the log. A last line without newline
 * counts; 0 lines is the current end.
 *
 * @param stream the one stream whose lines count; both when left out
 */
export const findTail = async (
  blocks: LogBlocks,
  index: LogIndex,
  lines: number,
  stream?: LogStream,
): Promise<Place> => {
  const { end, last } = await walk(blocks, await landmark(blocks, index));
  if (lines === 0) return last === undefined ? START : behindFrame(last);
  const skipped = linesOf(end, stream) + (isOpen(end, stream) ? 1 : 0) - lines;
  if (skipped <= 0) return START;
  const from = await landmark(blocks, index, (one) => linesOf(one, stream) < skipped);
  // Where damage hides some of the lines that the index counts, there may be fewer than that.
  let place: Place = { frame: from.offset, taken: 0 };
  await walk(blocks, from, ({ header, before }, payload) => {
    if (!isSelected(header, stream)) return false;
    const wanted = skipped - linesOf(before, stream);
    const taken = behindLine(payload, wanted);
    if (taken === undefined) return false;
    place = { frame: before.offset, taken };
    return true;
  });
  return place;
};

/**
 * Where line number `line` begins, counted from 1 over the selected output in the order of the log; else the current end.
 * Where damage hides that line, the first output that the index counts after it.
 *
 * @param stream the one stream whose lines count; all when left out
 */
export const findLine = async (
  blocks: LogBlocks,
  index: LogIndex,
  line: number,
  stream?: LogStream,
): Promise<Place> => {
  const skipped = line - 1;
  if (skipped === 0) return START;
  const from = await landmark(blocks, index, (one) => linesOf(one, stream) < skipped);
  const beyond = await index.first((one) => one.offset > from.offset && linesOf(one, stream) >= skipped);
  let place: Place | undefined;
  const { last } = await walk(blocks, from, ({ header, before }, payload) => {
    if (beyond !== undefined && before.offset >= beyond.offset) {
      place = { frame: before.offset, taken: 0 };
      return true;
    }
    if (!isSelected(header, stream)) return false;
    const taken = behindLine(payload, skipped - linesOf(before, stream));
    if (taken !== undefined) place = { frame: before.offset, taken };
    return taken !== undefined;
  });
  return place ?? (last === undefined ? { frame: from.offset, taken: 0 } : behindFrame(last));
};

/**
 * How many lines the log has so far, over the selected output in the order of the log; a last line without newline
 * counts. Lines that damage hides count as far as the index knows them.
 *
 * @param stream the one stream whose lines count; all when left out
 */
export const countLines = async (blocks: LogBlocks, index: LogIndex, stream?: LogStream): Promise<number> => {
  const { end } = await walk(blocks, await landmark(blocks, index));
  return linesOf(end, stream) + (isOpen(end, stream) ? 1 : 0);
};

/** Where the first frame is that was written at `timeNs` (since 1970) or later; else the current end. */
export const findTime = async (blocks: LogBlocks, index: LogIndex, timeNs: bigint): Promise<Place> => {
  const from = await landmark(blocks, index, ({ latestNs }) => latestNs < timeNs);
  let last: Place = { frame: from.offset, taken: 0 };
  for (let next = from.offset; ; ) {
    const { at, header } = await blocks.next(next);
    if (header === undefined) return last;
    if (header.timeNs >= timeNs) return { frame: at, taken: 0 };
    last = { frame: at, taken: header.length };
    next = at + header.headerBytes + header.length;
  }
};

/**
 * Where byte number `offset` of the output is, counted from 0 over the selected output; else the current end.
 *
 * @param stream the one stream whose bytes count; both when left out
 */
export const findByte = async (
  blocks: LogBlocks,
  index: LogIndex,
  offset: number,
  stream?: LogStream,
): Promise<Place> => {
  const from = await landmark(blocks, index, (one) => bytesOf(one, stream) <= offset);
  let before = bytesOf(from, stream);
  let last: Place = { frame: from.offset, taken: 0 };
  for (let next = from.offset; ; ) {
    const { at, header } = await blocks.next(next);
    if (header === undefined) return last;
    if (isSelected(header, stream)) {
      if (before + header.length > offset) return { frame: at, taken: offset - before };
      before += header.length;
    }
    last = { frame: at, taken: header.length };
    next = at + header.headerBytes + header.length;
  }
};

/**
 * The last landmark that `isBefore` holds for and whose frame is there. It may not be there: the log was opened
 * before the index, or the index belongs to a longer log.
 */
export const landmark = async (
  blocks: LogBlocks,
  index: LogIndex,
  isBefore: (landmark: Landmark) => boolean = () => true,
): Promise<Landmark> => {
  for (let below = Number.POSITIVE_INFINITY; ; ) {
    const found = await index.last((one) => one.offset < below && isBefore(one));
    if (found === ORIGIN || (await blocks.frame(found.offset)) !== undefined) return found;
    below = found.offset;
  }
};

const behindFrame = ({ header, before }: Passed): Place => ({ frame: before.offset, taken: header.length });

const isSelected = (header: Passed['header'], stream: LogStream | undefined): boolean =>
  header.kind === 'output' && (stream ?? header.stream) === header.stream;

const selected = (stream: LogStream | undefined): readonly LogStream[] =>
  stream === undefined ? LOG_STREAMS : [stream];

const linesOf = ({ lines }: Landmark, stream: LogStream | undefined): number =>
  selected(stream).reduce((sum, name) => sum + lines[name], 0);

const bytesOf = ({ bytes }: Landmark, stream: LogStream | undefined): number =>
  selected(stream).reduce((sum, name) => sum + bytes[name], 0);

const isOpen = ({ open, last }: Landmark, stream: LogStream | undefined): boolean => open[stream ?? last];
