/** The scalars of the schema. */

import { describe, expect, it } from 'vitest';
import { base64, dateTime, duration, Malformed } from '../../src/resolvers/scalars.ts';

describe('DateTime', () => {
  it.each([
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31t12:00:00z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00.123456789Z', '2026-01-31T12:00:00.123Z'],
    ['2026-01-31T12:00:00-05:30', '2026-01-31T17:30:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('accepts %s', (text, instant) => {
    expect(dateTime.parseValue(text)).toEqual(new Date(instant));
  });

  it.each([
    '',
    '2026-01-31',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00:00Z',
    '2026-02-30T12:00:00Z',
    '2026-02-29T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-01-31T12:00:00+24:00',
    'Sat, 31 Jan 2026 12:00:00 GMT',
    1_700_000_000_000,
    null,
    {},
  ])('refuses %j', (value) => {
    expect(dateTime.parseValue(value)).toBeInstanceOf(Malformed);
  });

  it('prints dates in UTC, and nanoseconds exactly', () => {
    expect(dateTime.serialize(new Date(5))).toBe('1970-01-01T00:00:00.005Z');
    expect(dateTime.serialize(5n)).toBe('1970-01-01T00:00:00.000000005Z');
    expect(dateTime.serialize(1_700_000_000_999_999_999n)).toBe('2023-11-14T22:13:20.999999999Z');
    expect(() => dateTime.serialize('now')).toThrow(TypeError);
  });
});

describe('Base64', () => {
  it.each(['', 'AA==', 'AAA=', 'AAAA', '+/+/'])('parses %j and prints it unchanged', (text) => {
    expect(base64.serialize(base64.parseValue(text))).toBe(text);
  });

  it.each(['A', 'AA', 'AA=', '-_-_', 'AAAA\n', 5])('refuses %j', (value) => {
    expect(base64.parseValue(value)).toBeInstanceOf(Malformed);
  });

  it('parses and refuses long texts as it does short ones', () => {
    const long = Buffer.alloc(3000, 'content').toString('base64');
    const parse = (text: string): unknown => base64.parseValue(text);
    expect(parse(long)).toEqual(Buffer.alloc(3000, 'content'));
    expect(parse(`${long}QQ==`)).toEqual(Buffer.concat([Buffer.alloc(3000, 'content'), Buffer.from('A')]));
    // The last bits count for nothing.
    expect(parse(`${long}QR==`)).toEqual(parse(`${long}QQ==`));
    for (const end of ['A', 'AA', 'AA=', '-_-_', 'AAAA\n', 'A A=', 'AA==AAAA', '===='])
      expect(parse(`${long}${end}`), end).toBeInstanceOf(Malformed);
  });

  it('prints a part of a larger buffer as that part', () => {
    expect(base64.serialize(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))).toBe('AgM=');
  });
});

describe('Duration', () => {
  it('prints whole milliseconds', () => {
    expect(duration.serialize(1.5)).toBe(2);
    expect(() => duration.serialize('1s')).toThrow(TypeError);
  });
});
