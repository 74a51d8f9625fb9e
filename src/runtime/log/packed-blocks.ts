/** Finds the blocks of a compressed log: by its table, or where that is damaged by the blocks themselves. */

import type { FileHandle } from 'node:fs/promises';
import { readFully } from './read-fully.ts';

/*
 * A packed log is a file of the Zstandard Seekable Format (contrib/seekable_format of zstd): blocks that are compressed
 * independently (RFC 8878), followed by a table of their lengths in a skippable frame. `zstd -d` reads all of it. It
 * begins with the magic number of zstd, as no other log does: as the length of a frame, it would be more than the
 * maximum.
 */
const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a5e;
const TABLE_MAGIC = 0x8f92eab1;
const SKIPPABLE_HEADER_BYTES = 8;
const FOOTER_BYTES = 9;
const ENTRY_BYTES = 8;
// Descriptor of the table: bit 7 would mean that it has checksums; the blocks have their own.
const DESCRIPTOR = 0;

/** Bytes of a log in each block but the last. */
export const PACKED_BLOCK_BYTES = 512 << 10;

/** Bytes of a block, in the file and in the log. */
export interface BlockLengths {
  readonly packed: number;
  readonly plain: number;
}

/** The table that closes a packed log. */
export const packTable = (blocks: readonly BlockLengths[]): Buffer => {
  const length = blocks.length * ENTRY_BYTES + FOOTER_BYTES;
  const table = Buffer.alloc(SKIPPABLE_HEADER_BYTES + length);
  table.writeUInt32LE(SKIPPABLE_MAGIC, 0);
  table.writeUInt32LE(length, 4);
  for (const [index, { packed, plain }] of blocks.entries()) {
    table.writeUInt32LE(packed, SKIPPABLE_HEADER_BYTES + index * ENTRY_BYTES);
    table.writeUInt32LE(plain, SKIPPABLE_HEADER_BYTES + index * ENTRY_BYTES + 4);
  }
  table.writeUInt32LE(blocks.length, table.length - FOOTER_BYTES);
  table.writeUInt8(DESCRIPTOR, table.length - 5);
  table.writeUInt32LE(TABLE_MAGIC, table.length - 4);
  return table;
};

/** Whether a log's file is a packed one. */
export const isPacked = async (handle: FileHandle): Promise<boolean> =>
  (await magicAt(handle, 0)) === ZSTD_MAGIC;

/** The blocks by the table of a packed log of `sizeBytes`; `undefined` when the table is damaged. */
export const blocksByTable = async (
  handle: FileHandle,
  sizeBytes: number,
): Promise<readonly BlockLengths[] | undefined> => {
  const footer = await readFully(
    handle,
    Math.max(0, sizeBytes - FOOTER_BYTES),
    Math.min(FOOTER_BYTES, sizeBytes),
  );
  if (
    footer.length < FOOTER_BYTES ||
    footer.readUInt32LE(5) !== TABLE_MAGIC ||
    footer.readUInt8(4) !== DESCRIPTOR
  )
    return undefined;
  const count = footer.readUInt32LE(0);
  const start = sizeBytes - FOOTER_BYTES - count * ENTRY_BYTES;
  if (start < SKIPPABLE_HEADER_BYTES) return undefined;
  const table = await readFully(handle, start, count * ENTRY_BYTES);
  const blocks = Array.from({ length: count }, (_, index) => ({
    packed: table.readUInt32LE(index * ENTRY_BYTES),
    plain: table.readUInt32LE(index * ENTRY_BYTES + 4),
  }));
  const packedBytes = blocks.reduce((sum, { packed }) => sum + packed, 0);
  const isRight =
    packedBytes === start - SKIPPABLE_HEADER_BYTES &&
    blocks.every(({ plain }, index) =>
      index + 1 < count ? plain === PACKED_BLOCK_BYTES : plain <= PACKED_BLOCK_BYTES,
    );
  return isRight ? blocks : undefined;
};

/** A block that was found without the table. */
export interface FoundBlock {
  readonly packedAt: number;
  readonly packed: number;
  /** Whether its structure says that it ends where it does; its content may still be damaged. */
  readonly isWhole: boolean;
}

/** The blocks in a file of `sizeBytes`. What is damaged between two of them is taken for one block. */
export const findBlocks = async (handle: FileHandle, sizeBytes: number): Promise<readonly FoundBlock[]> => {
  const found: FoundBlock[] = [];
  for (let at = 0; at < sizeBytes; ) {
    if ((await magicAt(handle, at)) === SKIPPABLE_MAGIC) break;
    const whole = await frameEnd(handle, at, sizeBytes);
    const end = whole ?? (await nextMagic(handle, at + 1, sizeBytes));
    found.push({ packedAt: at, packed: end - at, isWhole: whole !== undefined });
    at = end;
  }
  return found;
};

/** Where the frame at `at` ends, if another one, the table or the end of the file follows (RFC 8878, 3.1.1). */
const frameEnd = async (handle: FileHandle, at: number, sizeBytes: number): Promise<number | undefined> => {
  if ((await magicAt(handle, at)) !== ZSTD_MAGIC) return undefined;
  const [descriptor = 0] = await readFully(handle, at + 4, 1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const checksum = (descriptor & 4) === 0 ? 0 : 4;
  let next = at + 5 + (isSingleSegment ? 0 : 1) + dictionary + contentSize;
  for (let isLast = false; !isLast; ) {
    const header = await readFully(handle, next, 3);
    if (header.length < 3) return undefined;
    const value = header.readUIntLE(0, 3);
    const type = (value >> 1) & 3;
    if (type === 3) return undefined;
    // A block of one repeated byte stores that byte once.
    next += 3 + (type === 1 ? 1 : value >> 3);
    isLast = (value & 1) === 1;
  }
  next += checksum;
  if (next === sizeBytes) return next;
  const follower = await magicAt(handle, next);
  return follower === ZSTD_MAGIC || follower === SKIPPABLE_MAGIC ? next : undefined;
};

const SEARCHED_AT_ONCE = 1 << 20;

/** Where a frame or the table begins next; the end of the file where none does. */
const nextMagic = async (handle: FileHandle, from: number, sizeBytes: number): Promise<number> => {
  for (let at = from; at < sizeBytes; at += SEARCHED_AT_ONCE) {
    // A number may lie across the end of what is read at once.
    const bytes = await readFully(handle, at, SEARCHED_AT_ONCE + 3);
    const found = [ZSTD_MAGIC, SKIPPABLE_MAGIC]
      .map((magic) => bytes.indexOf(littleEndian(magic)))
      .filter((index) => index >= 0);
    if (found.length > 0) return at + Math.min(...found);
  }
  return sizeBytes;
};

const littleEndian = (number: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
};

const magicAt = async (handle: FileHandle, at: number): Promise<number | undefined> => {
  const magic = await readFully(handle, at, 4);
  return magic.length === 4 ? magic.readUInt32LE() : undefined;
};
