/** Digests of what a log has of each stream. */

import { createHash, type Hash } from 'node:crypto';
import { LogFile } from './file.ts';
import { LOG_STREAMS, type LogDigests, type LogStream } from './page.ts';

/**
 * Reads a log that nobody writes any more from its beginning to its end, in blocks, and computes the SHA-256 digest of
 * the bytes of each stream: those that `readLogPage` gives for it.
 *
 * @param signal ends the reading early
 * @throws the signal's reason
 */
export const logDigests = async (path: string, signal?: AbortSignal): Promise<LogDigests> => {
  const file = await LogFile.open(path, true);
  try {
    const blocks = file.blocks(signal && { signal });
    const streams = new Map<LogStream, { readonly hash: Hash; bytes: number }>(
      LOG_STREAMS.map((stream) => [stream, { hash: createHash('sha256'), bytes: 0 }]),
    );
    let droppedBytes = 0;
    let damagedBytes = 0;
    for (let at = 0; ; ) {
      const next = await blocks.next(at);
      damagedBytes += next.damagedBytes;
      const { header } = next;
      if (header === undefined) break;
      const start = next.at + header.headerBytes;
      const payload = await blocks.read(start, header.length);
      if (header.kind === 'dropped') droppedBytes += Number(payload.readBigUInt64LE());
      const stream = header.kind === 'output' ? streams.get(header.stream) : undefined;
      stream?.hash.update(payload);
      if (stream !== undefined) stream.bytes += payload.length;
      at = start + header.length;
    }
    const digestOf = (stream: LogStream) => {
      const { hash, bytes } = streams.get(stream) ?? { hash: createHash('sha256'), bytes: 0 };
      return { bytes, sha256: hash.digest('hex') };
    };
    return {
      STDOUT: digestOf('STDOUT'),
      STDERR: digestOf('STDERR'),
      TERMINAL: digestOf('TERMINAL'),
      droppedBytes,
      damagedBytes,
    };
  } finally {
    await file.close();
  }
};
