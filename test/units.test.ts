/** Sizes and durations as people write them. */

import { describe, expect, it } from 'vitest';
import { parseByteSize, parseDuration } from '../src/units.ts';

describe('parseByteSize', () => {
  it.each([
    ['0', 0],
    ['1048576', 1_048_576],
    ['1B', 1],
    ['1K', 1000],
    ['1KB', 1000],
    ['1k', 1000],
    ['64m', 64_000_000],
    ['64mb', 64_000_000],
    ['1mi', 1_048_576],
    ['1MIB', 1_048_576],
    ['1Ki', 1024],
    ['1KiB', 1024],
    ['512Mi', 512 * 1024 ** 2],
    ['512 Mi', 512 * 1024 ** 2],
    ['1G', 1e9],
    ['1.5Gi', 1.5 * 1024 ** 3],
    ['1.1G', 1_100_000_000],
    ['2T', 2e12],
    ['2Ti', 2 * 1024 ** 4],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %j', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each([
    '',
    ' ',
    'B',
    'Mi',
    '-1',
    '+1',
    '1e3',
    '0x10',
    '1,5G',
    '.5G',
    '1.G',
    '1Q',
    '1i',
    '1ib',
    '1bk',
    '1 Mi B',
    ' 1',
    '1\n',
    'NaN',
    'Infinity',
    '9007199254740992',
    '9007199254740993',
    '8192Ti',
    '9'.repeat(400),
  ])('refuses %j', (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });
});

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['1500', 1500],
    ['500ms', 500],
    ['2.5s', 2500],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['1h30m', 5_400_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['0.1s', 100],
    ['0s', 0],
  ])('reads %j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    's',
    '-1s',
    '1.5',
    '1 s',
    '1s ',
    '1S',
    '1w',
    '30m1h',
    '1s1s',
    '1m30',
    '1h-30m',
    'NaN',
    '1e3ms',
    'P1D',
    '9007199254740992',
    '104249991375d',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it('takes time in proportion to the length of what it refuses', () => {
    const text = `${'1'.repeat(1_000_000)}x`;
    const start = process.threadCpuUsage();
    expect(parseDuration(text)).toBeUndefined();
    expect(parseByteSize(text)).toBeUndefined();
    const { user, system } = process.threadCpuUsage(start);
    expect(user + system).toBeLessThan(1_000_000);
  });
});
