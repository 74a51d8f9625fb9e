/** The frames of a log file: encoding and decoding. */

import { crc32 } from 'node:zlib';
import type { LogStream, TerminalSize } from './page.ts';

/**
 * A log is a file of frames, each with a header of 20 bytes, little-endian, and a payload:
 *
 *   0  u32  payload length
 *   4  u8   stream: 1 stdout, 2 stderr, 3 terminal, 0 none
 *   5  u8   flags: 0 output, 1 mark "dropped" (payload: u64, bytes not kept since the last mark), 2 size of the
 *           terminal from here on (payload: u16 rows, u16 columns); and 128: with a checksum of the payload
 *   6  u16  checksum of the other 18 bytes
 *   8  u64  wall clock, nanoseconds since 1970
 *  16  u32  CRC-32 of the payload
 *
 * Frames of earlier releases are without 128 and the last field. `launcher/log.h` is the writer's side.
 */
export const HEADER_BYTES = 20;

/** Bytes of the header of a frame without a checksum of its payload, the shortest one. */
export const LEAST_HEADER_BYTES = 16;

/** The longest payload that is accepted; the writer stays at or below 64 KiB. */
export const LONGEST_PAYLOAD_BYTES = 1 << 20;

const MARK_BYTES = 8;
const OUTPUT = 0;
const DROPPED = 1;
const RESIZED = 2;
const CHECKED = 128;
const SIZE_BYTES = 4;
const STREAM_NUMBERS = { STDOUT: 1, STDERR: 2, TERMINAL: 3 } as const satisfies Record<LogStream, number>;

/** What one frame of a log says. */
export type Frame =
  | {
      readonly kind: 'output';
      readonly stream: LogStream;
      readonly timeNs: bigint;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'dropped'; readonly timeNs: bigint; readonly count: bigint }
  | { readonly kind: 'resized'; readonly timeNs: bigint; readonly size: TerminalSize };

/** What every header has. */
interface AnyHeader {
  /** Since 1970. */
  readonly timeNs: bigint;
  /** Bytes of payload. */
  readonly length: number;
  /** Bytes of the header itself. */
  readonly headerBytes: number;
  /** Of the payload; `undefined` in a frame of an earlier release. */
  readonly checksum: number | undefined;
}

/** A decoded header. */
export type FrameHeader =
  | (AnyHeader & { readonly kind: 'output'; readonly stream: LogStream })
  | (AnyHeader & { readonly kind: 'dropped' })
  | (AnyHeader & { readonly kind: 'resized' });

/**
 * The frame as it is stored in the file.
 *
 * @throws RangeError for more than 1 MiB of payload, and for numbers that do not fit 64 bits
 */
export const encodeFrame = (frame: Frame): Buffer => {
  const length =
    frame.kind === 'output' ? frame.bytes.length : frame.kind === 'dropped' ? MARK_BYTES : SIZE_BYTES;
  if (length > LONGEST_PAYLOAD_BYTES) {
    throw new RangeError(`frame: expected at most ${LONGEST_PAYLOAD_BYTES} bytes of payload, got ${length}`);
  }
  const encoded = Buffer.alloc(HEADER_BYTES + length);
  encoded.writeUInt32LE(length, 0);
  encoded.writeUInt8(streamNumber(frame), 4);
  encoded.writeUInt8(FLAGS[frame.kind] | CHECKED, 5);
  encoded.writeBigUInt64LE(frame.timeNs, 8);
  if (frame.kind === 'output') encoded.set(frame.bytes, HEADER_BYTES);
  else if (frame.kind === 'dropped') encoded.writeBigUInt64LE(frame.count, HEADER_BYTES);
  else {
    encoded.writeUInt16LE(frame.size.rows, HEADER_BYTES);
    encoded.writeUInt16LE(frame.size.columns, HEADER_BYTES + 2);
  }
  encoded.writeUInt32LE(crc32(encoded.subarray(HEADER_BYTES)), LEAST_HEADER_BYTES);
  encoded.writeUInt16LE(checkOf(encoded, 0, HEADER_BYTES), 6);
  return encoded;
};

const FLAGS = { output: OUTPUT, dropped: DROPPED, resized: RESIZED } as const;

const streamNumber = (frame: Frame): number => {
  if (frame.kind === 'dropped') return 0;
  return frame.kind === 'output' ? STREAM_NUMBERS[frame.stream] : STREAM_NUMBERS.TERMINAL;
};

/** The size in the payload of a frame of kind `resized`. */
export const parseSize = (payload: Buffer): TerminalSize => ({
  rows: payload.readUInt16LE(0),
  columns: payload.readUInt16LE(2),
});

/**
 * Reads the header at `at`.
 *
 * @returns `undefined` if there are not enough bytes or they are not the header of a frame
 */
export const parseHeader = (bytes: Buffer, at = 0): FrameHeader | undefined => {
  const headerBytes = headerBytesAt(bytes, at);
  if (headerBytes === undefined || bytes.length - at < headerBytes) return undefined;
  if (bytes.readUInt16LE(at + 6) !== checkOf(bytes, at, headerBytes)) return undefined;
  const length = bytes.readUInt32LE(at);
  if (length > LONGEST_PAYLOAD_BYTES) return undefined;
  const number = bytes.readUInt8(at + 4);
  const flags = bytes.readUInt8(at + 5) & ~CHECKED;
  const timeNs = bytes.readBigUInt64LE(at + 8);
  const checksum = headerBytes === HEADER_BYTES ? bytes.readUInt32LE(at + LEAST_HEADER_BYTES) : undefined;
  if (flags === DROPPED)
    return number === 0 && length === MARK_BYTES
      ? { kind: 'dropped', timeNs, length, headerBytes, checksum }
      : undefined;
  if (flags === RESIZED)
    return number === STREAM_NUMBERS.TERMINAL && length === SIZE_BYTES
      ? { kind: 'resized', timeNs, length, headerBytes, checksum }
      : undefined;
  if (flags !== OUTPUT) return undefined;
  const stream = STREAMS[number];
  return stream === undefined ? undefined : { kind: 'output', stream, timeNs, length, headerBytes, checksum };
};

const STREAMS: readonly (LogStream | undefined)[] = [undefined, 'STDOUT', 'STDERR', 'TERMINAL'];

/** How many bytes the header at `at` has, if one is there; `undefined` if not enough are there to say it. */
export const headerBytesAt = (bytes: Buffer, at: number): number | undefined => {
  const flags = bytes[at + 5];
  if (flags === undefined || bytes.length - at < LEAST_HEADER_BYTES) return undefined;
  return (flags & CHECKED) === 0 ? LEAST_HEADER_BYTES : HEADER_BYTES;
};

/** Whether a payload is what its header says; for a frame of an earlier release, nothing is known against it. */
export const isIntact = ({ checksum }: FrameHeader, payload: Uint8Array): boolean =>
  checksum === undefined || crc32(payload) === checksum;

/**
 * The offset of the first header in `bytes` from `from` on. One that was found this way may be a part of a payload: its
 * checksum has 16 bits only.
 */
export const findHeader = (bytes: Buffer, from: number): number | undefined => {
  for (let at = from; at + LEAST_HEADER_BYTES <= bytes.length; at++) {
    if (mayBeHeader(bytes, at) && parseHeader(bytes, at) !== undefined) return at;
  }
  return undefined;
};

// Cheap, so that a search need not compute a checksum at each byte: the last byte of the length, stream and flags.
const mayBeHeader = (bytes: Buffer, at: number): boolean => {
  if (bytes[at + 3] !== 0) return false;
  const flags = (bytes[at + 5] ?? 0) & ~CHECKED;
  return (
    flags === (bytes[at + 4] === 0 ? DROPPED : OUTPUT) ||
    (flags === RESIZED && bytes[at + 4] === STREAM_NUMBERS.TERMINAL)
  );
};

// Two running sums as in Fletcher's checksum, so that swapped bytes are detected too. So few bytes need no remainder in
// between.
const checkOf = (bytes: Buffer, at: number, headerBytes: number): number => {
  let a = 1;
  let b = 0;
  for (let i = 0; i < headerBytes; i++) {
    if (i === 6 || i === 7) continue;
    a += bytes[at + i] ?? 0;
    b += a;
  }
  return ((b % 251) << 8) | (a % 251);
};
