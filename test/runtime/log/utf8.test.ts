/** Decoding UTF-8 in pieces. */

import { describe, expect, it } from 'vitest';
import { decodeUtf8, incompleteEnd, NOTHING, REPLACEMENT } from '../../../src/runtime/log/utf8.ts';
import { decoded, randomFrom } from './fixture.ts';

const inPieces = (pieces: readonly Uint8Array[]): string => {
  let text = '';
  let pending: Uint8Array = NOTHING;
  for (const piece of pieces) {
    const step = decodeUtf8(pending, piece);
    if (step.pending.length > 3) throw new Error(`${step.pending.length} bytes are pending`);
    text += step.text;
    pending = step.pending;
  }
  return pending.length === 0 ? text : text + REPLACEMENT;
};

describe('decodeUtf8', () => {
  // The bytes at which the rules of UTF-8 change.
  const EDGES = [
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
    0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
  ];

  it('decodes every sequence of four edge bytes, byte by byte, as TextDecoder does at once', () => {
    for (const a of EDGES) {
      for (const b of EDGES) {
        for (const c of EDGES) {
          for (const d of EDGES) {
            const bytes = Uint8Array.of(a, b, c, d);
            const text = inPieces([0, 1, 2, 3].map((index) => bytes.subarray(index, index + 1)));
            if (text !== decoded(bytes)) expect(text, `${a} ${b} ${c} ${d}`).toBe(decoded(bytes));
          }
        }
      }
    }
  });

  it('decodes text cut at every place', () => {
    const bytes = Buffer.from('\uFEFFa\0ß€😀\uFEFFz');
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        expect(inPieces(pieces)).toBe('\uFEFFa\0ß€😀\uFEFFz');
      }
    }
  });

  it('decodes random bytes in random pieces', () => {
    const random = randomFrom(7);
    for (let round = 0; round < 300; round++) {
      const bytes = Uint8Array.from({ length: random(200) }, () => EDGES[random(EDGES.length)] ?? 0);
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; ) {
        const length = 1 + random(9);
        pieces.push(bytes.subarray(at, at + length));
        at += length;
      }
      expect(inPieces(pieces)).toBe(decoded(bytes));
    }
  });

  it('keeps its state apart from the bytes it was given', () => {
    const bytes = Buffer.from([0x41, 0xe2, 0x82]);
    const { pending } = decodeUtf8(NOTHING, bytes);
    bytes.fill(0);
    expect(decodeUtf8(pending, Uint8Array.of(0xac)).text).toBe('€');
  });
});

describe('incompleteEnd', () => {
  it.each([
    ['', ''],
    ['41', ''],
    ['41c3', 'c3'],
    ['41c3a4', ''],
    ['f09f98', 'f09f98'],
    ['f09f9880', ''],
    ['e0809f', ''],
    ['eda0', ''],
    ['f48f', 'f48f'],
    ['f490', ''],
    ['808080', ''],
    ['e282e2', 'e2'],
  ])('of %s is %s', (bytes, end) => {
    expect(Buffer.from(incompleteEnd(Buffer.from(bytes, 'hex'))).toString('hex')).toBe(end);
  });
});
