/** Finds the files in an archive of an image, without unpacking it. */

import type { FileHandle } from 'node:fs/promises';
import { fault, ImageFault } from './fault.ts';

/** Where a file lies in an archive. */
export interface Place {
  readonly offset: number;
  /** Bytes. */
  readonly sizeBytes: number;
}

const BLOCK = 512;
const MOST_ENTRIES = 20_000;
const LONGEST_NAME = 4096;

// The only names in an archive of `docker save` or an OCI layout.
const PARTS =
  /^(?:oci-layout|index\.json|manifest\.json|repositories|blobs|blobs\/sha256|blobs\/sha256\/[0-9a-f]{64}|[0-9a-f]{64}(?:\.json|\.tar)?|[0-9a-f]{64}\/(?:json|VERSION|layer\.tar))$/;

/**
 * The files of an archive of an image by their paths; links are followed.
 *
 * @returns `undefined` for any other archive, which is taken for one of a root file system
 * @throws ImageFault if it is not a tar archive
 */
export const indexArchive = async (file: FileHandle): Promise<ReadonlyMap<string, Place> | undefined> => {
  const { size: end } = await file.stat();
  const files = new Map<string, Place>();
  const links = new Map<string, string>();
  const block = Buffer.alloc(BLOCK);
  let longName: string | undefined;
  let count = 0;
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(block, 0, BLOCK, at);
    if (bytesRead < BLOCK) throw new ImageFault('archive: it is cut off');
    if (block.every((byte) => byte === 0)) break;
    const header = readHeader(block);
    at += BLOCK;
    if (at + header.sizeBytes > end) throw new ImageFault('archive: it is cut off');
    const next = at + Math.ceil(header.sizeBytes / BLOCK) * BLOCK;
    if (header.type === 'x' || header.type === 'L') {
      longName = (await readName(file, at, header)) ?? longName;
    } else if (header.type !== 'g') {
      if (++count > MOST_ENTRIES) return undefined;
      const path = normalize(longName ?? header.name);
      longName = undefined;
      if (path !== '' && !PARTS.test(path)) return undefined;
      // Of two files of one path the later one counts, as when they are unpacked.
      if (header.type === '0') files.set(path, { offset: at, sizeBytes: header.sizeBytes });
      if (header.type === '2') links.set(path, header.link);
    }
    at = next;
  }
  for (const [path, target] of links) {
    const folder = path.includes('/') ? path.replace(/[^/]*$/, '') : '';
    const place = files.get(normalize(new URL(folder + target, 'file:///').pathname.slice(1)));
    if (place !== undefined) files.set(path, place);
  }
  return files;
};

interface Header {
  readonly name: string;
  readonly sizeBytes: number;
  readonly type: string;
  readonly link: string;
}

const readHeader = (block: Buffer): Header => {
  let sum = 0;
  for (const [index, byte] of block.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  if (octal(block, 148, 8) !== sum)
    throw fault('archive', 'a tar archive', 'something else, or a damaged one');
  const type = String.fromCharCode(block[156] ?? 0);
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    sizeBytes: octal(block, 124, 12),
    type: type === '\0' || type === '7' ? '0' : type,
    link: text(block, 157, 100),
  };
};

const text = (block: Buffer, from: number, length: number): string =>
  block.toString('latin1', from, from + length).replace(/\0.*$/s, '');

const octal = (block: Buffer, from: number, length: number): number => {
  if ((block[from] ?? 0) & 0x80) {
    // Base 256 of GNU tar, for files of 8 GiB and more.
    const value = block.subarray(from + length - 6, from + length).readUIntBE(0, 6);
    if (block.subarray(from + 1, from + length - 6).some((byte) => byte !== 0))
      throw fault('archive', 'a tar archive', 'a size that no file has');
    return value;
  }
  const digits = text(block, from, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw fault('archive', 'a tar archive', 'something else, or a damaged one');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
};

/** The name that a separate header gives to the next entry; `undefined` if it gives none. */
const readName = async (
  file: FileHandle,
  at: number,
  { type, sizeBytes }: Header,
): Promise<string | undefined> => {
  if (sizeBytes > LONGEST_NAME) throw fault('archive', `headers of at most ${LONGEST_NAME} bytes`, sizeBytes);
  const content = Buffer.alloc(sizeBytes);
  await file.read(content, 0, sizeBytes, at);
  const whole = content.toString('latin1');
  if (type === 'L') return whole.replace(/\0.*$/s, '');
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(whole)?.[1];
};

const normalize = (path: string): string =>
  path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
