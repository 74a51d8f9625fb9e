/** Compressed logs: the Zstandard Seekable Format. */

import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import type { LogBytes } from './bytes.ts';

/*
 * A packed log is a file of the Zstandard Seekable Format (contrib/seekable_format of zstd): blocks that are compressed
 * independently (RFC 8878), followed by a table of their lengths in a skippable frame. `zstd -d` reads all of it. It
 * begins with the magic number of zstd, as no other log does: as the length of a frame, it would be more than the
 * maximum.
 */
const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a5e;
const TABLE_MAGIC = 0x8f92eab1;
const SKIPPABLE_HEADER = 8;
const FOOTER = 9;
const ENTRY = 8;
// Descriptor of the table: bit 7 would mean that it has checksums; the blocks have their own.
const DESCRIPTOR = 0;

/** Bytes of a log in each block. */
export const PACKED_BLOCK_BYTES = 512 << 10;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

// By default zlib works in steps of 16 KiB, each with a switch to another thread, and a step that is filled to the last
// byte needs one more. A single step is five times as fast.
const SPARE = 1024;

/** Compresses one block. */
export const packBlock = (bytes: Buffer): Promise<Buffer> =>
  compress(bytes, {
    chunkSize: bytes.length + SPARE,
    params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  });

/** The table that closes a packed log. */
export const packTable = (blocks: readonly { readonly packed: number; readonly plain: number }[]): Buffer => {
  const length = blocks.length * ENTRY + FOOTER;
  const table = Buffer.alloc(SKIPPABLE_HEADER + length);
  table.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  table.writeUInt32LE(length, 4);
  for (const [index, { packed, plain }] of blocks.entries()) {
    table.writeUInt32LE(packed, SKIPPABLE_HEADER + index * ENTRY);
    table.writeUInt32LE(plain, SKIPPABLE_HEADER + index * ENTRY + 4);
  }
  table.writeUInt32LE(blocks.length, table.length - FOOTER);
  table.writeUInt8(DESCRIPTOR, table.length - 5);
  table.writeUInt32LE(TABLE_MAGIC, table.length - 4);
  return table;
};

/** Whether a log's file is a packed one. */
export const isPacked = async (handle: FileHandle): Promise<boolean> => {
  const magic = Buffer.alloc(4);
  const { bytesRead } = await handle.read(magic, 0, 4, 0);
  return bytesRead === 4 && magic.readUInt32LE() === ZSTD_MAGIC;
};

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

  private constructor(handle: FileHandle, blocks: readonly Block[]) {
    this.#handle = handle;
    this.#blocks = blocks;
    const end = blocks.at(-1);
    this.sizeBytes = end === undefined ? 0 : end.plainAt + end.plain;
  }

  /**
   * @param size of the file
   * @throws Error when its table is damaged
   */
  static async open(handle: FileHandle, sizeBytes: number): Promise<PackedBytes> {
    const footer = await readAll(handle, Math.max(0, sizeBytes - FOOTER), Math.min(FOOTER, sizeBytes));
    const damaged = (): Error => new Error('a packed log without a complete table');
    if (
      footer.length < FOOTER ||
      footer.readUInt32LE(5) !== TABLE_MAGIC ||
      footer.readUInt8(4) !== DESCRIPTOR
    )
      throw damaged();
    const count = footer.readUInt32LE(0);
    const start = sizeBytes - FOOTER - count * ENTRY;
    if (start < SKIPPABLE_HEADER) throw damaged();
    const table = await readAll(handle, start, count * ENTRY);
    const blocks: Block[] = [];
    let packedAt = 0;
    let plainAt = 0;
    for (let index = 0; index < count; index++) {
      const packed = table.readUInt32LE(index * ENTRY);
      const plain = table.readUInt32LE(index * ENTRY + 4);
      blocks.push({ packedAt, plainAt, packed, plain });
      packedAt += packed;
      plainAt += plain;
    }
    if (packedAt !== start - SKIPPABLE_HEADER) throw damaged();
    return new PackedBytes(handle, blocks);
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
      bytes = await readAll(this.#handle, packedAt, packed);
    } catch (error) {
      // A sector that the disk cannot read.
      if (error instanceof Error && 'code' in error && error.code === 'EIO') return undefined;
      throw error;
    }
    try {
      const unpacked = await decompress(bytes, { chunkSize: plain + SPARE, maxOutputLength: plain + SPARE });
      return unpacked.length === plain ? unpacked : undefined;
    } catch {
      // Whatever zstd says: its checksum, its structure or its length is wrong.
      return undefined;
    }
  }
}

const readAll = async (handle: FileHandle, at: number, length: number): Promise<Buffer> => {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
};
