/** Starting at the last lines. */

import { describe, expect, it } from 'vitest';
import type { LogStream } from '../../../src/runtime/log/page.ts';
import { readLogPage } from '../../../src/runtime/log/reader.ts';
import { dropped, err, logOf, out, randomFrom, readAll, textOf } from './fixture.ts';

const tailOf = async (path: string, tail: number, stream?: LogStream): Promise<string> => {
  const pages = await readAll(path, { tail, ...(stream === undefined ? {} : { stream }) });
  return textOf(pages.flatMap(({ entries }) => entries));
};

/** The last lines of a text, found the plain way. */
const lastLines = (text: string, lines: number): string => {
  const all = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return lines === 0 ? '' : all.slice(-lines).join('');
};

describe('the tail of a log', () => {
  it.each([
    '',
    '\n',
    '\n\n',
    'a',
    'a\n',
    '\na',
    'a\n\n',
    'a\nb',
    'a\nb\n',
    'a\n\nb\n\n',
    'one\ntwo\nthree\nfour',
  ])('of %j is its last lines, however it lies in frames', async (text) => {
    for (const size of [1, 2, 3, 100]) {
      const frames = [out('')];
      for (let at = 0; at < text.length; at += size) frames.push(out(text.slice(at, at + size)), out(''));
      const path = await logOf(...frames);
      for (let lines = 0; lines <= 6; lines++) {
        expect(await tailOf(path, lines), `${lines} lines`).toBe(lastLines(text, lines));
      }
    }
  });

  it('counts lines over both streams in the order of the log', async () => {
    const path = await logOf(out('o1\n'), err('e1\n'), out('o2 '), err('e2\n'), out('o3\n'));
    expect(await tailOf(path, 1)).toBe('o3\n');
    expect(await tailOf(path, 2)).toBe('o2 e2\no3\n');
    expect(await tailOf(path, 3)).toBe('e1\no2 e2\no3\n');
  });

  it('counts the lines of one stream when only that is read', async () => {
    const path = await logOf(out('o1\n'), err('e1\n'), out('o2\n'), err('e2'), err('\n'), out('o3'));
    expect(await tailOf(path, 1, 'STDERR')).toBe('e2\n');
    expect(await tailOf(path, 2, 'STDERR')).toBe('e1\ne2\n');
    expect(await tailOf(path, 1, 'STDOUT')).toBe('o3');
    expect(await tailOf(path, 2, 'STDOUT')).toBe('o2\no3');
    expect(await tailOf(path, 9, 'STDOUT')).toBe('o1\no2\no3');
  });

  it('reaches over many parts of a long log', async () => {
    const random = randomFrom(5);
    const frames: Buffer[] = [];
    let text = '';
    let number = 0;
    while (text.length < 2_500_000) {
      let piece = '';
      const length = random(4) === 0 ? 60_000 : random(300);
      while (piece.length < length)
        piece += `line ${number++}${random(50) === 0 ? '-'.repeat(random(20_000)) : ''}\n`;
      frames.push(out(piece), dropped(1));
      text += piece;
    }
    const path = await logOf(...frames);
    for (const lines of [1, 2, 100, 1000, 5000, 12_345, number - 1, number, number + 1]) {
      if ((await tailOf(path, lines)) !== lastLines(text, lines)) expect.unreachable(`${lines} lines differ`);
    }
  });

  it('of no lines is the current end, from which the log continues', async () => {
    const path = await logOf(out('abc\ndef'), dropped(4));
    const page = await readLogPage(path, { tail: 0, mostBytes: 1, closed: true });
    expect(page).toMatchObject({ entries: [], endOfLog: true, droppedBytes: 0 });
    expect(await readLogPage(path, { after: page.cursor, mostBytes: 1, closed: true })).toMatchObject({
      entries: [],
      droppedBytes: 0,
      damagedBytes: 0,
    });
  });

  it('counts what was dropped after its beginning', async () => {
    const path = await logOf(dropped(1), out('a\n'), dropped(20), out('b\n'), dropped(300));
    expect((await readLogPage(path, { tail: 1, mostBytes: 9, closed: true })).droppedBytes).toBe(320);
    expect((await readLogPage(path, { tail: 2, mostBytes: 9, closed: true })).droppedBytes).toBe(321);
  });

  it('is bounded by `first` like any page, and continues from its cursor', async () => {
    const path = await logOf(out('one\ntwo\nthree\n'));
    const page = await readLogPage(path, { tail: 2, mostBytes: 5, closed: true });
    expect(textOf(page.entries)).toBe('two\nt');
    expect(page.endOfLog).toBe(false);
    const rest = await readLogPage(path, { after: page.cursor, mostBytes: 100, closed: true });
    expect(textOf(rest.entries)).toBe('hree\n');
  });

  it('is refused when it is not a number of lines, or given together with a cursor', async () => {
    const path = await logOf(out('one\n'));
    for (const tail of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(readLogPage(path, { tail, mostBytes: 1, closed: true })).rejects.toThrow(RangeError);
    }
    await expect(readLogPage(path, { tail: 1, after: '0', mostBytes: 1, closed: true })).rejects.toThrow(
      RangeError,
    );
  });
});
