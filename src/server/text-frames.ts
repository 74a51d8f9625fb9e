/** Text frames of WebSocket connections (RFC 6455, section 5.2), encoded once where several clients receive the same. */

import type { Duplex } from 'node:stream';

/** The longest header of a frame without mask. */
const MOST_HEADER_BYTES = 10;
/** Bytes of UTF-8 that a unit of UTF-16 takes at most. */
const MOST_PER_UNIT = 3;
/** Memory for a frame with a page of a log. It is reused: allocating it takes several times as long as filling it. */
const PLACE_BYTES = 256 << 10;
const MOST_PLACES = 8;

const places: Buffer[] = [];

/** The text of a message: a part that others may contain too, and what is around it in this one. */
export interface MessageText {
  readonly before: string;
  readonly shared: SharedText;
  readonly after: string;
}

/** A text that several clients may receive: encoded as bytes when the second one does. */
export class SharedText {
  readonly text: string;
  #bytes: Buffer | undefined;
  #isUsed = false;

  constructor(text: string) {
    this.text = text;
  }

  /** Its bytes; `undefined` at the first call, when nobody else may need them. */
  take(): Buffer | undefined {
    if (this.#isUsed) this.#bytes ??= Buffer.from(this.text);
    this.#isUsed = true;
    return this.#bytes;
  }
}

/**
 * Writes a message as one frame. The connection must be between two frames, which it always is while `ws` compresses
 * nothing, since it then writes each frame whole.
 *
 * @param sent called when it was passed to the kernel, or with why it was not
 */
export const writeText = (
  connection: Duplex,
  { before, shared, after }: MessageText,
  sent: (error?: Error | null) => void,
): void => {
  const bytes = shared.take();
  if (bytes !== undefined) {
    const first = Buffer.from(before);
    const last = Buffer.from(after);
    connection.cork();
    connection.write(Buffer.concat([headerOf(first.length + bytes.length + last.length), first]));
    connection.write(bytes);
    connection.write(last, sent);
    connection.uncork();
    return;
  }
  const message = before + shared.text + after;
  const most = MOST_HEADER_BYTES + MOST_PER_UNIT * message.length;
  if (most > PLACE_BYTES) {
    const payload = Buffer.from(message);
    connection.cork();
    connection.write(headerOf(payload.length));
    connection.write(payload, sent);
    connection.uncork();
    return;
  }
  const place = places.pop() ?? Buffer.allocUnsafe(PLACE_BYTES);
  const length = place.write(message, MOST_HEADER_BYTES);
  const header = headerOf(length);
  const start = MOST_HEADER_BYTES - header.length;
  header.copy(place, start);
  connection.write(place.subarray(start, MOST_HEADER_BYTES + length), (error) => {
    if (places.length < MOST_PLACES) places.push(place);
    sent(error);
  });
};

const FINAL_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** The header of a frame with a payload of this many bytes. */
const headerOf = (length: number): Buffer => {
  if (length < LENGTH_16) return Buffer.from([FINAL_TEXT, length]);
  const is16 = length <= 0xffff;
  const header = Buffer.alloc(is16 ? 4 : MOST_HEADER_BYTES);
  header[0] = FINAL_TEXT;
  header[1] = is16 ? LENGTH_16 : LENGTH_64;
  if (is16) header.writeUInt16BE(length, 2);
  else header.writeBigUInt64BE(BigInt(length), 2);
  return header;
};
