/** Walks through the frames of a log and counts. */

import type { LogBlocks } from './blocks.ts';
import type { FrameHeader } from './frame.ts';
import type { Landmark } from './log-index.ts';

const NEWLINE = 0x0a;

/** A frame, and the totals of everything before it. */
export interface Passed {
  readonly header: FrameHeader;
  readonly before: Landmark;
}

/**
 * Walks from a landmark to the end of the log, frame by frame, and counts. `visit` sees each frame of output first
 * and may end the walk there by returning true.
 *
 * @returns the totals where the walk ended, and the last frame before that
 */
export const walk = async (
  blocks: LogBlocks,
  from: Landmark,
  visit: (frame: Passed, payload: Buffer) => boolean = () => false,
): Promise<{ readonly end: Landmark; readonly last: Passed | undefined }> => {
  let end = from;
  let last: Passed | undefined;
  for (;;) {
    const { at, header } = await blocks.next(end.offset);
    if (header === undefined) return { end, last };
    const frame: Passed = { header, before: { ...end, offset: at } };
    const payload = await blocks.read(at + header.headerBytes, header.length);
    if (header.kind === 'output' && visit(frame, payload)) return { end: frame.before, last: frame };
    last = frame;
    end = after(frame, payload);
  }
};

/** The totals after a frame. */
const after = ({ header, before }: Passed, payload: Buffer): Landmark => {
  const offset = before.offset + header.headerBytes + header.length;
  if (header.kind === 'dropped')
    return { ...before, offset, droppedBytes: before.droppedBytes + Number(payload.readBigUInt64LE()) };
  if (header.kind === 'resized' || header.length === 0) return { ...before, offset };
  const { stream, timeNs } = header;
  return {
    ...before,
    offset,
    latestNs: timeNs > before.latestNs ? timeNs : before.latestNs,
    lines: { ...before.lines, [stream]: before.lines[stream] + countLines(payload) },
    bytes: { ...before.bytes, [stream]: before.bytes[stream] + header.length },
    open: { ...before.open, [stream]: payload[payload.length - 1] !== NEWLINE },
    last: stream,
  };
};

const countLines = (bytes: Buffer): number => {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
};

/** The offset after newline number `count` (from 1) of some bytes; `undefined` if they have fewer. */
export const behindLine = (bytes: Buffer, count: number): number | undefined => {
  let at = -1;
  for (let left = count; left > 0; left--) {
    at = bytes.indexOf(NEWLINE, at + 1);
    if (at < 0) return undefined;
  }
  return at + 1;
};
