/** Digests of the streams of a log: what its readers get of each. */

import { createHash } from 'node:crypto';
import { open, truncate } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { logDigests } from '../../../src/runtime/log/digest.ts';
import { encodeFrame } from '../../../src/runtime/log/frame.ts';
import { packLog } from '../../../src/runtime/log/pack.ts';
import { LOG_STREAMS } from '../../../src/runtime/log/page.ts';
import { bytesOf, dropped, err, logOf, out, randomFrom, readAll } from './fixture.ts';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** What readers get of a log, which its digests have to agree with. */
const expected = async (path: string) => {
  const pages = await readAll(path, { first: 100_000 });
  const entries = pages.flatMap((page) => page.entries);
  const sum = (count: (page: (typeof pages)[number]) => number) =>
    pages.reduce((all, page) => all + count(page), 0);
  const damagedBytes = sum((page) => page.damagedBytes);
  return {
    ...Object.fromEntries(
      LOG_STREAMS.map((stream) => {
        const bytes = bytesOf(entries, stream);
        return [stream, { bytes: bytes.length, sha256: sha256(bytes) }];
      }),
    ),
    droppedBytes: sum((page) => page.droppedBytes) - damagedBytes,
    damagedBytes,
  };
};

describe('the digests of a log', () => {
  it('are those of the bytes of each stream, across frames', async () => {
    const path = await logOf(
      out('on'),
      err('bad\n'),
      out('e\n'),
      dropped(7),
      out(''),
      out('two'),
      dropped(5),
    );
    expect(await logDigests(path)).toEqual({
      STDOUT: { bytes: 7, sha256: sha256('one\ntwo') },
      STDERR: { bytes: 4, sha256: sha256('bad\n') },
      TERMINAL: { bytes: 0, sha256: sha256('') },
      droppedBytes: 12,
      damagedBytes: 0,
    });
  });

  it('are of a terminal without its sizes', async () => {
    const timeNs = 1n;
    const path = await logOf(
      encodeFrame({ kind: 'resized', timeNs, size: { rows: 5, columns: 7 } }),
      encodeFrame({ kind: 'output', stream: 'TERMINAL', timeNs, bytes: Buffer.from('$ \xff', 'latin1') }),
    );
    expect((await logDigests(path)).TERMINAL).toEqual({
      bytes: 3,
      sha256: sha256(Buffer.from('$ \xff', 'latin1')),
    });
  });

  it('are those of nothing without a log, or without output', async () => {
    const none = { bytes: 0, sha256: sha256('') };
    const nothing = { STDOUT: none, STDERR: none, TERMINAL: none, droppedBytes: 0, damagedBytes: 0 };
    expect(await logDigests(await logOf())).toEqual(nothing);
    expect(await logDigests('/nonexistent/log')).toEqual(nothing);
  });

  it('stay the same when the log is compressed', async () => {
    const random = randomFrom(1);
    const frames = Array.from({ length: 3000 }, (_, index) =>
      (index % 3 === 0 ? err : out)(Buffer.alloc(random(900), `${index} `)),
    );
    const path = await logOf(...frames);
    const before = await logDigests(path);
    expect(before).toEqual(await expected(path));
    await packLog(path);
    expect(await logDigests(path)).toEqual(before);
  });

  it('are of what is left of a damaged log, and count what is not', async () => {
    const frames = Array.from({ length: 400 }, (_, index) =>
      (index % 2 ? err : out)(`line ${index}\n`.repeat(50)),
    );
    const path = await logOf(...frames);
    const whole = await logDigests(path);
    const file = await open(path, 'r+');
    await file.write(Buffer.alloc(3000, 0xee), 0, 3000, 50_000);
    await file.close();
    const damaged = await logDigests(path);
    expect(damaged).toEqual(await expected(path));
    expect(damaged.damagedBytes).toBeGreaterThan(0);
    expect(damaged.STDOUT).not.toEqual(whole.STDOUT);
    // A last frame that a crash has left incomplete.
    await truncate(path, Buffer.concat(frames).length - 5);
    expect(await logDigests(path)).toEqual(await expected(path));
  });

  it('are not computed in one turn', async () => {
    const path = await logOf(...Array.from({ length: 200 }, () => out(Buffer.alloc(60_000, 'x'))));
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    await logDigests(path);
    over = true;
    expect(turns).toBeGreaterThan(20);
  });

  it('are given up when nobody wants them', async () => {
    const over = new AbortController();
    const path = await logOf(...Array.from({ length: 50 }, () => out(Buffer.alloc(60_000, 'x'))));
    const digests = logDigests(path, over.signal);
    over.abort(new Error('given up'));
    await expect(digests).rejects.toThrow('given up');
  });
});
