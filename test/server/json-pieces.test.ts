// JSON that is written in pieces.

import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { jsonPieces } from '../../src/server/json-pieces.ts';

/** Every kind of value, and texts around the size of a piece. */
const values: readonly (readonly [string, unknown])[] = [
  ['nothing', null],
  ['numbers', [0, -1.5, 1e300, Number.NaN]],
  ['empty ones', [{}, [], '', { a: {} }]],
  ['what is left out', { a: undefined, b: 1, c: [undefined], d: undefined }],
  ['names', { '': 1, '"': 2, '\n': 3 }],
  ['objects without a prototype', Object.assign(Object.create(null), { a: [true, false] })],
  ['an error', { errors: [new GraphQLError('no', { extensions: { code: 'X' } })], data: null }],
  ['many small ones', Array.from({ length: 50_000 }, (_, index) => ({ index, text: `line ${index}\n` }))],
  ...[65_535, 65_536, 65_537, 300_000].flatMap((length) => [
    [`${length} letters`, 'x'.repeat(length)] as const,
    [`${length} control characters`, { text: '\u0001'.repeat(length) }] as const,
    [`${length} characters of two units`, ['😀'.repeat(length)]] as const,
    [`${length} characters of two units, moved by one`, [`x${'😀'.repeat(length)}`]] as const,
    [`${length} halves`, ['\ud83d'.repeat(length)]] as const,
  ]),
];

describe.each(values)('%s', (_name, value) => {
  const pieces = [...jsonPieces(value)];

  it('together are what JSON.stringify gives', () => {
    expect(pieces.join('') === JSON.stringify(value)).toBe(true);
  });

  it('come in small pieces', () => {
    for (const { length } of pieces) expect(length).toBeLessThan(7 * 65_536);
    expect(pieces.length).toBeGreaterThanOrEqual(Math.floor(JSON.stringify(value).length / (7 * 65_536)));
  });
});
