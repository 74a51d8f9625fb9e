import type { LogBlocks } from './blocks.ts';
import { HEADER_BYTES, parseHeader } from './frame.ts';
import type { LogStream } from './page.ts';

/** A place between two bytes of payload. */
export interface Place {
  /** Offset of the frame. */
  readonly frame: number;
  /** Bytes of its payload before the place. */
  readonly taken: number;
}

const START: Place = { frame: 0, taken: 0 };
const NEWLINE = 0x0a;
// Bytes between two notes of the way forward: what one step back reads, and what bounds the notes' memory.
const STRIDE = 256 << 10;

/**
 * Where the last `lines` lines begin, over the selected output in the order of the log. A last line without newline
 * counts; no lines is the present end.
 *
 * Frames can be found only from the front, so this hops from header to header to the end, noting every 256 KiB or so
 * where a frame begins, and then counts newlines from the last note back.
 *
 * @param stream the one stream whose lines count; both when left out
 */
export const findTail = async (blocks: LogBlocks, lines: number, stream?: LogStream): Promise<Place> => {
  const { notes, end, last } = await hop(blocks);
  if (lines === 0) return last;
  let left = lines;
  // A newline that is the last byte of all ends the last line; it does not begin another.
  let isLastByte = true;
  let before = end;
  for (const note of notes.reverse()) {
    const part = await blocks.read(note, before - note);
    for (const payload of payloads(part, stream).reverse()) {
      const bytes = part.subarray(payload.start, payload.end);
      let at = bytes.lastIndexOf(NEWLINE);
      if (isLastByte && at >= 0 && at === bytes.length - 1) at = previousNewline(bytes, at);
      isLastByte = false;
      for (; at >= 0; at = previousNewline(bytes, at)) {
        left -= 1;
        if (left === 0) return { frame: note + payload.start - HEADER_BYTES, taken: at + 1 };
      }
    }
    before = note;
  }
  return START;
};

const hop = async (
  blocks: LogBlocks,
): Promise<{ readonly notes: number[]; readonly end: number; readonly last: Place }> => {
  const notes: number[] = [];
  let last = START;
  let at = 0;
  for (;;) {
    const header = await blocks.frame(at);
    if (header === undefined) return { notes, end: at, last };
    if (at - (notes.at(-1) ?? -STRIDE) >= STRIDE) notes.push(at);
    last = { frame: at, taken: header.length };
    at += HEADER_BYTES + header.length;
  }
};

interface Payload {
  readonly start: number;
  readonly end: number;
}

/** The selected payloads in a part of the file that begins with a frame; none is empty. */
const payloads = (part: Buffer, stream: LogStream | undefined): Payload[] => {
  const found: Payload[] = [];
  let at = 0;
  for (;;) {
    const header = parseHeader(part, at);
    if (header === undefined) return found;
    const start = at + HEADER_BYTES;
    at = start + header.length;
    if (header.length > 0 && header.kind === 'output' && (stream ?? header.stream) === header.stream) {
      found.push({ start, end: at });
    }
  }
};

// `lastIndexOf` counts a negative position from the end.
const previousNewline = (bytes: Buffer, at: number): number =>
  at === 0 ? -1 : bytes.lastIndexOf(NEWLINE, at - 1);
