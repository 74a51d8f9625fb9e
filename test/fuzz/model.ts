/** A second, simple reader of logs, which the server's is compared with. */

import type { LogStream } from '../../src/runtime/log/page.ts';

/** A frame as the launcher writes it, found by a reader that has nothing in common with the server's. */
export interface ModelFrame {
  /** Offset in the log. */
  readonly at: number;
  readonly stream: LogStream | 'DROPPED' | 'RESIZED';
  readonly time: bigint;
  readonly payload: Buffer;
}

const HEADER = 16;
const LONGEST = 1 << 20;
const KINDS: Readonly<Record<string, ModelFrame['stream']>> = {
  '1 0': 'STDOUT',
  '2 0': 'STDERR',
  '3 0': 'TERMINAL',
  '0 1': 'DROPPED',
  '3 2': 'RESIZED',
};

/** The frames of a log (the format is in `launcher/log.h`), also those after damage. */
export const modelFrames = (log: Buffer, closed = true): ModelFrame[] => modelOf(log, closed).frames;

/** The bytes that are damaged in a log that is closed. */
export const modelDamage = (log: Buffer): number => modelOf(log, true).damaged;

const modelOf = (log: Buffer, closed: boolean): { frames: ModelFrame[]; damaged: number } => {
  const frames: ModelFrame[] = [];
  let damaged = 0;
  for (let at = 0; log.length - at >= HEADER; ) {
    let frame = frameAt(log, at);
    if (frame === undefined) {
      const offsets = Array.from({ length: log.length - at - 1 }, (_, index) => at + 1 + index);
      const found = offsets.find((offset) => isConvincing(log, offset, closed));
      const rest = log.subarray(at);
      if (found === undefined && closed && rest.some((byte) => byte > 0)) damaged += rest.length;
      if (found === undefined) break;
      damaged += found - at;
      frame = frameAt(log, found);
      // In an open log, what follows could still show that this is not a frame.
      if (frame !== undefined && !closed && log.length - endOf(frame) < HEADER) break;
    }
    if (frame === undefined || endOf(frame) > log.length) break;
    frames.push(frame);
    at = endOf(frame);
  }
  return { frames, damaged };
};

const endOf = ({ at, length }: { readonly at: number; readonly length: number }): number =>
  at + HEADER + length;

/** Whether the reader takes what may be a frame after damage for one, or has to wait there. */
const isConvincing = (log: Buffer, at: number, closed: boolean): boolean => {
  const frame = frameAt(log, at);
  if (frame === undefined) return false;
  const left = log.length - endOf(frame);
  return left >= HEADER ? frameAt(log, endOf(frame)) !== undefined : !closed || left >= 0;
};

/** The frame whose header is at an offset, whole or not. Its payload is what is there of it. */
const frameAt = (log: Buffer, at: number): (ModelFrame & { readonly length: number }) | undefined => {
  if (log.length - at < HEADER) return undefined;
  const header = log.subarray(at, at + HEADER);
  const length = header.readUInt32LE(0);
  const stream = KINDS[`${header[4]} ${header[5]}`];
  if (stream === undefined || length > LONGEST || header.readUInt16LE(6) !== check(header)) return undefined;
  if (stream === 'DROPPED' && length !== 8) return undefined;
  if (stream === 'RESIZED' && length !== 4) return undefined;
  const payload = log.subarray(at + HEADER, at + HEADER + length);
  return { at, stream, time: header.readBigUInt64LE(8), payload, length };
};

/** The log with one header set to something, the check made right again: an enemy's work, not an accident's. */
export const forge = (log: Buffer, at: number, set: (header: Buffer) => void): Buffer => {
  const forged = Buffer.from(log);
  const header = forged.subarray(at, at + HEADER);
  set(header);
  header.writeUInt16LE(check(header), 6);
  return forged;
};

/** Fletcher's two sums, modulo 251, over all of the header but the check. */
const check = (header: Buffer): number => {
  const bytes = [...header.subarray(0, 6), ...header.subarray(8)];
  let sum = 1;
  let sums = 0;
  for (const byte of bytes) {
    sum = (sum + byte) % 251;
    sums = (sums + sum) % 251;
  }
  return sums * 256 + sum;
};

/** The output that is in some frames, of one stream or of both in the order of the log. */
export const outputOf = (frames: readonly ModelFrame[], stream?: LogStream): Buffer =>
  Buffer.concat(
    frames
      .filter(
        (frame) =>
          !['DROPPED', 'RESIZED'].includes(frame.stream) && (stream ?? frame.stream) === frame.stream,
      )
      .map(({ payload }) => payload),
  );

/** The lines of some output, each with its newline; the last one may have none. */
export const linesOf = (output: Buffer): Buffer[] => {
  const lines: Buffer[] = [];
  for (let from = 0; from < output.length; ) {
    const newline = output.indexOf(0x0a, from);
    const to = newline < 0 ? output.length : newline + 1;
    lines.push(output.subarray(from, to));
    from = to;
  }
  return lines;
};
