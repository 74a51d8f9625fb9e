/** Decompresses archives, which need not be compressed. */

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { fault, ImageFault } from './fault.ts';

/** Why the bytes of an archive could not be read to their end. */
const damaged = (error: unknown): Error => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!/^Z_|^ZSTD_|^ERR_ZLIB|^ERR_.*ZSTD/i.test(code))
    return error instanceof Error ? error : new Error(String(error));
  return new ImageFault('archive: its compression is damaged, or it is cut off', { cause: error });
};

/**
 * The content of a stream that is compressed by gzip or zstd, or not at all, as its first bytes show.
 *
 * @param mostBytes the most bytes that the content may have
 * @throws ImageFault if the stream is damaged, or has more bytes than that
 */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  mostBytes: number,
): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source, { objectMode: false });
  let first: Buffer = Buffer.alloc(0);
  const iterator = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  while (first.length < 4) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    first = Buffer.concat([first, value]);
  }
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    yield first;
    yield* { [Symbol.asyncIterator]: () => iterator };
  };
  const magic = first.subarray(0, 4).toString('hex');
  let inflate: ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress> | undefined;
  if (magic.startsWith('1f8b')) inflate = createGunzip();
  else if (magic === '28b52ffd') inflate = createZstdDecompress();
  let bytes = 0;
  const count = (chunk: Uint8Array): Uint8Array => {
    bytes += chunk.length;
    if (bytes > mostBytes) throw fault('archive', `at most ${mostBytes} bytes`, 'more');
    return chunk;
  };
  if (inflate === undefined) {
    for await (const chunk of whole()) yield count(chunk);
    return;
  }
  const fed = pipeline(whole(), inflate);
  // Its error reaches the loop below too, unless that has ended by then.
  fed.catch(() => undefined);
  try {
    for await (const chunk of inflate) yield count(chunk as Uint8Array);
    await fed;
  } catch (error) {
    throw damaged(error);
  } finally {
    inflate.destroy();
    input.destroy();
  }
}
