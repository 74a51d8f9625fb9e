/** Compressed logs: their blocks, packed and read again. */

import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { hasErrno } from '../../errno.ts';
import type { LogBytes } from './bytes.ts';
import { type BlockLengths, blocksByTable, findBlocks, PACKED_BLOCK_BYTES } from './packed-blocks.ts';
import { readFully } from './read-fully.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

// By default zlib works in steps of 16 KiB, each with a switch to another thread, and a step that is filled to the last
// byte needs one more. A single step is five times as fast.
const SPARE_BYTES = 1024;

/** Compresses one block. */
export const packBlock = (bytes: Buffer): Promise<Buffer> =>
  compress(bytes, {
    chunkSize: bytes.length + SPARE_BYTES,
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  });

interface Block {
  /** Where the block begins in the file and in the log. */
  readonly packedAt: number;
  readonly plainAt: number;
  readonly packed: number;
  readonly plain: number;
}

interface Unpacked {
  readonly block: Block;
  /** `undefined`: it is damaged. */
  readonly bytes: Buffer | undefined;
}

/** What stands for damaged bytes: as the length of a frame, it would be more than the maximum. */
const FILLER = 0xff;
/** A frame may begin in one block and end in the next. */
const BLOCKS_KEPT = 2;

/** The bytes of a packed log. A block that is damaged hides no other. */
export class PackedBytes implements LogBytes {
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  readonly #blocks: readonly Block[];
  /** The blocks that were read last: the next read is likely to continue in one of them. */
  #last: readonly Unpacked[] = [];

  private constructor(handle: FileHandle, lengths: readonly BlockLengths[]) {
    this.#handle = handle;
    let packedAt = 0;
    let plainAt = 0;
    this.#blocks = lengths.map(({ packed, plain }) => {
      const block = { packedAt, plainAt, packed, plain };
      packedAt += packed;
      plainAt += plain;
      return block;
    });
    this.sizeBytes = plainAt;
  }

  /**
   * Opens a packed log. Where its table is damaged, or the file was cut, the blocks are found one by one: a damaged last
   * one is taken for a whole one, of which nothing can be read.
   *
   * @param sizeBytes of the file
   */
  static async open(handle: FileHandle, sizeBytes: number): Promise<PackedBytes> {
    const known = await blocksByTable(handle, sizeBytes);
    if (known !== undefined) return new PackedBytes(handle, known);
    const found = await findBlocks(handle, sizeBytes);
    const lengths = found.map(({ packed }) => ({ packed, plain: PACKED_BLOCK_BYTES }));
    const last = found.at(-1);
    if (last?.isWhole !== true) return new PackedBytes(handle, lengths);
    const { packedAt, packed } = last;
    const bytes = await unpack(await readFully(handle, packedAt, packed), PACKED_BLOCK_BYTES);
    const plain = bytes?.length ?? PACKED_BLOCK_BYTES;
    return new PackedBytes(handle, [...lengths.slice(0, -1), { packed, plain }]);
  }

  async read(target: Buffer, start: number, length: number, at: number): Promise<number> {
    const block = this.#find(at);
    if (block === undefined) return 0;
    const bytes = await this.#unpack(block);
    const from = at - block.plainAt;
    if (bytes !== undefined) return bytes.copy(target, start, from, from + length);
    const count = Math.min(length, block.plain - from, target.length - start);
    target.fill(FILLER, start, start + count);
    return count;
  }

  async damageEnd(at: number, length: number): Promise<number | undefined> {
    let end: number | undefined;
    for (let next = at; next < at + length; ) {
      const block = this.#find(next);
      if (block === undefined) break;
      next = block.plainAt + block.plain;
      if ((await this.#unpack(block)) === undefined) end = next;
    }
    return end;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  #find(at: number): Block | undefined {
    if (at >= this.sizeBytes) return undefined;
    let low = 0;
    for (let high = this.#blocks.length; high - low > 1; ) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.plainAt ?? 0) <= at) low = middle;
      else high = middle;
    }
    return this.#blocks[low];
  }

  /** The bytes of a block; `undefined` when it is damaged. */
  async #unpack(block: Block): Promise<Buffer | undefined> {
    const known = this.#last.find((one) => one.block === block);
    if (known !== undefined) return known.bytes;
    const bytes = await this.#read(block);
    this.#last = [{ block, bytes }, ...this.#last].slice(0, BLOCKS_KEPT);
    return bytes;
  }

  async #read({ packedAt, packed, plain }: Block): Promise<Buffer | undefined> {
    let bytes: Buffer;
    try {
      bytes = await readFully(this.#handle, packedAt, packed);
    } catch (error) {
      // A sector that the disk cannot read.
      if (hasErrno(error, 'EIO')) return undefined;
      throw error;
    }
    const unpacked = await unpack(bytes, plain);
    return unpacked?.length === plain ? unpacked : undefined;
  }
}

/** The bytes of a block, at most `mostBytes`; `undefined` when it is damaged. */
const unpack = async (bytes: Buffer, mostBytes: number): Promise<Buffer | undefined> => {
  try {
    return await decompress(bytes, {
      chunkSize: mostBytes + SPARE_BYTES,
      maxOutputLength: mostBytes + SPARE_BYTES,
    });
  } catch {
    // Whatever zstd says: its checksum, its structure or its length is wrong.
    return undefined;
  }
};
