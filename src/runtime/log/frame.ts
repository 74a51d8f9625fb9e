/** The frames of a log file: encoding and decoding. */

import type { LogStream, TerminalSize } from './page.ts';

/**
 * A log is a file of frames, each with a header of 16 bytes, little-endian, and a payload:
 *
 *   0  u32  payload length
 *   4  u8   stream: 1 stdout, 2 stderr, 3 terminal, 0 none
 *   5  u8   flags: 0 output, 1 mark "dropped" (payload: u64, bytes not kept since the last mark), 2 size of the
 *           terminal from here on (payload: u16 rows, u16 columns)
 *   6  u16  checksum of the other 14 bytes
 *   8  u64  wall clock, nanoseconds since 1970
 *
 * `launcher/log.h` is the writer's side.
 */
export const HEADER_BYTES = 16;

/** The longest payload that is accepted; the writer stays at or below 64 KiB. */
export const LONGEST_PAYLOAD_BYTES = 1 << 20;

const MARK_BYTES = 8;
const OUTPUT = 0;
const DROPPED = 1;
const RESIZED = 2;
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

/** A decoded header. `length`: bytes of payload. `timeNs`: since 1970. */
export type FrameHeader =
  | { readonly kind: 'output'; readonly stream: LogStream; readonly timeNs: bigint; readonly length: number }
  | { readonly kind: 'dropped'; readonly timeNs: bigint; readonly length: number }
  | { readonly kind: 'resized'; readonly timeNs: bigint; readonly length: number };

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
  encoded.writeUInt8(FLAGS[frame.kind], 5);
  encoded.writeBigUInt64LE(frame.timeNs, 8);
  encoded.writeUInt16LE(checkOf(encoded, 0), 6);
  if (frame.kind === 'output') encoded.set(frame.bytes, HEADER_BYTES);
  else if (frame.kind === 'dropped') encoded.writeBigUInt64LE(frame.count, HEADER_BYTES);
  else {
    encoded.writeUInt16LE(frame.size.rows, HEADER_BYTES);
    encoded.writeUInt16LE(frame.size.columns, HEADER_BYTES + 2);
  }
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
 * @returns `undefined` if there are fewer than 16 bytes or they are not the header of a frame
 */
export const parseHeader = (bytes: Buffer, at = 0): FrameHeader | undefined => {
  if (bytes.length - at < HEADER_BYTES) return undefined;
  if (bytes.readUInt16LE(at + 6) !== checkOf(bytes, at)) return undefined;
  const length = bytes.readUInt32LE(at);
  if (length > LONGEST_PAYLOAD_BYTES) return undefined;
  const number = bytes.readUInt8(at + 4);
  const flags = bytes.readUInt8(at + 5);
  const timeNs = bytes.readBigUInt64LE(at + 8);
  if (flags === DROPPED) {
    return number === 0 && length === MARK_BYTES ? { kind: 'dropped', timeNs, length } : undefined;
  }
  if (flags === RESIZED)
    return number === STREAM_NUMBERS.TERMINAL && length === SIZE_BYTES
      ? { kind: 'resized', timeNs, length }
      : undefined;
  if (flags !== OUTPUT) return undefined;
  if (number === STREAM_NUMBERS.STDOUT) return { kind: 'output', stream: 'STDOUT', timeNs, length };
  if (number === STREAM_NUMBERS.STDERR) return { kind: 'output', stream: 'STDERR', timeNs, length };
  if (number === STREAM_NUMBERS.TERMINAL) return { kind: 'output', stream: 'TERMINAL', timeNs, length };
  return undefined;
};

/**
 * The offset of the first header in `bytes` from `from` on. One that was found this way may be a part of a payload: its
 * checksum has 16 bits only.
 */
export const findHeader = (bytes: Buffer, from: number): number | undefined => {
  for (let at = from; at + HEADER_BYTES <= bytes.length; at++) {
    if (mayBeHeader(bytes, at) && parseHeader(bytes, at) !== undefined) return at;
  }
  return undefined;
};

// Cheap, so that a search need not compute a checksum at each byte: the last byte of the length, stream and flags.
const mayBeHeader = (bytes: Buffer, at: number): boolean =>
  bytes[at + 3] === 0 &&
  (bytes[at + 5] === (bytes[at + 4] === 0 ? DROPPED : OUTPUT) ||
    (bytes[at + 5] === RESIZED && bytes[at + 4] === STREAM_NUMBERS.TERMINAL));

// Two running sums as in Fletcher's checksum, so that swapped bytes are detected too.
const checkOf = (bytes: Buffer, at: number): number => {
  let a = 1;
  let b = 0;
  for (let i = 0; i < HEADER_BYTES; i++) {
    if (i === 6 || i === 7) continue;
    a = (a + (bytes[at + i] ?? 0)) % 251;
    b = (b + a) % 251;
  }
  return (b << 8) | a;
};
