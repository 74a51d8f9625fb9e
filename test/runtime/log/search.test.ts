/** Searching a log for a text. */

import { describe, expect, it } from 'vitest';
import type { LogBatch, LogStream } from '../../../src/runtime/log/page.ts';
import { type Search, searchLog } from '../../../src/runtime/log/search.ts';
import { bytesOf, dropped, err, logOf, out, randomFrom } from './fixture.ts';

/** All pages of a search, each after the one before. */
const searchAll = async (path: string, text: string, more: Partial<Search> = {}): Promise<LogBatch[]> => {
  const pages = [await searchLog(path, { text, mostBytes: 4096, closed: true, ...more })];
  for (let last = pages.at(-1); last !== undefined && !last.endOfLog; last = pages.at(-1)) {
    const { tail: _tail, sinceNs: _since, offset: _offset, ...rest } = more;
    const page = await searchLog(path, { text, mostBytes: 4096, closed: true, ...rest, after: last.cursor });
    if (page.cursor === last.cursor && !page.endOfLog) throw new Error(`no progress after ${page.cursor}`);
    pages.push(page);
  }
  return pages;
};

const textFound = async (path: string, text: string, more: Partial<Search> = {}): Promise<string> =>
  bytesOf((await searchAll(path, text, more)).flatMap(({ entries }) => entries)).toString();

const grep = (all: string, text: string): string =>
  (all.match(/[^\n]*\n|[^\n]+$/g) ?? []).filter((line) => line.includes(text)).join('');

describe('a search in a log', () => {
  it('finds the lines that grep finds, however they lie in frames and pages', async () => {
    const random = randomFrom(3);
    const words = ['ab', 'abc', 'bca', '\n', '\n', ' ', 'ä', '😀', 'x'.repeat(40)];
    for (let round = 0; round < 8; round++) {
      const frames: Buffer[] = [];
      const content: Record<LogStream, string> = { STDOUT: '', STDERR: '', TERMINAL: '' };
      let all = '';
      for (let number = 0; number < 300; number++) {
        const text = Array.from({ length: random(6) }, () => words[random(words.length)]).join('');
        const stream = random(3) === 0 ? 'STDERR' : 'STDOUT';
        frames.push(stream === 'STDOUT' ? out(text) : err(text));
        content[stream] += text;
        all += text;
      }
      const path = await logOf(...frames);
      for (const text of ['ab', 'abcab', 'ä', 'nowhere', ' x']) {
        for (const first of [1, 30, 100_000]) {
          expect(await textFound(path, text, { mostBytes: first }), `${round} ${text} ${first}`).toBe(
            grep(all, text),
          );
          for (const stream of ['STDOUT', 'STDERR'] as const)
            expect(await textFound(path, text, { mostBytes: first, stream })).toBe(
              grep(content[stream], text),
            );
        }
      }
    }
  }, 60_000);

  it('finds what is cut between frames, and in a line of many MiB', async () => {
    const long = 'y'.repeat(700_000);
    const path = await logOf(
      out(long),
      out(`${long}nee`),
      out('dle'),
      out(long),
      out(long),
      out('\nneedle\n'),
      out(long),
    );
    const found = await textFound(path, 'needle', { mostBytes: 1 });
    expect(found.match(/needle/g)).toHaveLength(2);
    expect(found.endsWith('needle\n')).toBe(true);
  });

  it('finds a text wherever a long line is cut', async () => {
    const MIB = 1 << 20;
    for (const at of [MIB - 6, MIB - 5, MIB - 3, MIB - 1, MIB, MIB + 1]) {
      const content = Buffer.alloc(2 * MIB + 100, 'z');
      content.write('needle', at);
      const frames: Buffer[] = [];
      for (let start = 0; start < content.length; start += 50_000)
        frames.push(out(content.subarray(start, start + 50_000)));
      const pages = await searchAll(await logOf(...frames), 'needle', { mostBytes: 1 });
      expect(pages.flatMap(({ entries }) => entries).length, `at ${at}`).toBeGreaterThan(0);
    }
  });

  it('begins where it is asked to, and counts what was dropped once', async () => {
    const path = await logOf(
      out('a 1\n', 1n),
      dropped(5),
      out('a 2\nb\n', 2n),
      dropped(7),
      out('a 3\n', 3n),
      dropped(9),
    );
    expect(await textFound(path, 'a', { tail: 2 })).toBe('a 3\n');
    expect(await textFound(path, 'a', { sinceNs: 2n })).toBe('a 2\na 3\n');
    expect(await textFound(path, 'a', { offset: 2 })).toBe('a 2\na 3\n');
    const pages = await searchAll(path, 'a', { mostBytes: 1 });
    expect(pages.reduce((sum, page) => sum + page.droppedBytes, 0)).toBe(21);
  });

  it('leaves a last line that may still grow to the next page', async () => {
    const path = await logOf(out('a 1\na'));
    const page = await searchLog(path, { text: 'a', mostBytes: 100, closed: false });
    expect(page).toMatchObject({ endOfLog: false });
    expect(bytesOf(page.entries).toString()).toBe('a 1\n');
    const rest = await searchLog(path, { text: 'a', mostBytes: 100, closed: true, after: page.cursor });
    expect(rest.endOfLog).toBe(true);
    expect(bytesOf(rest.entries).toString()).toBe('a');
  });

  it('refuses a text that no line contains, or every one', async () => {
    const path = await logOf(out('a\n'));
    for (const text of ['', 'a\n', 'x'.repeat(1025)])
      await expect(searchLog(path, { text, mostBytes: 1, closed: true })).rejects.toThrow(RangeError);
  });
});
