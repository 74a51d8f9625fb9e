/** Compressed logs. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { followLog } from '../../../src/runtime/log/follow.ts';
import { packLog } from '../../../src/runtime/log/pack.ts';
import { PACKED_BLOCK_BYTES } from '../../../src/runtime/log/packed.ts';
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

  it('that is damaged says so, and is never taken for a shorter one', async () => {
    const { packed } = await pair();
    const whole = readFileSync(packed);
    truncateSync(packed, whole.length - 1);
    await expect(readAll(packed)).rejects.toThrow('a packed log without a complete table');
    const bent = Buffer.from(whole);
    bent[1000] = (bent[1000] ?? 0) ^ 0xff;
    writeFileSync(packed, bent);
    await expect(readAll(packed)).rejects.toThrow();
  });

  it('is read by zstd', async () => {
    const { plain, packed } = await pair();
    const bytes = execFileSync('zstd', ['-dcq', packed], { maxBuffer: 1 << 26 });
    expect(bytes.equals(readFileSync(plain))).toBe(true);
  });
});
