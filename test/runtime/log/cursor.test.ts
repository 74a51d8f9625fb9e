/** Cursors: format and errors. */

import { describe, expect, it } from 'vitest';
import { BEGINNING, CursorError, formatCursor, parseCursor } from '../../../src/runtime/log/cursor.ts';

const pending = (stdout: string, stderr: string, terminal = '') => ({
  STDOUT: Uint8Array.from(Buffer.from(stdout, 'hex')),
  STDERR: Uint8Array.from(Buffer.from(stderr, 'hex')),
  TERMINAL: Uint8Array.from(Buffer.from(terminal, 'hex')),
});

describe('cursors', () => {
  it('begin with "0"', () => {
    expect(formatCursor(BEGINNING)).toBe('0');
    expect(parseCursor('0')).toEqual(BEGINNING);
  });

  it.each([
    { frame: 0, taken: 1, pending: pending('', '') },
    { frame: 48, taken: 0, pending: pending('', '') },
    { frame: 48, taken: 0, pending: pending('c3', '') },
    { frame: 4096, taken: 1 << 20, pending: pending('e282', '') },
    { frame: 4096, taken: 9, pending: pending('', 'f09f98') },
    { frame: 4096, taken: 9, pending: pending('', '', 'e282') },
    { frame: Number.MAX_SAFE_INTEGER, taken: 65536, pending: pending('f48f', 'c3') },
  ])('give back %o', (cursor) => {
    expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
  });

  it.each([
    '',
    ' ',
    '-1',
    '+1',
    '1e3',
    '0x10',
    '01',
    '1.',
    '1.0',
    '1.01',
    '1.2.',
    '1.2..',
    '1.2.c',
    '1.2.C3',
    '1.2.41',
    '1.2.c3a4',
    '1.2.e080',
    '1.2.f09f9880',
    '1.2.c3.',
    '1.2.c3.c3.c3.c3',
    '1.1048577',
    '9007199254740992',
    '99999999999999999999999999',
    '0\n',
    'null',
    '１',
    '1'.repeat(100_000),
  ])('are refused when malformed: %j', (text) => {
    expect(() => parseCursor(text)).toThrow(CursorError);
  });

  it('say what was expected and what was received, shortened', () => {
    expect(() => parseCursor('nonsense')).toThrow('cursor: expected a cursor of this log, got "nonsense"');
    try {
      parseCursor('x'.repeat(5000));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(CursorError);
      expect(String(error).length).toBeLessThan(200);
    }
  });
});
