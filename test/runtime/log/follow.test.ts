/** How a log is followed while it grows. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CursorError } from '../../../src/runtime/log/cursor.ts';
import { type FollowRequest, followLog } from '../../../src/runtime/log/follow.ts';
import type { LogBatch, LogEntry } from '../../../src/runtime/log/page.ts';
import { PAGE_BYTES } from '../../../src/runtime/log/shared-log.ts';
import {
  bytesOf,
  decoded,
  dropped,
  err,
  logOf,
  onCleanup,
  openFilesBelow,
  out,
  TestSource,
  temporaryFolder,
  textOf,
  watchesOn,
} from './fixture.ts';

type Follower = AsyncIterableIterator<LogBatch, undefined>;

const follow = (source: TestSource, request: Partial<FollowRequest> = {}): Follower => {
  const follower = followLog(source, { follow: true, ...request });
  onCleanup(async () => {
    await follower.return?.();
  });
  return follower;
};

const nextPage = async (follower: Follower): Promise<LogBatch> => {
  const { value } = await follower.next();
  if (value === undefined) throw new Error('the follower has completed');
  return value;
};

const allPages = async (follower: Follower): Promise<LogBatch[]> => {
  const pages: LogBatch[] = [];
  for await (const page of follower) pages.push(page);
  return pages;
};

const entriesOf = (pages: readonly LogBatch[]): LogEntry[] => pages.flatMap(({ entries }) => entries);

describe('following a closed log', () => {
  it('gives one page that says it is the last, and completes', async () => {
    const source = new TestSource(await logOf(out('one\n'), err('two\n')));
    source.close();
    const pages = await allPages(follow(source));
    expect(pages).toMatchObject([{ endOfLog: true }]);
    expect(textOf(entriesOf(pages))).toBe('one\ntwo\n');
  });

  it('says of an empty log, and of one without file, that it has ended', async () => {
    for (const path of [await logOf(), join(await temporaryFolder(), 'nowhere', 'log')]) {
      const source = new TestSource(path);
      source.close();
      const expected = [{ entries: [], cursor: '0', endOfLog: true, droppedBytes: 0, damagedBytes: 0 }];
      expect(await allPages(follow(source))).toEqual(expected);
      expect(await allPages(follow(source, { follow: false }))).toEqual(expected);
    }
  });

  it('begins after a cursor or at the last lines, and reads one stream', async () => {
    const source = new TestSource(await logOf(out('one\n'), err('two\n'), out('three\n')));
    source.close();
    const [whole] = await allPages(follow(source));
    const after = whole?.entries[0]?.cursor ?? '';
    expect(textOf(entriesOf(await allPages(follow(source, { after }))))).toBe('two\nthree\n');
    expect(textOf(entriesOf(await allPages(follow(source, { tail: 1 }))))).toBe('three\n');
    expect(textOf(entriesOf(await allPages(follow(source, { tail: 1, stream: 'STDERR' }))))).toBe('two\n');
  });

  it('gives pages of 64 KiB at most, and only the last one says so', async () => {
    const source = new TestSource(await logOf(...Array.from({ length: 9 }, () => out('x'.repeat(50_000)))));
    source.close();
    const pages = await allPages(follow(source));
    expect(pages.map(({ entries }) => bytesOf(entries).length)).toEqual([
      ...Array.from({ length: 6 }, () => PAGE_BYTES),
      450_000 - 6 * PAGE_BYTES,
    ]);
    expect(pages.map(({ endOfLog }) => endOfLog)).toEqual([...Array.from({ length: 6 }, () => false), true]);
  });
});

describe('following a log that grows', () => {
  it('gives what is there, then what comes, then the end', async () => {
    const source = new TestSource(await logOf(out('one\n')));
    const follower = follow(source);
    expect(textOf((await nextPage(follower)).entries)).toBe('one\n');
    const waiting = nextPage(follower);
    await appendFile(source.path, err('two\n'));
    expect(textOf((await waiting).entries)).toBe('two\n');
    await appendFile(source.path, dropped(7));
    expect(await nextPage(follower)).toMatchObject({ entries: [], droppedBytes: 7, endOfLog: false });
    const last = nextPage(follower);
    source.close();
    expect(await last).toMatchObject({ entries: [], droppedBytes: 0, endOfLog: true });
    expect(await follower.next()).toEqual({ done: true, value: undefined });
  });

  it('waits for the rest of a torn frame', async () => {
    const frame = out('whole');
    const source = new TestSource(await logOf(frame.subarray(0, 9)));
    const follower = follow(source);
    const waiting = nextPage(follower);
    await appendFile(source.path, frame.subarray(9, 18));
    await appendFile(source.path, frame.subarray(18));
    expect(textOf((await waiting).entries)).toBe('whole');
  });

  it('ends when the log is closed while it waits', async () => {
    const source = new TestSource(await logOf());
    const asked = vi.spyOn(source, 'closed');
    const waiting = nextPage(follow(source));
    await expect.poll(() => asked.mock.calls.length).toBe(1);
    source.close();
    expect(await waiting).toMatchObject({ entries: [], endOfLog: true });
  });

  it.each([1, 2, 3])(
    'has all that was written before the log was closed, closed at look %i',
    async (look) => {
      const source = new TestSource(await logOf(out('one ')));
      let looks = 0;
      vi.spyOn(source, 'closed').mockImplementation(() => {
        looks += 1;
        if (looks === look) appendFileSync(source.path, out('two'));
        return looks >= look;
      });
      expect(textOf(entriesOf(await allPages(follow(source))))).toBe('one two');
    },
  );

  it('sends nothing for the stream that was not asked for', async () => {
    const source = new TestSource(await logOf(out('one\n')));
    const follower = follow(source, { stream: 'STDERR' });
    const waiting = nextPage(follower);
    for (let times = 0; times < 20; times++) await appendFile(source.path, out('noise\n'));
    await appendFile(source.path, err('two\n'));
    expect(textOf((await waiting).entries)).toBe('two\n');
  });

  it('begins with a log that does not exist yet, nor its folder', async () => {
    const folder = await temporaryFolder();
    const source = new TestSource(join(folder, 'jobs', 'id', 'log'));
    const follower = follow(source);
    const waiting = nextPage(follower);
    await mkdir(dirname(source.path), { recursive: true });
    await writeFile(source.path, '');
    await appendFile(source.path, out('first'));
    expect(textOf((await waiting).entries)).toBe('first');
  });

  it('with a tail of no lines gives only what comes', async () => {
    const source = new TestSource(await logOf(out('old\n')));
    let page: LogBatch | undefined;
    const waiting = nextPage(follow(source, { tail: 0 })).then((value) => {
      page = value;
    });
    // What is written before the follower has found its start is not for it.
    while (page === undefined) {
      await appendFile(source.path, out('new\n'));
      await setImmediate();
    }
    await waiting;
    expect(textOf(page.entries)).toMatch(/^(new\n)+$/);
  });

  it('reads a page when it is asked for, not before', async () => {
    const source = new TestSource(await logOf(out('a')));
    const follower = follow(source);
    expect(textOf((await nextPage(follower)).entries)).toBe('a');
    for (const piece of 'bcdef') await appendFile(source.path, out(piece));
    source.close();
    expect(openFilesBelow(dirname(source.path))).toBe(0);
    expect(textOf((await nextPage(follower)).entries)).toBe('bcdef');
  });

  it('without `follow` completes at the end that it found first', async () => {
    const source = new TestSource(await logOf(out('x'.repeat(PAGE_BYTES)), err('end')));
    const follower = follow(source, { follow: false });
    expect(bytesOf((await nextPage(follower)).entries).length).toBe(PAGE_BYTES);
    await appendFile(source.path, out('later'));
    const last = await nextPage(follower);
    expect(textOf(last.entries)).toBe('end');
    expect(last.endOfLog).toBe(false);
    expect((await follower.next()).done).toBe(true);
    expect(watchesOn(source.path)).toBe(0);
  });

  it('without `follow` completes at once when there is nothing', async () => {
    const source = new TestSource(await logOf());
    expect(await allPages(follow(source, { follow: false }))).toEqual([]);
  });
});

describe('a writer at work', () => {
  it('is followed byte for byte and in order by every kind of reader', async () => {
    const source = new TestSource(join(await temporaryFolder(), 'log'));
    const readers = [
      allPages(follow(source)),
      allPages(follow(source)),
      allPages(follow(source, { stream: 'STDERR' })),
      withReconnects(source),
    ];
    const script = fileURLToPath(new URL('./writer.ts', import.meta.url));
    const writer = spawn(process.execPath, [script, source.path, '99', '4000'], { stdio: 'inherit' });
    const [code] = await once(writer, 'exit');
    source.close();
    expect(code).toBe(0);

    const original = {
      STDOUT: await readFile(`${source.path}.STDOUT`),
      STDERR: await readFile(`${source.path}.STDERR`),
    };
    expect(original.STDOUT.length).toBeGreaterThan(1_000_000);
    const [first = [], second = [], stderrOnly = [], reconnected = []] = await Promise.all(readers);
    for (const pages of [first, second, stderrOnly, reconnected]) {
      const entries = entriesOf(pages);
      for (const stream of ['STDOUT', 'STDERR'] as const) {
        if (pages === stderrOnly && stream === 'STDOUT') continue;
        expect(bytesOf(entries, stream).equals(original[stream])).toBe(true);
        expect(textOf(entries, stream) === decoded(original[stream])).toBe(true);
      }
      // The writer numbers its frames by their times.
      expect(entries.every(({ timeNs }, index) => timeNs >= (entries[index - 1]?.timeNs ?? 0n))).toBe(true);
      expect(pages.map(({ endOfLog }) => endOfLog).indexOf(true)).toBe(pages.length - 1);
    }
    expect(watchesOn(source.path)).toBe(0);
    expect(source.listeners.size).toBe(0);
  });

  /** Stops in the middle of every third page and continues after the last entry that it read. */
  const withReconnects = async (source: TestSource): Promise<LogBatch[]> => {
    const taken: LogBatch[] = [];
    let after = '0';
    for (;;) {
      const follower = follow(source, { after });
      for (let count = 0; count < 3; count++) {
        const page = await nextPage(follower);
        const kept = count === 2 ? Math.ceil(page.entries.length / 2) : page.entries.length;
        const entries = page.entries.slice(0, kept);
        const whole = kept === page.entries.length;
        taken.push({ ...page, entries, endOfLog: page.endOfLog && whole });
        after = whole ? page.cursor : (entries.at(-1)?.cursor ?? after);
        if (page.endOfLog && whole) {
          await follower.return?.();
          return taken;
        }
      }
      await follower.return?.();
    }
  };
});

describe('several followers of a log', () => {
  it('share its pages', async () => {
    const source = new TestSource(await logOf(out('x'.repeat(5 * PAGE_BYTES)), err('end')));
    source.close();
    const first = follow(source);
    const second = follow(source);
    const [pages, others] = await Promise.all([allPages(first), allPages(second)]);
    expect(pages).toHaveLength(6);
    for (const [index, page] of pages.entries()) if (!page.endOfLog) expect(others[index]).toBe(page);
    expect(openFilesBelow(dirname(source.path))).toBe(0);
  });

  it('take what has come since another began to read', async () => {
    for (let turns = 0; turns < 20; turns++) {
      const source = new TestSource(await logOf(out('one')));
      const first = follow(source);
      const second = follow(source);
      for (const follower of [first, second]) await nextPage(follower);
      const others = [first.next()];
      while (openFilesBelow(dirname(source.path)) === 0 && turns % 2 === 0) await setImmediate();
      for (let turn = 0; turn < turns; turn++) await setImmediate();
      appendFileSync(source.path, out('two'));
      others.push(second.next());
      for (const { value } of await Promise.all(others))
        expect(value?.entries.map(({ text }) => text)).toEqual(['two']);
      source.close();
    }
  });

  it('continue when one of them leaves, and close the file with the last one', async () => {
    const source = new TestSource(await logOf(out('x'.repeat(5 * PAGE_BYTES))));
    const [first, second] = [follow(source), follow(source)];
    await nextPage(first);
    await first.return?.();
    expect(await first.next()).toEqual({ done: true, value: undefined });
    for (let count = 0; count < 5; count++)
      expect(bytesOf((await nextPage(second)).entries).length).toBe(PAGE_BYTES);
    await second.return?.();
    await expect.poll(() => openFilesBelow(dirname(source.path))).toBe(0);
  });
});

describe('releasing', () => {
  it('settles at once while waiting, and leaves no watch, listener or file', async () => {
    const source = new TestSource(await logOf(out('one')));
    const followers = Array.from({ length: 20 }, () => follow(source));
    for (const follower of followers) await nextPage(follower);
    const waiting = followers.map((follower) => follower.next());
    expect([watchesOn(source.path), source.listeners.size]).toEqual([1, 20]);
    for (const [index, follower] of followers.entries()) {
      await follower.return?.();
      expect(await waiting[index]).toEqual({ done: true, value: undefined });
      expect(watchesOn(source.path)).toBe(index === 19 ? 0 : 1);
    }
    expect(source.listeners.size).toBe(0);
    await expect.poll(() => openFilesBelow(dirname(source.path))).toBe(0);
  });

  it('settles at once in the middle of a read', async () => {
    const source = new TestSource(await logOf(...Array.from({ length: 50 }, () => out('x'.repeat(60_000)))));
    const folder = dirname(source.path);
    // One that finds nothing in all the file, and one whose page is full with more after it.
    for (const request of [{ stream: 'STDERR' }, {}] as const) {
      for (let turns = 0; turns < 30; turns++) {
        const follower = follow(source, request);
        let settled = false;
        const reading = follower.next().finally(() => {
          settled = true;
        });
        while (!settled && openFilesBelow(folder) === 0) await setImmediate();
        for (let turn = 0; turn < turns; turn++) await setImmediate();
        expect(await follower.return?.()).toEqual({ done: true, value: undefined });
        const read = await reading;
        expect(read.done === true || read.value.entries.length > 0).toBe(true);
        await expect.poll(() => openFilesBelow(folder)).toBe(0);
      }
    }
    expect([watchesOn(source.path), source.listeners.size]).toEqual([0, 0]);
  });

  it('closes the file that is held open between two full pages', async () => {
    const source = new TestSource(await logOf(out('x'.repeat(3 * PAGE_BYTES))));
    const folder = dirname(source.path);
    const follower = follow(source);
    await nextPage(follower);
    expect(openFilesBelow(folder)).toBe(1);
    await follower.return?.();
    await expect.poll(() => openFilesBelow(folder)).toBe(0);
    const other = follow(source);
    for (let count = 0; count < 3; count++) await nextPage(other);
    expect(openFilesBelow(folder)).toBe(0);
  });

  it('happens by itself at the end', async () => {
    const source = new TestSource(await logOf(out('one')));
    const pages = allPages(follow(source));
    await expect.poll(() => source.listeners.size).toBe(1);
    source.close();
    await pages;
    expect([watchesOn(source.path), source.listeners.size]).toEqual([0, 0]);
  });

  it('is not needed before the first next(): nothing is held until then', async () => {
    const source = new TestSource(await logOf(out('one')));
    followLog(source, { follow: true });
    expect([watchesOn(source.path), source.listeners.size]).toEqual([0, 0]);
  });
});

describe('a follower that cannot continue', () => {
  it('refuses a malformed cursor when it is made, and a foreign one at the first next()', async () => {
    const source = new TestSource(await logOf(out('one')));
    expect(() => followLog(source, { follow: true, after: 'nonsense' })).toThrow(CursorError);
    expect(() => followLog(source, { follow: true, after: '0', tail: 1 })).toThrow(RangeError);
    expect(() => followLog(source, { follow: true, tail: -1 })).toThrow(RangeError);
    const follower = follow(source, { after: '5.1' });
    await expect(follower.next()).rejects.toThrow(CursorError);
    expect(await follower.next()).toEqual({ done: true, value: undefined });
    expect([watchesOn(source.path), source.listeners.size]).toEqual([0, 0]);
  });

  it('says so when the log was taken away', async () => {
    const source = new TestSource(await logOf(out('one')));
    const follower = follow(source);
    await nextPage(follower);
    await rm(source.path);
    source.close();
    await expect(follower.next()).rejects.toThrow(CursorError);
  });

  it('closes its watch when the source cannot be listened to', async () => {
    const source = new TestSource(await logOf(out('one')));
    vi.spyOn(source, 'onChange').mockImplementation(() => {
      throw new Error('no such job');
    });
    await expect(follow(source).next()).rejects.toThrow('no such job');
    expect(watchesOn(source.path)).toBe(0);
  });
});

describe('a chatty job', () => {
  it('costs at most a page each window', async () => {
    const source = new TestSource(await logOf());
    const begun = performance.now();
    const pages = allPages(follow(source));
    for (let count = 0; count < 1500; count++) {
      appendFileSync(source.path, out('.'));
      await setImmediate();
    }
    source.close();
    const all = await pages;
    expect(textOf(entriesOf(all))).toBe('.'.repeat(1500));
    // One page a window of 8 ms, the one that the end of the log may bring, and the first.
    expect(all.length).toBeLessThanOrEqual((performance.now() - begun) / 8 + 2);
  });

  // In these tests the clock is stopped, so that no timer fires unless the test advances it.
  const stopClock = (): void => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
  };

  it('does not delay the first bytes after a pause', async () => {
    const source = new TestSource(await logOf(out('one')));
    const follower = follow(source);
    stopClock();
    expect(textOf((await nextPage(follower)).entries)).toBe('one');
    vi.advanceTimersByTime(8);
    const waiting = nextPage(follower);
    await appendFile(source.path, out('two'));
    expect(textOf((await waiting).entries)).toBe('two');
  });

  it('sends what is written within a window as one page', async () => {
    const source = new TestSource(await logOf(out('one')));
    const follower = follow(source);
    stopClock();
    await nextPage(follower);
    const waiting = nextPage(follower);
    for (const piece of ['a', 'b', 'c']) await appendFile(source.path, out(piece));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(8);
    expect(textOf((await waiting).entries)).toBe('abc');
  });

  it('is read to the end without delay once it has ended', async () => {
    const source = new TestSource(await logOf(out('one')));
    const follower = follow(source);
    stopClock();
    await nextPage(follower);
    const waiting = nextPage(follower);
    await appendFile(source.path, out('two'));
    expect(vi.getTimerCount()).toBe(1);
    source.close();
    expect(await waiting).toMatchObject({ endOfLog: true, entries: [{ text: 'two' }] });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has full pages read without delay', async () => {
    const source = new TestSource(await logOf(out('x'.repeat(3 * PAGE_BYTES))));
    const follower = follow(source);
    stopClock();
    for (let count = 0; count < 3; count++) {
      expect(bytesOf((await nextPage(follower)).entries).length).toBe(PAGE_BYTES);
    }
  });

  it('leaves no timer behind when its follower stops within a window', async () => {
    const source = new TestSource(await logOf(out('one')));
    const follower = follow(source);
    stopClock();
    await nextPage(follower);
    const waiting = follower.next();
    await setImmediate();
    expect(vi.getTimerCount()).toBe(1);
    await follower.return?.();
    expect((await waiting).done).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
