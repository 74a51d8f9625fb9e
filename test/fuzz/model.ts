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

/** A frame that may not be whole. */
interface Draft extends ModelFrame {
  /** Bytes of its header, and those that its payload should have. */
  readonly header: number;
  readonly length: number;
  /** Of its payload; an earlier release wrote none. */
  readonly checksum: number | undefined;
}

/** Bytes of a header, without and with a checksum of the payload. */
const OLD_HEADER = 16;
const HEADER = 20;
const CHECKED = 128;
const LONGEST = 1 << 20;
const KINDS: Readonly<Record<string, ModelFrame['stream']>> = {
  '1 0': 'STDOUT',
  '2 0': 'STDERR',
  '3 0': 'TERMINAL',
  '0 1': 'DROPPED',
  '3 2': 'RESIZED',
};

/** The frames of a log (the format is in `launcher/log.h`), also those after damage. */
export const modelFrames = (log: Buffer, closed = true): readonly ModelFrame[] => modelOf(log, closed).frames;

/** The bytes that are damaged in a log that is closed. */
export const modelDamage = (log: Buffer): number => modelOf(log, true).damaged;

const modelOf = (log: Buffer, closed: boolean): { frames: readonly ModelFrame[]; damaged: number } => {
  const frames: ModelFrame[] = [];
  let damaged = 0;
  for (let at = 0; !isTorn(log, at); ) {
    const found = nextFrame(log, at, closed);
    if (found === 'wait') break;
    if (found === undefined) {
      const rest = log.subarray(at);
      if (closed && rest.some((byte) => byte > 0)) damaged += rest.length;
      break;
    }
    damaged += found.at - at;
    frames.push(found);
    at = endOf(found);
  }
  return { frames, damaged };
};

/** The frame that follows, damage passed over; `wait` where the rest of it, or of what decides, is not there. */
const nextFrame = (log: Buffer, at: number, closed: boolean): Draft | 'wait' | undefined => {
  let isExpected = true;
  for (let offset = at; offset < log.length; ) {
    const frame = frameAt(log, offset);
    if (frame !== undefined) {
      const isWhole = endOf(frame) <= log.length;
      // Where a frame is expected, one that is not whole may become so.
      if (isExpected && !isWhole) return 'wait';
      if (isExpected && isRight(frame)) return frame;
      if (!isExpected) {
        const convincing = isConvincing(log, frame, closed);
        if (convincing === 'wait') return 'wait';
        if (convincing) return frame;
      }
      if (isExpected) {
        offset = endOf(frame);
        continue;
      }
    } else if (isExpected && isTorn(log, offset)) return offset === at ? 'wait' : undefined;
    isExpected = false;
    offset += 1;
  }
  return undefined;
};

const endOf = ({ at, header, length }: Draft): number => at + header + length;

/** Whether the log ends before a header could be whole. */
const isTorn = (log: Buffer, at: number): boolean => {
  const left = log.length - at;
  return left < OLD_HEADER || (left < HEADER && (log.readUInt8(at + 5) & CHECKED) !== 0);
};

const isRight = ({ checksum, payload }: Draft): boolean =>
  checksum === undefined || checksum === crc(payload);

/** Whether the reader takes what may be a frame after damage for one, or has to wait there. */
const isConvincing = (log: Buffer, frame: Draft, closed: boolean): boolean | 'wait' => {
  const end = endOf(frame);
  if (frame.checksum !== undefined) return end <= log.length ? isRight(frame) : closed ? false : 'wait';
  if (!isTorn(log, end)) return frameAt(log, end) !== undefined;
  return closed ? end <= log.length : 'wait';
};

/** The frame whose header is at an offset, whole or not. Its payload is what is there of it. */
const frameAt = (log: Buffer, at: number): Draft | undefined => {
  if (isTorn(log, at)) return undefined;
  const size = sizeOfHeader(log, at);
  const header = log.subarray(at, at + size);
  const length = header.readUInt32LE(0);
  const stream = KINDS[`${header[4]} ${header.readUInt8(5) & ~CHECKED}`];
  if (stream === undefined || length > LONGEST || header.readUInt16LE(6) !== check(header)) return undefined;
  if (stream === 'DROPPED' && length !== 8) return undefined;
  if (stream === 'RESIZED' && length !== 4) return undefined;
  const payload = log.subarray(at + size, at + size + length);
  const checksum = size === HEADER ? header.readUInt32LE(OLD_HEADER) : undefined;
  return { at, stream, time: header.readBigUInt64LE(8), payload, header: size, length, checksum };
};

const sizeOfHeader = (log: Buffer, at: number): number =>
  (log.readUInt8(at + 5) & CHECKED) === 0 ? OLD_HEADER : HEADER;

/** The log with one header set to something, the check made right again: an enemy's work, not an accident's. */
export const forge = (log: Buffer, at: number, set: (header: Buffer) => void): Buffer => {
  const forged = Buffer.from(log);
  set(forged.subarray(at, at + OLD_HEADER));
  const header = forged.subarray(at, at + sizeOfHeader(forged, at));
  header.writeUInt16LE(check(header), 6);
  return forged;
};

/** A frame as earlier releases wrote it, without a checksum of its payload. */
export const unchecked = (frame: Buffer): Buffer =>
  forge(Buffer.concat([frame.subarray(0, OLD_HEADER), frame.subarray(HEADER)]), 0, (header) => {
    header.writeUInt8(header.readUInt8(5) & ~CHECKED, 5);
  });

/** CRC-32, bit by bit (ISO 3309). */
const crc = (bytes: Buffer): number => {
  let value = 0xffff_ffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ ((value & 1) === 0 ? 0 : 0xedb8_8320);
  }
  return ~value >>> 0;
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
