/** Text that stands for bytes. */

import { expect, it } from 'vitest';
import { byteLengthOfText, bytesOfText, isUnicode, textOfBytes } from '../src/byte-text.ts';
import { pick, randomFrom } from './support/random.ts';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const decoded = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
};

it('stands for the same bytes again, and is their text where they are UTF-8', () => {
  // Lead and continuation bytes at the edges of their ranges, the byte order mark, and what is never part of a character.
  const pool = [
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
    0xee, 0xef, 0xbb, 0xf0, 0xf1, 0xf4, 0xf5, 0xff,
  ] as const;
  const random = randomFrom(7);
  let malformed = 0;
  for (let round = 0; round < 50_000; round++) {
    const bytes = Uint8Array.from({ length: random(9) }, () => pick(random, pool));
    const text = textOfBytes(bytes);
    const expected = decoded(bytes);
    if (expected === undefined) malformed++;
    const seen = { bytes: [...bytesOfText(text)], length: byteLengthOfText(text), unicode: isUnicode(text) };
    expect(seen).toEqual({ bytes: [...bytes], length: bytes.length, unicode: expected !== undefined });
    if (expected !== undefined) expect(text).toBe(expected);
  }
  expect(malformed).toBeGreaterThan(10_000);
});

it('escapes each byte that belongs to no character', () => {
  expect(textOfBytes(Buffer.from('é\xff', 'latin1'))).toBe('\udce9\udcff');
  expect(textOfBytes(Buffer.from([0xc3, 0xa9, 0xe2, 0x82]))).toBe('é\udce2\udc82');
  expect(textOfBytes(Buffer.from('😀'))).toBe('😀');
  expect(bytesOfText('a\udc80😀\udcff')).toEqual(Buffer.from([0x61, 0x80, 0xf0, 0x9f, 0x98, 0x80, 0xff]));
});
