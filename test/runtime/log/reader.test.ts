/** Reading pages of a log. */

import { appendFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MOST_SKIPPED_BYTES } from '../../../src/runtime/log/blocks.ts';
import { CursorError } from '../../../src/runtime/log/cursor.ts';
import { HEADER_BYTES, LEAST_HEADER_BYTES } from '../../../src/runtime/log/frame.ts';
import { packLog } from '../../../src/runtime/log/pack.ts';
import { checkCursor, MOST_ENTRIES, readLogPage } from '../../../src/runtime/log/reader.ts';
import { searchLog } from '../../../src/runtime/log/search.ts';
import { unchecked } from '../../fuzz/model.ts';
import {
  bytesOf,
  decoded,
  dropped,
  err,
  logOf,
  openFilesBelow,
  out,
  randomFrom,
  readAll,
  temporaryFolder,
  textOf,
} from './fixture.ts';

const FIRST = 1 << 20;

describe('a page of a log', () => {
  it('has the output in order, with streams and times', async () => {
    const path = await logOf(out('one\n', 1n), err('two\n', 2n), out('three\n', 3n));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(page.entries.map(({ stream, timeNs, text }) => [stream, timeNs, text])).toEqual([
      ['STDOUT', 1n, 'one\n'],
      ['STDERR', 2n, 'two\n'],
      ['STDOUT', 3n, 'three\n'],
    ]);
    expect(bytesOf(page.entries).toString()).toBe('one\ntwo\nthree\n');
    expect(page).toMatchObject({ endOfLog: true, droppedBytes: 0 });
    expect(page.entries.at(-1)?.cursor).toBe(page.cursor);
  });

  it('of a missing or an empty file is the empty log', async () => {
    const missing = join(await temporaryFolder(), 'nowhere', 'log');
    for (const path of [missing, await logOf()]) {
      for (const closed of [false, true]) {
        const expected = { entries: [], cursor: '0', endOfLog: closed, droppedBytes: 0, damagedBytes: 0 };
        expect(await readLogPage(path, { mostBytes: 1, closed })).toEqual(expected);
        expect(await readLogPage(path, { mostBytes: 1, closed, after: '0' })).toEqual(expected);
        expect(await readLogPage(path, { mostBytes: 1, closed, tail: 5 })).toEqual(expected);
      }
    }
  });

  it('reports any failure to open that is not absence', async () => {
    const path = join(await logOf(out('x')), 'below-a-file');
    await expect(readLogPage(path, { mostBytes: 1, closed: true })).rejects.toThrow('ENOTDIR');
  });

  it('keeps a byte order mark and NUL', async () => {
    const path = await logOf(out('\uFEFFa\0b'), err('\uFEFF'));
    const { entries } = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(entries.map(({ text }) => text)).toEqual(['\uFEFFa\0b', '\uFEFF']);
  });

  it('holds at most `first` bytes, exactly, and cuts frames for that', async () => {
    const path = await logOf(out('abcdef'), err('ghi'), out('jk'));
    for (let first = 1; first <= 12; first++) {
      const pages = await readAll(path, { first });
      const sizes = pages.map(({ entries }) => bytesOf(entries).length);
      expect(sizes.slice(0, -1).every((size) => size === first)).toBe(true);
      expect(pages.length).toBe(Math.ceil(11 / first));
      expect(bytesOf(pages.flatMap(({ entries }) => entries)).toString()).toBe('abcdefghijk');
    }
  });

  it('holds at most 1024 entries', async () => {
    const path = await logOf(
      ...Array.from({ length: 2 * MOST_ENTRIES + 1 }, (_, index) => out(String(index % 10))),
    );
    const pages = await readAll(path);
    expect(pages.map(({ entries }) => entries.length)).toEqual([1024, 1024, 1]);
  });

  it('is the last one when exactly its bytes were left', async () => {
    const path = await logOf(out('abc'), dropped(5), err('skipped'));
    const page = await readLogPage(path, { mostBytes: 3, stream: 'STDOUT', closed: true });
    expect(page).toMatchObject({ endOfLog: true, droppedBytes: 5 });
    expect(await readLogPage(path, { mostBytes: 3, after: page.cursor, closed: true })).toMatchObject({
      entries: [],
      endOfLog: true,
      droppedBytes: 0,
      damagedBytes: 0,
    });
  });

  it('refuses a `first` that would make no progress', async () => {
    const path = await logOf(out('abc'));
    for (const first of [0, -1, 1.5, Number.NaN]) {
      await expect(readLogPage(path, { mostBytes: first, closed: true })).rejects.toThrow(RangeError);
    }
  });

  it('holds frames of the greatest length', async () => {
    const bytes = Buffer.alloc(1 << 20, 'ä');
    const path = await logOf(out('-'), out(bytes), err('!'));
    const pages = await readAll(path, { first: 100_001 });
    expect(
      bytesOf(pages.flatMap(({ entries }) => entries)).equals(
        Buffer.concat([Buffer.from('-'), bytes, Buffer.from('!')]),
      ),
    ).toBe(true);
  });

  it('passes over empty frames', async () => {
    const path = await logOf(out(''), out(''), err('x'), out(''));
    const page = await readLogPage(path, { mostBytes: 1, closed: true });
    expect(page.entries.map(({ text }) => text)).toEqual(['x']);
    expect(page.endOfLog).toBe(true);
    await checkCursor(path, page.cursor);
  });

  it('leaves no file open, whatever the outcome', async () => {
    const path = await logOf(out('abc'));
    const folder = join(path, '..');
    await readLogPage(path, { mostBytes: 1, closed: true });
    await expect(readLogPage(path, { mostBytes: 1, after: '7.1', closed: true })).rejects.toThrow(
      CursorError,
    );
    await expect(readLogPage(path, { mostBytes: 0, closed: true })).rejects.toThrow(RangeError);
    expect(openFilesBelow(folder)).toBe(0);
  });
});

describe('a stream by itself', () => {
  it('is read past the other one, and the cursor moves over that', async () => {
    const path = await logOf(err('e1'), out('o1'), err('e2'), out('o2'), err('e3'));
    const page = await readLogPage(path, { mostBytes: FIRST, stream: 'STDOUT', closed: true });
    expect(textOf(page.entries)).toBe('o1o2');
    expect(page.endOfLog).toBe(true);
    const rest = await readLogPage(path, { mostBytes: FIRST, after: page.cursor, closed: true });
    expect(rest.entries).toEqual([]);
  });

  it('may be changed at any cursor without breaking the characters of either', async () => {
    const whole = Buffer.from('ß€😀é');
    const pieces = [...whole].flatMap((byte) => [out(Uint8Array.of(byte)), err(Uint8Array.of(byte))]);
    const path = await logOf(...pieces);
    for (let taken = 1; taken <= whole.length; taken++) {
      const page = await readLogPage(path, { mostBytes: taken, stream: 'STDERR', closed: false });
      const cursor = page.entries.at(-1)?.cursor ?? '';
      const [stdout] = await readAll(path, { after: cursor, stream: 'STDOUT' });
      // Up to that cursor `taken` bytes of standard output were passed over.
      const expected = decoded(whole).slice(decoder(whole.subarray(0, taken)).length);
      expect(textOf(stdout?.entries ?? [])).toBe(expected);
    }
  });

  it('may be changed after a frame that ends within a character of four bytes', async () => {
    const path = await logOf(out(Uint8Array.of(0x61, 0xf0, 0x9f, 0x98)), err('x'), out(Uint8Array.of(0x80)));
    const page = await readLogPage(path, { mostBytes: 1, stream: 'STDERR', closed: false });
    const cursor = page.entries[0]?.cursor ?? '';
    const rest = await readLogPage(path, { mostBytes: 9, stream: 'STDOUT', closed: true, after: cursor });
    expect(textOf(rest.entries)).toBe('😀');
  });

  const decoder = (bytes: Uint8Array): string => new TextDecoder().decode(bytes, { stream: true });
});

describe('what was dropped', () => {
  it('is counted by the page that passes the mark, and by no other', async () => {
    const path = await logOf(dropped(1), out('ab'), dropped(20), out('cd'), dropped(300));
    expect((await readLogPage(path, { mostBytes: FIRST, closed: true })).droppedBytes).toBe(321);
    const pages = await readAll(path, { first: 1 });
    expect(pages.map(({ droppedBytes }) => droppedBytes)).toEqual([1, 20, 0, 300]);
    const only = await readAll(path, { first: 1, stream: 'STDERR' });
    expect(only.map(({ droppedBytes }) => droppedBytes)).toEqual([321]);
  });
});

const FRAMES = [out('first ä'), err('second'), out('third')];

describe.each([
  { release: 'this release', frames: FRAMES, checkedBytes: Number.POSITIVE_INFINITY },
  { release: 'an earlier release', frames: FRAMES.map(unchecked), checkedBytes: LEAST_HEADER_BYTES },
])('a log of $release that was cut or damaged', ({ frames, checkedBytes }) => {
  const texts = ['first ä', 'second', 'third'];
  const whole = Buffer.concat(frames);
  const ends = frames.map((_, index) => Buffer.concat(frames.slice(0, index + 1)).length);

  it('reads as its longest valid prefix, cut at every byte', async () => {
    const path = await logOf(whole);
    for (let size = whole.length; size >= 0; size--) {
      await truncate(path, size);
      const kept = texts.slice(0, ends.filter((end) => end <= size).length);
      for (const closed of [false, true]) {
        const page = await readLogPage(path, { mostBytes: FIRST, closed });
        expect(page.entries.map(({ text }) => text)).toEqual(kept);
        expect(page.endOfLog).toBe(closed);
        const tail = await readLogPage(path, { mostBytes: FIRST, closed, tail: 1 });
        expect(textOf(tail.entries)).toBe(kept.join(''));
      }
    }
  });

  it('reads as all of its other frames, any checked byte of one flipped, and counts what is lost', async () => {
    const path = await logOf(whole);
    for (const [index, end] of ends.entries()) {
      const start = end - (frames[index]?.length ?? 0);
      for (let at = start; at < Math.min(end, start + checkedBytes); at++) {
        for (const flip of [0x01, 0x80, 0xff]) {
          const broken = Buffer.from(whole);
          broken.writeUInt8(broken.readUInt8(at) ^ flip, at);
          await writeFile(path, broken);
          const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
          expect(page.entries.map(({ text }) => text)).toEqual(texts.toSpliced(index, 1));
          const lost = frames[index]?.length;
          expect(page).toMatchObject({ endOfLog: true, droppedBytes: lost, damagedBytes: lost });
          const pages = await readAll(path, { first: 1 });
          expect(textOf(pages.flatMap(({ entries }) => entries))).toBe(texts.toSpliced(index, 1).join(''));
          expect(pages.reduce((sum, { damagedBytes }) => sum + damagedBytes, 0)).toBe(lost);
          const lines = await searchLog(path, { text: 'ir', mostBytes: FIRST, closed: true });
          expect(lines).toMatchObject({ endOfLog: true, droppedBytes: lost, damagedBytes: lost });
          const again = await readLogPage(path, { mostBytes: FIRST, closed: true, after: page.cursor });
          expect(again).toMatchObject({ entries: [], cursor: page.cursor, endOfLog: true });
        }
      }
    }
  });

  it('is not resynchronised at what only looks like a header', async () => {
    const alike = out('x'.repeat(40)).subarray(0, HEADER_BYTES);
    const before = out('before');
    const broken = out(Buffer.concat([Buffer.from('12345'), alike, Buffer.alloc(60, 'y')]));
    broken.writeUInt8(9, 4);
    const path = await logOf(before, broken, out('after'), err('end'));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(page.entries.map(({ text }) => text)).toEqual(['before', 'after', 'end']);
    expect(page.damagedBytes).toBe(broken.length);
  });

  it('has zeros or a torn frame at its end without damage', async () => {
    for (const rest of [Buffer.alloc(100), out('torn').subarray(0, 18), out('torn').subarray(0, 15)]) {
      const path = await logOf(whole, rest);
      expect(await readLogPage(path, { mostBytes: FIRST, closed: true })).toMatchObject({
        endOfLog: true,
        droppedBytes: 0,
        damagedBytes: 0,
      });
    }
  });

  it('does not pass damage before what follows it is certain', async () => {
    const broken = Buffer.from(whole);
    broken.writeUInt8(9, 4);
    const path = await logOf();
    const [first, second, third] = ends as [number, number, number];
    // Certain is a frame whose payload has its checksum, or in front of another header.
    const certain = checkedBytes > third ? second : second + LEAST_HEADER_BYTES;
    for (let size = 0; size <= certain; size++) {
      await writeFile(path, broken.subarray(0, size));
      const page = await readLogPage(path, { mostBytes: FIRST, closed: false });
      const isCertain = size === certain;
      expect(page.entries.map(({ text }) => text)).toEqual(isCertain ? ['second'] : []);
      expect(page.damagedBytes).toBe(isCertain ? first : 0);
    }
  });

  it('of which a supervisor of another release wrote the rest is read as one', async () => {
    const path = await logOf(...FRAMES.map(unchecked), ...FRAMES, ...FRAMES.map(unchecked));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(page.entries.map(({ text }) => text)).toEqual([...texts, ...texts, ...texts]);
    expect(page.damagedBytes).toBe(0);
  });

  it('is searched for its next frame up to a limit, and the rest counted', async () => {
    const hole = Buffer.alloc(MOST_SKIPPED_BYTES + 100, 1);
    const path = await logOf(out('before'), hole, out('after'), out('end'));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(textOf(page.entries)).toBe('before');
    const rest = hole.length + out('after').length + out('end').length;
    expect(page).toMatchObject({ endOfLog: true, droppedBytes: rest, damagedBytes: rest });
  });

  it('of random bytes is read without end or error', async () => {
    const random = randomFrom(11);
    const path = await logOf(Buffer.from(Array.from({ length: 4096 }, () => random(256))));
    expect(await readLogPage(path, { mostBytes: FIRST, closed: true })).toMatchObject({
      entries: [],
      cursor: '0',
    });
  });

  it('continues where it stopped when the torn frame has become complete', async () => {
    const path = await logOf(whole.subarray(0, whole.length - 2));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: false });
    await appendFile(path, whole.subarray(whole.length - 2));
    const rest = await readLogPage(path, { mostBytes: FIRST, closed: true, after: page.cursor });
    expect(textOf(page.entries) + textOf(rest.entries)).toBe(texts.join(''));
  });
});

describe('a frame whose payload has changed', () => {
  const broken = (frame: Buffer): Buffer => {
    const copy = Buffer.from(frame);
    copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
    return copy;
  };

  it('hides no other, though all around it are damaged as well', async () => {
    const header = out('header');
    header.writeUInt8(9, 4);
    const frames = [header, out('one'), broken(out('payload')), broken(err('x')), out('two'), header];
    const path = await logOf(...frames);
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(textOf(page.entries)).toBe('onetwo');
    const whole = Buffer.concat(frames).length;
    const damagedBytes = whole - out('one').length - out('two').length;
    expect(page).toMatchObject({ endOfLog: true, damagedBytes, droppedBytes: damagedBytes });
  });

  it('is counted when another follows it or the log is closed, and not before', async () => {
    const path = await logOf(out('one'), broken(out('two')));
    const open = { mostBytes: FIRST, closed: false };
    const page = await readLogPage(path, open);
    expect([textOf(page.entries), page.damagedBytes]).toEqual(['one', 0]);
    const { length } = out('two');
    const rest = { ...open, after: page.cursor };
    expect(await readLogPage(path, { ...rest, closed: true })).toMatchObject({
      entries: [],
      endOfLog: true,
      damagedBytes: length,
    });
    await appendFile(path, out('three').subarray(0, -1));
    expect(await readLogPage(path, rest)).toMatchObject({ entries: [], damagedBytes: 0 });
    await appendFile(path, 'e');
    const later = await readLogPage(path, rest);
    expect([textOf(later.entries), later.damagedBytes]).toEqual(['three', length]);
  });

  it('is passed from a cursor within it, and a mark that has changed counts as damage', async () => {
    const path = await logOf(out('one'), broken(dropped(70_000)), out('two'));
    const [first] = await readAll(path, { first: 2 });
    await writeFile(path, Buffer.concat([broken(out('one')), broken(dropped(70_000)), out('two')]));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true, after: first?.cursor ?? '' });
    const damagedBytes = out('one').length + dropped(1).length;
    expect([textOf(page.entries), page.damagedBytes, page.droppedBytes]).toEqual([
      'two',
      damagedBytes,
      damagedBytes,
    ]);
  });

  it('is also damage in a compressed log', async () => {
    const path = await logOf(out('same '.repeat(2000)), broken(err('changed '.repeat(2000))), out('end'));
    await packLog(path);
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(textOf(page.entries)).toBe(`${'same '.repeat(2000)}end`);
    expect(page.damagedBytes).toBe(err('changed '.repeat(2000)).length);
  });

  it('ends the search for the next one when more than the limit is damaged', async () => {
    const large = broken(out(Buffer.alloc(1 << 20)));
    const path = await logOf(out('before'), ...Array.from({ length: 18 }, () => large), out('after'));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(textOf(page.entries)).toBe('before');
    expect(page).toMatchObject({ endOfLog: true, damagedBytes: 18 * large.length + out('after').length });
  });
});

describe('a cursor', () => {
  it('of no frame of this log, or of more than its frame, is refused', async () => {
    const path = await logOf(out('some output'), dropped(3), err('x'));
    const [page] = await readAll(path, { first: 4 });
    await expect(checkCursor(path, page?.cursor ?? '')).resolves.toBeUndefined();
    const mark = HEADER_BYTES + 11;
    const last = mark + HEADER_BYTES + 8;
    const good = ['0', '0.1', '0.11', `${mark}`, `${mark}.8`, `${last}`, `${last}.1`];
    for (const after of good) await checkCursor(path, after);
    const size = last + HEADER_BYTES + 1;
    const bad = ['0.12', '1', '16', `${mark}.3`, `${mark - 1}.1`, `${last}.2`, `${size}`, `${size}.1`];
    bad.push('9007199254740991', '9007199254740991.5', 'nonsense', '-1');
    for (const after of bad) {
      await expect(checkCursor(path, after), after).rejects.toThrow(CursorError);
      await expect(readLogPage(path, { mostBytes: 1, closed: true, after }), after).rejects.toThrow(
        CursorError,
      );
    }
    for (let offset = 1; offset <= size + 1; offset++) {
      if (offset === mark || offset === last) continue;
      await expect(checkCursor(path, `${offset}`), `${offset}`).rejects.toThrow(CursorError);
    }
  });

  it('of a frame that is not whole is refused', async () => {
    const path = await logOf(out('abc'), out('def').subarray(0, 18));
    await expect(checkCursor(path, '19.1')).rejects.toThrow(CursorError);
    await expect(checkCursor(path, '19')).rejects.toThrow(CursorError);
  });

  it('beyond a log that has no file is refused', async () => {
    const path = join(await temporaryFolder(), 'log');
    await expect(checkCursor(path, '0.3')).rejects.toThrow(CursorError);
    await checkCursor(path, '0');
  });

  it('may be used once the log has grown, before its end and after it', async () => {
    const path = await logOf(out('abc'));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: false });
    expect(page.endOfLog).toBe(false);
    await appendFile(path, err('def'));
    const rest = await readLogPage(path, { mostBytes: FIRST, closed: true, after: page.cursor });
    expect(textOf(rest.entries)).toBe('def');
  });
});

describe('characters', () => {
  const whole = Buffer.from('aß€😀\uFEFF\0é\n');

  it('arrive whole when they are split between frames, pages and readers, at every cursor', async () => {
    for (const piece of [1, 2, 3]) {
      const frames: Buffer[] = [];
      for (let at = 0; at < whole.length; at += piece) {
        frames.push(out(whole.subarray(at, at + piece)), err(whole.subarray(at, at + piece)));
      }
      const path = await logOf(...frames);
      for (const first of [1, 3, 1000]) {
        const entries = (await readAll(path, { first })).flatMap((page) => page.entries);
        for (const [index, { cursor }] of entries.entries()) {
          const rest = (await readAll(path, { first, after: cursor })).flatMap((page) => page.entries);
          const all = [...entries.slice(0, index + 1), ...rest];
          for (const stream of ['STDOUT', 'STDERR'] as const) {
            expect(textOf(all, stream)).toBe(whole.toString());
            expect(bytesOf(all, stream).equals(whole)).toBe(true);
          }
        }
      }
    }
  });

  it('that were never completed end as U+FFFD in the last entry of their stream', async () => {
    const path = await logOf(
      out(Uint8Array.of(0x61, 0xe2, 0x82)),
      err('x'),
      err(Uint8Array.of(0xc3)),
      out(''),
    );
    const page = await readLogPage(path, { mostBytes: FIRST, closed: true });
    expect(page.entries.map(({ text }) => text)).toEqual(['a\uFFFD', 'x', '\uFFFD']);
    expect(bytesOf(page.entries, 'STDOUT')).toEqual(Buffer.of(0x61, 0xe2, 0x82));
    for (const [index, { cursor }] of page.entries.entries()) {
      const rest = await readLogPage(path, { mostBytes: FIRST, closed: true, after: cursor });
      expect(textOf(page.entries.slice(0, index + 1)) + textOf(rest.entries)).toBe('a\uFFFDx\uFFFD');
    }
  });

  it('are not ended before the end of the log', async () => {
    const path = await logOf(out(Uint8Array.of(0xe2, 0x82)));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: false });
    expect(textOf(page.entries)).toBe('');
    await appendFile(path, out(Uint8Array.of(0xac)));
    const rest = await readLogPage(path, { mostBytes: FIRST, closed: true, after: page.cursor });
    expect(textOf(rest.entries)).toBe('€');
  });

  it('are ended by an entry without bytes when their frame was sent before', async () => {
    const path = await logOf(out(Uint8Array.of(0xe2, 0x82), 7n));
    const page = await readLogPage(path, { mostBytes: FIRST, closed: false });
    const rest = await readLogPage(path, { mostBytes: FIRST, closed: true, after: page.cursor });
    expect(rest.entries).toMatchObject([
      { stream: 'STDOUT', text: '\uFFFD', timeNs: 7n, bytes: new Uint8Array(0) },
    ]);
    const after = await readLogPage(path, { mostBytes: FIRST, closed: true, after: rest.cursor });
    expect(after).toEqual({
      entries: [],
      cursor: rest.cursor,
      endOfLog: true,
      droppedBytes: 0,
      damagedBytes: 0,
    });
  });

  it('of a stream that is not read are left alone at the end', async () => {
    const path = await logOf(out(Uint8Array.of(0xe2, 0x82)), err('x'));
    const page = await readLogPage(path, { mostBytes: FIRST, stream: 'STDERR', closed: true });
    expect(page.entries.map(({ text }) => text)).toEqual(['x']);
  });
});

describe('any log', () => {
  it('gives back bytes and text exactly, in pages of any size, and continues at any cursor', async () => {
    const random = randomFrom(23);
    for (let round = 0; round < 40; round++) {
      const original = { STDOUT: [] as Buffer[], STDERR: [] as Buffer[] };
      const frames: Buffer[] = [];
      for (let count = random(30); count > 0; count--) {
        if (random(8) === 0) frames.push(dropped(random(1000)));
        const bytes = Buffer.from(Array.from({ length: random(40) }, () => 0x41 + random(191)));
        const text = Buffer.from('ä€😀'.repeat(random(6)));
        const payload = random(2) === 0 ? bytes : text.subarray(random(4), text.length - random(4));
        const stream = random(3) === 0 ? 'STDERR' : 'STDOUT';
        original[stream].push(payload);
        frames.push(stream === 'STDOUT' ? out(payload) : err(payload));
      }
      const path = await logOf(...frames);
      const pages = await readAll(path, { first: 1 + random(70) });
      const entries = pages.flatMap((page) => page.entries);
      const cut = random(entries.length + 1);
      const after = cut === 0 ? '0' : (entries[cut - 1]?.cursor ?? '0');
      const rest = (await readAll(path, { first: 1 + random(70), after })).flatMap((page) => page.entries);
      for (const all of [entries, [...entries.slice(0, cut), ...rest]]) {
        for (const stream of ['STDOUT', 'STDERR'] as const) {
          const bytes = Buffer.concat(original[stream]);
          expect(bytesOf(all, stream).equals(bytes)).toBe(true);
          expect(textOf(all, stream)).toBe(decoded(bytes));
        }
      }
      for (const stream of ['STDOUT', 'STDERR'] as const) {
        const only = (await readAll(path, { first: 1 + random(70), stream })).flatMap((page) => page.entries);
        expect(bytesOf(only).equals(Buffer.concat(original[stream]))).toBe(true);
        expect(textOf(only)).toBe(decoded(Buffer.concat(original[stream])));
      }
    }
  });
});
