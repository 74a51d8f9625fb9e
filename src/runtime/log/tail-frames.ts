/** The frames of a file that holds the end of an output, as `launcher/log_tail.h` describes it. */

import type { LogBlocks } from './blocks.ts';
import { type FrameHeader, isIntact } from './frame.ts';

const CHECK_BYTES = 4;

/** The check that follows a frame of an earlier release with this payload: FNV-1a (RFC 9923), over words. */
export const payloadCheck = (payload: Buffer): Buffer => {
  let hash = 0x811c9dc5;
  let at = 0;
  for (; at + 4 <= payload.length; at += 4) hash = Math.imul(hash ^ payload.readUInt32LE(at), 0x01000193);
  const rest = payload.length - at;
  if (rest > 0) hash = Math.imul(hash ^ payload.readUIntLE(at, rest), 0x01000193);
  const check = Buffer.alloc(CHECK_BYTES);
  check.writeInt32LE(hash);
  return check;
};

/**
 * The frames from `begin` on, each a view that is valid until the next one, up to the first whose payload is not its own:
 * what follows is of an earlier turn.
 */
export async function* tailFrames(blocks: LogBlocks, begin: number): AsyncGenerator<Buffer> {
  for (let at = begin; ; ) {
    const header = await blocks.frame(at);
    if (header === undefined) return;
    const size = header.headerBytes + header.length;
    const checkBytes = header.checksum === undefined ? CHECK_BYTES : 0;
    const bytes = await blocks.read(at, size + checkBytes);
    if (!isRight(header, bytes.subarray(header.headerBytes, size), bytes.subarray(size))) return;
    yield bytes.subarray(0, size);
    at += size + checkBytes;
  }
}

const isRight = (header: FrameHeader, payload: Buffer, check: Buffer): boolean =>
  header.checksum === undefined ? payloadCheck(payload).equals(check) : isIntact(header, payload);
