/** Searching a log for a text. */

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { followLog } from '../../../src/runtime/log/follow.ts';
import { HEADER_BYTES } from '../../../src/runtime/log/frame.ts';
import { packLog } from '../../../src/runtime/log/pack.ts';
import type { LogBatch, LogEntry, LogStream } from '../../../src/runtime/log/page.ts';
import { PatternError } from '../../../src/runtime/log/pattern.ts';
import { type Search, searchLog } from '../../../src/runtime/log/search.ts';
import { bytesOf, dropped, err, logOf, out, randomFrom, TestSource } from './fixture.ts';

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
  });

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

/** Lines as grep numbers them: those that match in capitals between brackets. */
const naive = (all: string, isMatch: (line: string) => boolean, context: number): string[] => {
  const lines = all.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const matches = lines.map((line) => isMatch(line.replace(/\r?\n$/, '')));
  return lines.flatMap((line, index) => {
    if (!matches.slice(Math.max(0, index - context), index + context + 1).includes(true)) return [];
    return [matches[index] === true ? `[${line}]` : line];
  });
};

/** The same of entries, whose pieces belong together up to a newline. */
const linesOf = (entries: readonly LogEntry[]): string[] => {
  const lines: { bytes: Buffer; matched: boolean | undefined }[] = [];
  for (const { bytes, matched } of entries) {
    const last = lines.at(-1);
    if (last === undefined || last.bytes.at(-1) === 0x0a) lines.push({ bytes: Buffer.from(bytes), matched });
    else if (last.matched !== matched) throw new Error('a line that matches in part');
    else last.bytes = Buffer.concat([last.bytes, bytes]);
  }
  return lines.map(({ bytes, matched }) => (matched === true ? `[${bytes}]` : String(bytes)));
};

const WORDS = ['ab', 'abc', 'bca', '\n', '\n', '\n', '\r\n', ' ', 'ä', '😀', '7', 'x'.repeat(40)];
const PATTERNS = [
  'ab',
  'ca?b',
  '^ab',
  'c$',
  '^$',
  '[äö]+7?',
  '(ab|7 )+.?x',
  '^.{3,9}$',
  'nowhere',
  '\\d',
  '\\Aab|7\\z',
];

/** The same in JavaScript, of one line. */
const isMatchOf = (pattern: string) => {
  const expression = new RegExp(pattern.replace('\\A', '^').replace('\\z', '$'), 'u');
  return (line: string): boolean => expression.test(line);
};

const randomFrames = (random: (below: number) => number, count: number) => {
  const frames: Buffer[] = [];
  const content: Record<LogStream, string> = { STDOUT: '', STDERR: '', TERMINAL: '' };
  let all = '';
  for (let number = 0; number < count; number++) {
    const text = Array.from({ length: random(7) }, () => WORDS[random(WORDS.length)]).join('');
    const stream = random(3) === 0 ? 'STDERR' : 'STDOUT';
    frames.push(stream === 'STDOUT' ? out(text) : err(text));
    content[stream] += text;
    all += text;
  }
  return { frames, content, all };
};

describe('a search for a regular expression, with context', () => {
  it('finds what a naive search finds, page by page, of each stream, compressed or not', async () => {
    const random = randomFrom(29);
    for (let round = 0; round < 4; round++) {
      const { frames, content, all } = randomFrames(random, 500);
      const path = await logOf(...frames);
      if (round % 2 === 1) expect(await packLog(path)).toBeGreaterThan(0);
      for (const pattern of PATTERNS) {
        const context = [0, 1, 2, 5, 100][random(5)] ?? 0;
        const stream = ([undefined, 'STDOUT', 'STDERR'] as const)[random(3)];
        const mostBytes = [1, 30, 700, 100_000][random(4)] ?? 1;
        const more = { regex: true, context, mostBytes, ...(stream && { stream }) };
        const entries = (await searchAll(path, pattern, more)).flatMap((page) => page.entries);
        const expected = naive(stream ? content[stream] : all, isMatchOf(pattern), context);
        expect(linesOf(entries), `${round} ${pattern} ${JSON.stringify(more)}`).toEqual(expected);
      }
    }
  });

  it('continues after each of its entries without a gap or a duplicate', async () => {
    const { frames, all } = randomFrames(randomFrom(31), 150);
    const path = await logOf(...frames);
    for (const [pattern, context] of [
      ['b', 0],
      ['ca', 2],
      ['7', 3],
    ] as const) {
      const expected = naive(all, isMatchOf(pattern), context);
      const entries = (await searchAll(path, pattern, { regex: true, context })).flatMap(
        (page) => page.entries,
      );
      for (const [index, { bytes, cursor }] of entries.entries()) {
        // Within a line it would continue within the line.
        if (bytes.at(-1) !== 0x0a) continue;
        const rest = await searchAll(path, pattern, { regex: true, context, after: cursor });
        const first = linesOf(entries.slice(0, index + 1));
        expect([...first, ...linesOf(rest.flatMap((page) => page.entries))]).toEqual(expected);
      }
    }
  });

  it('finds the same while the log grows, followed or asked for again and again', async () => {
    const random = randomFrom(37);
    for (const [pattern, context] of [
      ['ca?b', 0],
      ['7', 2],
      ['^$', 4],
    ] as const) {
      const { frames, all } = randomFrames(random, 200);
      const path = await logOf();
      const source = new TestSource(path);
      const following = followLog(source, { follow: true, grep: pattern, regex: true, context });
      const followed: LogEntry[] = [];
      const reader = (async () => {
        for await (const { entries } of following) followed.push(...entries);
      })();
      const asked: LogEntry[] = [];
      let after = '0';
      const ask = async (closed: boolean): Promise<boolean> => {
        const page = await searchLog(path, {
          text: pattern,
          regex: true,
          context,
          mostBytes: 90,
          closed,
          after,
        });
        asked.push(...page.entries);
        after = page.cursor;
        return page.endOfLog;
      };
      for (const frame of frames) {
        // Also torn, as a reader may find it.
        const cut = random(frame.length);
        appendFileSync(path, frame.subarray(0, cut));
        if (random(4) === 0) await ask(false);
        appendFileSync(path, frame.subarray(cut));
        if (random(2) === 0) await ask(false);
      }
      source.close();
      while (!(await ask(true)));
      await reader;
      const expected = naive(all, isMatchOf(pattern), context);
      expect(linesOf(asked), pattern).toEqual(expected);
      expect(linesOf(followed), pattern).toEqual(expected);
    }
  });

  it('reads on where it has found nothing so far, and nothing more is written', async () => {
    const path = await logOf(
      ...Array.from({ length: 160 }, () => out('nothing\n'.repeat(7500))),
      out('needle\n'),
    );
    const following = followLog(new TestSource(path), { follow: true, grep: '^nee', regex: true });
    const { value } = await following.next();
    expect(bytesOf(value?.entries ?? []).toString()).toBe('needle\n');
    await following.return?.();
  });

  it('passes over damage, and counts it once', async () => {
    const random = randomFrom(41);
    for (let round = 0; round < 20; round++) {
      const texts = Array.from({ length: 40 }, (_, number) => `${number} ${'ab7'.slice(random(3))}\n`);
      const frames = texts.map((text) => out(text));
      const path = await logOf(...frames);
      const hit = random(38);
      const at = frames.slice(0, hit).reduce((sum, { length }) => sum + length, 0);
      const bytes = readFileSync(path);
      bytes.fill(0xee, at, at + HEADER_BYTES);
      writeFileSync(path, bytes);
      const left = texts.filter((_, number) => number !== hit).join('');
      const context = random(4);
      const pages = await searchAll(path, ' a', { regex: true, context, mostBytes: 1 + random(40) });
      expect(linesOf(pages.flatMap((page) => page.entries))).toEqual(naive(left, isMatchOf(' a'), context));
      expect(pages.reduce((sum, page) => sum + page.damagedBytes, 0)).toBe(frames[hit]?.length);
      expect(pages.reduce((sum, page) => sum + page.droppedBytes, 0)).toBe(frames[hit]?.length);
    }
  });

  it('takes time in proportion to the log, whatever the expression', async () => {
    const timeOf = async (lines: number): Promise<number> => {
      const path = await logOf(...Array.from({ length: lines }, () => out(`${'a'.repeat(1999)}\n`)));
      const before = process.cpuUsage();
      await searchAll(path, '(a*)*(a|aa)+(.?){50}b$', { regex: true });
      // The kernel may count all of a short time as that of the system: see utime in proc(5).
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    await timeOf(20);
    // A backtracking engine would not return from the first line.
    expect((await timeOf(400)) / (await timeOf(100))).toBeLessThan(16);
  });

  it('holds no more of long lines than it must', async () => {
    const path = await logOf(
      ...Array.from({ length: 400 }, () => out('y'.repeat(60_000))),
      out('needle\n'),
      out('after\n'),
    );
    const pages = await searchAll(path, 'needle$', { regex: true, context: 100, mostBytes: 1 });
    const bytes = pages.flatMap(({ entries }) => entries).reduce((sum, entry) => sum + entry.bytes.length, 0);
    expect(bytes).toBeLessThan(128 << 10);
    expect(pages.flatMap(({ entries }) => entries).at(-1)?.text).toBe('after\n');
  });

  it('says what is wrong with an expression, a text or a context', async () => {
    const path = await logOf(out('a\n'));
    const search = (text: string, more: Partial<Search> = {}) =>
      searchLog(path, { text, regex: true, mostBytes: 1, closed: true, ...more });
    for (const text of ['a(', '[z-a]', '(?=a)', '(a)\\1', '((a{100}){100}){100}', 'a{1001}', '*', '\\'])
      await expect(search(text), text).rejects.toThrow(/^grep: expected a regular expression of RE2 \(/);
    for (const text of ['', 'a\n', 'x'.repeat(1025)])
      await expect(search(text)).rejects.toThrow(PatternError);
    for (const context of [-1, 0.5, 101])
      await expect(search('a', { context })).rejects.toThrow(/^context: expected from 0 to 100 lines/);
  });
});
