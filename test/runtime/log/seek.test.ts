/** Reading a log from a time, from its last lines and from a cursor. */

import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { HEADER_BYTES } from '../../../src/runtime/log/frame.ts';
import { indexPath, LogIndex, STRIDE_BYTES } from '../../../src/runtime/log/log-index.ts';
import { packLog } from '../../../src/runtime/log/pack.ts';
import type { LogStart, LogStream } from '../../../src/runtime/log/page.ts';
import { lineCount, readLogPage } from '../../../src/runtime/log/reader.ts';
import { bytesOf, dropped, err, logOf, out, randomFrom, readAll } from './fixture.ts';

/** A log of some MiB, and what it holds in plain form. */
const longLog = async (seed: number, mebibytes: number) => {
  const random = randomFrom(seed);
  const frames: Buffer[] = [];
  const pieces: { readonly stream: LogStream; readonly time: bigint; readonly bytes: Buffer }[] = [];
  const words = Buffer.from(`${'some words and numbers 0123456789 '.repeat(30)}\n`.repeat(70));
  for (let size = 0; size < mebibytes << 20; ) {
    const stream = random(5) === 0 ? 'STDERR' : 'STDOUT';
    const length = random(10) === 0 ? random(65_536) : random(2000);
    const start = random(1000);
    const bytes = words.subarray(start, start + length);
    // A clock that is set back now and then.
    const time = BigInt(1000 * frames.length - random(5) * 3000 + 20_000);
    frames.push(stream === 'STDOUT' ? out(bytes, time) : err(bytes, time));
    if (random(500) === 0) frames.push(dropped(random(100), 0n));
    pieces.push({ stream, time, bytes });
    size += bytes.length;
  }
  return { path: await logOf(...frames), pieces };
};

const contentFrom = async (path: string, start: LogStart): Promise<Buffer> =>
  bytesOf((await readAll(path, start)).flatMap(({ entries }) => entries));

describe('a long log', () => {
  it('is found by line, time and byte as by reading all of it', async () => {
    const { path, pieces } = await longLog(7, 6);
    for (const stream of [undefined, 'STDOUT', 'STDERR'] as const) {
      const selected = pieces.filter((piece) => (stream ?? piece.stream) === piece.stream);
      const all = Buffer.concat(selected.map(({ bytes }) => bytes));
      const only = stream === undefined ? {} : { stream };
      const newlines = [...all.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at);
      const ends = all.at(-1) === 0x0a ? newlines.slice(0, -1) : newlines;
      for (const lines of [1, 2, 77, 1000, ends.length, ends.length + 1, ends.length + 2]) {
        const from = lines > ends.length ? 0 : (ends[ends.length - lines] ?? 0) + 1;
        expect(
          (await contentFrom(path, { tail: lines, ...only })).equals(all.subarray(from)),
          `${lines}`,
        ).toBe(true);
      }
      expect(await lineCount(path, true, stream)).toBe(ends.length + 1);
      for (const line of [1, 2, 3, 900, Math.floor(ends.length / 2), ends.length, ends.length + 1]) {
        const from = line === 1 ? 0 : (ends[line - 2] ?? 0) + 1;
        const found = await contentFrom(path, { line, ...only });
        expect(found.equals(all.subarray(from)), `line ${line}`).toBe(true);
      }
      for (const line of [ends.length + 2, ends.length + 9])
        expect(await contentFrom(path, { line, ...only })).toHaveLength(0);
      for (const offset of [
        0,
        1,
        STRIDE_BYTES - 1,
        STRIDE_BYTES,
        2 * STRIDE_BYTES + 12_345,
        all.length - 1,
        all.length,
        all.length + 9,
      ])
        expect((await contentFrom(path, { offset, ...only })).equals(all.subarray(offset)), `${offset}`).toBe(
          true,
        );
    }
    const times = pieces.map(({ time }) => time);
    for (const since of [0n, 1n, times[5] ?? 0n, times[Math.floor(times.length / 2)] ?? 0n, 10n ** 15n]) {
      const first = times.findIndex((time) => time >= since);
      const expected = first < 0 ? [] : pieces.slice(first).map(({ bytes }) => bytes);
      const found = await contentFrom(path, { sinceNs: since });
      expect(found.equals(Buffer.concat(expected)), `${since}`).toBe(true);
    }
  });

  it('rebuilds its index when it is missing, torn or damaged, and only when nobody writes it', async () => {
    const { path } = await longLog(11, 6);
    const index = indexPath(path);
    const before = await contentFrom(path, { tail: 500 });
    const made = readFileSync(index);
    expect(made.length / 64).toBeGreaterThanOrEqual(4);

    truncateSync(index, 64 + 13);
    expect((await contentFrom(path, { tail: 500 })).equals(before)).toBe(true);
    expect(readFileSync(index).equals(made)).toBe(true);

    writeFileSync(
      index,
      made.map((byte) => byte ^ 0x10),
    );
    expect((await contentFrom(path, { tail: 500 })).equals(before)).toBe(true);
    expect(readFileSync(index).equals(made)).toBe(true);

    await rm(index);
    const open = await readLogPage(path, { tail: 500, mostBytes: 1, closed: false });
    expect(open.entries).toHaveLength(1);
    expect(() => statSync(index)).toThrow('ENOENT');
  });

  it('is found right whichever record is damaged', async () => {
    const { path } = await longLog(13, 6);
    const before = await contentFrom(path, { tail: 3000 });
    const count = await lineCount(path, true);
    const line = count - 2999;
    const made = readFileSync(indexPath(path));
    for (let record = 0; record < made.length; record += 64) {
      const damaged = Buffer.from(made);
      damaged.writeUInt8(damaged.readUInt8(record + 3) ^ 1, record + 3);
      writeFileSync(indexPath(path), damaged);
      expect((await contentFrom(path, { tail: 3000 })).equals(before), `record ${record / 64}`).toBe(true);
      expect((await contentFrom(path, { line })).equals(before), `record ${record / 64}`).toBe(true);
      expect(await lineCount(path, true)).toBe(count);
    }
    expect(await packLog(path)).toBeGreaterThan(0);
    expect((await contentFrom(path, { line })).equals(before)).toBe(true);
    expect(await lineCount(path, true)).toBe(count);
  });

  it('keeps the numbers of its lines where damage hides some of them', async () => {
    const numbered = (from: number): string =>
      Array.from({ length: 1000 }, (_, index) => `line ${String(from + index).padStart(60)}\n`).join('');
    const frames = Array.from({ length: 120 }, (_, number) => out(numbered(1000 * number + 1)));
    const path = await logOf(...frames);
    const first = async (line: number): Promise<number> =>
      Number(/^line +(\d+)/.exec((await contentFrom(path, { line })).toString('latin1'))?.[1]);
    expect([await lineCount(path, true), await first(30_500)]).toEqual([120_000, 30_500]);
    const bytes = readFileSync(path);
    const frame = frames[0]?.length ?? 0;
    // The headers of six frames: more than there is between two landmarks is sound, and some of it is not.
    for (let number = 18; number < 24; number++)
      bytes.fill(0xee, number * frame, number * frame + HEADER_BYTES);
    writeFileSync(path, bytes);
    expect(await first(17_001)).toBe(17_001);
    expect(await first(40_000)).toBe(40_000);
    expect(await lineCount(path, true)).toBe(120_000);
    const hidden = await first(20_000);
    expect(hidden).toBeGreaterThan(20_000);
    expect(hidden).toBeLessThan(34_000);
    // Counted from what is left before it, it would begin 6000 lines later.
    const late = await first(31_000);
    expect(late).toBeGreaterThan(31_000);
    expect(late).toBeLessThan(33_000);
  });

  it('that is written counts its lines as far as they are there, and begins with those to come', async () => {
    const path = await logOf(out('one\ntwo\n'), err('three\nfo'), out('ur\nfi').subarray(0, 18));
    expect(await lineCount(path, false)).toBe(4);
    expect(await lineCount(path, false, 'STDOUT')).toBe(2);
    const { entries } = await readLogPage(path, { line: 4, mostBytes: 100, closed: false });
    expect(bytesOf(entries).toString()).toBe('fo');
    expect(await lineCount(await logOf(), false)).toBe(0);
    for (const line of [0, -1, 1.5])
      await expect(readLogPage(path, { line, mostBytes: 1, closed: true })).rejects.toThrow(
        /^line: expected/,
      );
  });

  it('is read where the start is, however long it is', async () => {
    const bytesRead = (): number =>
      Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? Number.NaN);
    const line = `${'x'.repeat(120)}\n`;
    const frame = (number: number): Buffer => out(line.repeat(500), BigInt(number));
    const path = await logOf(...Array.from({ length: 4000 }, (_, number) => frame(number)));
    // The first makes the index.
    await readLogPage(path, { tail: 1, mostBytes: 1, closed: true });
    for (const start of [
      { tail: 100 },
      { tail: 900_000 },
      { line: 1_500_000 },
      { sinceNs: 3000n },
      { offset: 150_000_000 },
    ]) {
      const before = bytesRead();
      const page = await readLogPage(path, { ...start, mostBytes: 1 << 16, closed: true });
      const read = bytesRead() - before;
      expect(page.entries.length).toBeGreaterThan(0);
      expect(
        read,
        JSON.stringify(start, (_, value) => String(value)),
      ).toBeLessThan(6 * STRIDE_BYTES);
    }
    expect(statSync(path).size).toBeGreaterThan(200 * STRIDE_BYTES);
  });

  it('has landmarks only as far as it is looked at', async () => {
    const { path } = await longLog(17, 5);
    await readLogPage(path, { tail: 1, mostBytes: 1, closed: true });
    const index = await LogIndex.open(path, 2 * STRIDE_BYTES);
    expect((await index.last()).offset).toBeLessThanOrEqual(2 * STRIDE_BYTES);
    await index.close();
  });
});
