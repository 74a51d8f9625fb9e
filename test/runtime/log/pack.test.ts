/** Compressed logs. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { followLog } from '../../../src/runtime/log/follow.ts';
import { packLog } from '../../../src/runtime/log/pack.ts';
import { PACKED_BLOCK_BYTES } from '../../../src/runtime/log/packed-blocks.ts';
import type { LogBatch } from '../../../src/runtime/log/page.ts';
import { readLogPage } from '../../../src/runtime/log/reader.ts';
import { searchLog } from '../../../src/runtime/log/search.ts';
import { dropped, err, logOf, openFilesBelow, out, randomFrom, readAll, TestSource } from './fixture.ts';

const TIME = 1_700_000_000_000_000_000n;

/** Several blocks of frames of all kinds; characters and lines span their boundaries. */
const frames = (): Buffer[] => {
  const random = randomFrom(7);
  const all: Buffer[] = [];
  for (let bytes = 0, number = 0; bytes < 3 * PACKED_BLOCK_BYTES; number++) {
    const time = TIME + BigInt(number) * 1_000_000n;
    const text = `line ${number} größer 大 🐪 ${'x'.repeat(random(3000))}${random(3) === 0 ? '' : '\n'}`;
    const kind = random(20);
    const frame = kind === 0 ? dropped(random(100), time) : kind < 6 ? err(text, time) : out(text, time);
    all.push(frame);
    bytes += frame.length;
  }
  return all;
};

const pair = async (): Promise<{ plain: string; packed: string }> => {
  const plain = await logOf(...frames());
  const packed = await logOf();
  copyFileSync(plain, packed);
  expect(await packLog(packed)).toBe(statSync(packed).size);
  expect(statSync(packed).size).toBeLessThan(statSync(plain).size / 3);
  return { plain, packed };
};

describe('a packed log', () => {
  it('reads as the log that it was, from everywhere', async () => {
    const { plain, packed } = await pair();
    expect(await readAll(packed)).toEqual(await readAll(plain));
    const random = randomFrom(3);
    const { entries } = await readLogPage(plain, { mostBytes: 4 << 20, closed: true });
    for (let round = 0; round < 40; round++) {
      const after = entries[random(entries.length)]?.cursor ?? '0';
      const starts = [
        { after },
        { tail: random(400) },
        { sinceNs: TIME + BigInt(random(600)) * 1_000_000n },
        { offset: random(3 * PACKED_BLOCK_BYTES) },
        { offset: random(PACKED_BLOCK_BYTES), stream: 'STDERR' },
      ] as const;
      const start = starts[round % starts.length] ?? { after };
      const request = { ...start, mostBytes: 1 + random(200_000), closed: true };
      expect(await readLogPage(packed, request)).toEqual(await readLogPage(plain, request));
    }
    const search = { text: 'line 17', mostBytes: 1 << 20, closed: true };
    expect(await searchLog(packed, search)).toEqual(await searchLog(plain, search));
  });

  it('is left as it is when it is packed again, and so are logs that would not become smaller', async () => {
    const { packed } = await pair();
    const before = readFileSync(packed);
    expect(await packLog(packed)).toBe(before.length);
    expect(readFileSync(packed).equals(before)).toBe(true);
    const short = await logOf(out('short'));
    expect(await packLog(short)).toBe(statSync(short).size);
    const noise = Buffer.from(Array.from({ length: 20_000 }, (_, index) => (index * index * 7919) >>> 3));
    const random = await logOf(out(execFileSync('head', ['-c', '60000', '/dev/urandom'])), out(noise));
    const size = statSync(random).size;
    expect(await packLog(random)).toBeLessThanOrEqual(size);
    expect(await packLog(join(dirname(short), 'nosuch'))).toBe(0);
    for (const path of [packed, short, random])
      expect(readdirSync(dirname(path)).filter((name) => name.startsWith('log.'))).toEqual([]);
  });

  it('continues for a follower that began with the other file', async () => {
    const { plain, packed } = await pair();
    const path = await logOf();
    copyFileSync(plain, path);
    const source = new TestSource(path);
    source.close();
    const follower = followLog(source, { follow: true });
    const pages = [(await follower.next()).value];
    await packLog(path);
    for (;;) {
      const { done, value } = await follower.next();
      if (done) break;
      pages.push(value);
      await turn();
    }
    const entries = pages.flatMap((page) => page?.entries ?? []);
    expect(
      Buffer.concat(entries.map(({ bytes }) => bytes)).equals(
        Buffer.concat((await readAll(packed)).flatMap((page) => page.entries.map(({ bytes }) => bytes))),
      ),
    ).toBe(true);
    expect(openFilesBelow(dirname(path))).toBe(0);
  });

  it.each([1, 9, 20])('reads as a whole without the last %d bytes, of its table', async (cut) => {
    const { plain, packed } = await pair();
    truncateSync(packed, statSync(packed).size - cut);
    expect(await readAll(packed)).toEqual(await readAll(plain));
  });

  it('reads as a whole although its table names other lengths', async () => {
    const { plain, packed } = await pair();
    const file = readFileSync(packed);
    for (const at of [file.length - 9 - 8, file.length - 9 - 12, file.length - 9]) {
      const bent = Buffer.from(file);
      bent[at] = (bent[at] ?? 0) ^ 1;
      writeFileSync(packed, bent);
      expect(await readAll(packed)).toEqual(await readAll(plain));
    }
  });

  it('that was cut in its last block says that bytes are missing', async () => {
    const { plain, packed } = await pair();
    const whole = byFrame(await readAll(plain));
    const [, , , last = 0] = blocksOf(readFileSync(packed));
    truncateSync(packed, last + 20);
    const pages = await readAll(packed);
    const found = byFrame(pages);
    expect(found.size).toBeGreaterThan(whole.size / 2);
    for (const [time, text] of found) expect(text).toBe(whole.get(time));
    expect(pages.reduce((sum, page) => sum + page.damagedBytes, 0)).toBeGreaterThan(0);
  });

  /** The output by the times of its frames, which are all different. */
  const byFrame = (pages: readonly LogBatch[]): Map<bigint, string> => {
    const all = new Map<bigint, string>();
    for (const { timeNs, bytes } of pages.flatMap(({ entries }) => entries))
      all.set(timeNs, (all.get(timeNs) ?? '') + Buffer.from(bytes).toString('latin1'));
    return all;
  };

  /** Where its compressed blocks begin. */
  const blocksOf = (file: Buffer): number[] => {
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    const starts: number[] = [];
    for (let at = file.indexOf(magic); at >= 0; at = file.indexOf(magic, at + 1)) starts.push(at);
    return starts;
  };

  it.each([0, 1, 2, 3])(
    'of which block %i is damaged gives all the others, and says what is missing',
    async (number) => {
      const { plain, packed } = await pair();
      const whole = byFrame(await readAll(plain));
      const file = readFileSync(packed);
      const starts = blocksOf(file);
      expect(starts).toHaveLength(4);
      const bent = (starts[number] ?? 0) + 10;
      file[bent] = (file[bent] ?? 0) ^ 0xff;
      writeFileSync(packed, file);

      const pages = await readAll(packed);
      const found = byFrame(pages);
      const missing = [...whole.keys()].filter((time) => !found.has(time));
      expect(missing.length).toBeGreaterThan(0);
      // Nothing is made up, cut or in another order.
      for (const time of missing) whole.delete(time);
      expect([...found]).toEqual([...whole]);
      const damaged = pages.reduce((sum, page) => sum + page.damagedBytes, 0);
      const size = statSync(plain).size;
      // The block, and the rest of the frames that begin or end in it.
      const block = Math.min(PACKED_BLOCK_BYTES, size - number * PACKED_BLOCK_BYTES);
      expect(damaged).toBeGreaterThanOrEqual(block);
      expect(damaged).toBeLessThan(block + 2 * 4096);
      expect(pages.at(-1)).toMatchObject({ endOfLog: true });

      // A position within the damage is one before what follows it.
      const cursors = (await readAll(plain)).flatMap(({ entries }) => entries);
      const after = cursors.find(({ timeNs }) => timeNs === missing[missing.length >>> 1])?.cursor ?? '';
      const rest = await readLogPage(packed, { after, mostBytes: 4 << 20, closed: true });
      const last = missing.at(-1) ?? 0n;
      expect([...byFrame([rest]).keys()]).toEqual([...whole.keys()].filter((time) => time > last));
      const search = { text: 'line ', mostBytes: 8 << 20, closed: true };
      expect((await searchLog(packed, search)).damagedBytes).toBe(damaged);
    },
  );

  it('is read by zstd', async () => {
    const { plain, packed } = await pair();
    const bytes = execFileSync('zstd', ['-dcq', packed], { maxBuffer: 1 << 26 });
    expect(bytes.equals(readFileSync(plain))).toBe(true);
  });
});
