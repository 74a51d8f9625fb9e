/** The page size of this machine. */

import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';

const AT_PAGESZ = 6n;

/**
 * Bytes of a page of memory on this machine: 4096 on x86-64; 4096, 16384 or 65536 on ARM.
 *
 * @throws Error as `findPageSize`
 */
export const pageSize = (): number => {
  sizeBytes ??= findPageSize(readFileSync('/proc/self/auxv'));
  return sizeBytes;
};

let sizeBytes: number | undefined;

/**
 * Reads the auxiliary vector, pairs of a type and a value (getauxval(3)).
 *
 * @throws Error when it has no AT_PAGESZ
 */
export const findPageSize = (vector: Buffer): number => {
  const word = (offset: number) =>
    endianness() === 'LE' ? vector.readBigUInt64LE(offset) : vector.readBigUInt64BE(offset);
  for (let offset = 0; offset + 16 <= vector.length; offset += 16)
    if (word(offset) === AT_PAGESZ) return Number(word(offset + 8));
  throw new Error('/proc/self/auxv: it has no page size');
};
