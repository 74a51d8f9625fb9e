/**
 * The requirements of all implementations of cells: `conformance.test.ts` runs them against the cells of this machine
 * and against those in memory that the tests of jobs use.
 */

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CellConnection,
  type CellEnd,
  CellRefusal,
  type Cells,
  type LogRead,
  StartFailure,
} from '../../src/jobs/cells.ts';
import type { Job, Pressures, WholeJob } from '../../src/jobs/job.ts';
import { checkRequest } from '../../src/jobs/request.ts';
import type { SubmitRequest } from '../../src/jobs/service.ts';
import { CursorError } from '../../src/runtime/log/cursor.ts';
import type { LogBatch, LogGrep, LogStart, LogStream } from '../../src/runtime/log/page.ts';
import { makeJob } from '../store/fixture.ts';

/** The commands of the suite; cells in memory have to behave as if they ran them. */
export const COMMANDS = {
  hello: { command: 'echo hello; exit 3' },
  waits: { command: 'exec sleep 1000' },
  ignoresTerm: { command: 'trap "" TERM; echo ready; sleep 1000' },
  exitsAtUsr1: { command: 'trap "exit 7" USR1; echo ready; while :; do sleep 0.05; done' },
  /** What it writes next waits for a signal, so that both streams are read in one order. */
  speaks: {
    command: `trap 'echo two >&2' USR1; trap 'printf "three\\nfour"; exit' USR2
      echo one; while :; do sleep 0.05; done`,
  },
  missing: { argv: ['/no/such/program'] },
} as const satisfies Record<string, SubmitRequest>;

export type CommandName = keyof typeof COMMANDS;

/** Cells that are to be checked. */
export interface CellsLane {
  readonly cells: Cells;
  /** Kills the supervisor of a cell. */
  kill(id: string): void;
  /** Creates the state left by a server that dies just before a supervisor is started. */
  abandon(job: Job): Promise<void>;
  /** Bytes of the files in the folder of a job, if it has one. */
  size?(id: string): number;
}

const SIGUSR1 = 10;
const SIGUSR2 = 12;

/** The namespaces that every cell has for itself. */
const NAMESPACES = ['user', 'pid', 'mnt', 'uts', 'ipc', 'net'];

/** A request to follow a closed log, which waits for nothing. */
const toTheEnd = {
  follow: false,
  closed: () => true,
  onClosed: () => () => undefined,
  release: () => undefined,
} as const;

const withBigInts = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `${value}n` : value;

/** A number that the kernel counted, or `null` where it does not count it. */
const isCount = (value: unknown): boolean =>
  value === null || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0);

const arePressures = (value: unknown): boolean =>
  value === null ||
  Object.values(value as Pressures).every(({ someUs, fullUs }) => isCount(someUs) && isCount(fullUs));

/** @param open opens the lane; `close` is called when all tests are over */
export const cellsConformance = (
  name: string,
  open: () => Promise<{ readonly lane: CellsLane; readonly close: () => Promise<void> }>,
): void => {
  describe(`cells ${name}`, () => {
    let lane: CellsLane;
    let cells: Cells;
    let close = async (): Promise<void> => undefined;

    beforeAll(async () => {
      ({ lane, close } = await open());
      cells = lane.cells;
    });

    afterAll(() => close());

    /** A job as a server would accept it, which is not started. */
    const jobFor = (command: CommandName): WholeJob => ({
      ...makeJob(),
      spec: checkRequest(COMMANDS[command], cells.request),
    });

    /** A connection, and what was reported on it, in order. */
    const attach = (id: string) => {
      const seen: string[] = [];
      const since: { running?: Date; pausedAt?: Date | null; paused?: Date } = {};
      const connection: CellConnection = cells.attach(id, {
        running: (startedAt, pausedAt) => {
          seen.push('running');
          since.running = startedAt;
          since.pausedAt = pausedAt;
        },
        paused: (at) => {
          seen.push('paused');
          since.paused = at;
        },
        resumed: () => seen.push('resumed'),
        ended: () => seen.push('ended'),
      });
      const reports = (what: string) => expect.poll(() => seen).toContain(what);
      return { connection, seen, since, reports };
    };

    const start = async (command: CommandName) => {
      const job = jobFor(command);
      await cells.start(job);
      const attached = attach(job.id);
      return { job, id: job.id, ...attached };
    };

    /** The end of a cell, which stays for the next to collect it: `store` rejects. */
    const look = async (job: Job): Promise<CellEnd | undefined> => {
      let seen: CellEnd | undefined;
      const refused = new Error('not now');
      const store = (end: CellEnd): Promise<void> => {
        seen = end;
        return Promise.reject(refused);
      };
      await cells.collect(job, store).catch((error: unknown) => {
        if (error !== refused) throw error;
      });
      return seen;
    };

    const ended = async (job: Job): Promise<CellEnd> => {
      await expect.poll(() => look(job)).toBeDefined();
      const end = await look(job);
      if (end === undefined) throw new Error('the end is gone though nobody has stored it');
      return end;
    };

    /** Collects the end, and removes all that is left. */
    const clear = async (job: Job): Promise<void> => {
      await ended(job);
      await cells.collect(job, async () => undefined);
      await expect.poll(() => cells.isAlive(job.id)).toBe(false);
      await cells.tidy(job.id);
      await cells.release(job.id);
      await cells.remove(job.id);
    };

    const textOf = (pages: readonly LogBatch[]): string =>
      pages.flatMap(({ entries }) => entries.map(({ text }) => text)).join('');

    const page = (id: string, closed: boolean, more: Partial<LogRead> = {}) =>
      cells.readLog(id, { mostBytes: 65_536, closed, ...more });

    /** The batches that a follower of a closed log gets. */
    const followed = async (id: string, start: LogStart & LogGrep = {}): Promise<string> => {
      const pages: LogBatch[] = [];
      for await (const each of cells.followLog(id, { ...toTheEnd, ...start })) pages.push(each);
      return textOf(pages);
    };

    const hasWritten = (id: string, text: string) =>
      expect.poll(async () => textOf([await page(id, false)])).toBe(text);

    const isReady = (id: string) => hasWritten(id, 'ready\n');

    /** A command that has written `two` to standard error between `one` and `three` and ended in a line without newline. */
    const spoken = async () => {
      const { job, id, reports, connection } = await start('speaks');
      await hasWritten(id, 'one\n');
      await connection.signal(SIGUSR1);
      await hasWritten(id, 'one\ntwo\n');
      await connection.signal(SIGUSR2);
      await reports('ended');
      await ended(job);
      return { job, id };
    };

    it('run a command, report it and its end, and hand that over until it is stored', async () => {
      const reported: string[] = [];
      const forget = cells.onEnd((id) => reported.push(id));
      const { job, id, seen, reports } = await start('hello');
      await reports('ended');
      expect(seen.filter((what) => what === 'ended')).toHaveLength(1);
      const end = await ended(job);
      expect(end.state).toMatchObject({ status: 'COMPLETED', termination: { kind: 'exited', code: 3 } });
      expect(end.startedAt).toBeInstanceOf(Date);
      await expect.poll(() => reported).toContain(id);
      forget();
      // It was refused each time, so that the record still exists.
      const store: CellEnd[] = [];
      await cells.collect(job, async (again) => {
        store.push(again);
      });
      expect(store).toEqual([end]);
      expect(await look(job)).toBeUndefined();
      await expect.poll(() => cells.isAlive(id)).toBe(false);
      const bytes = await cells.tidy(id);
      expect(bytes).toBeGreaterThan(0);
      expect(bytes).toBe(lane.size?.(id) ?? bytes);
      expect(await cells.tidy(id)).toBe(bytes);
      await cells.remove(id);
      expect(await cells.tidy(id)).toBe(0);
      await cells.remove(id);
    });

    it('report no end to those that have stopped listening', async () => {
      const reported: string[] = [];
      const listener = (id: string): void => {
        reported.push(id);
      };
      const [first, second] = [cells.onEnd(listener), cells.onEnd(listener)];
      first();
      const one = await start('hello');
      await one.reports('ended');
      await expect.poll(() => reported).toContain(one.id);
      second();
      const before = reported.length;
      const other = await start('hello');
      await ended(other.job);
      await clear(one.job);
      await clear(other.job);
      expect(reported).toHaveLength(before);
    });

    it('report to later connections that the command runs, since when, and whether it is paused', async () => {
      const { job, id, since, reports, connection } = await start('waits');
      await reports('running');
      expect(since.pausedAt).toBeNull();
      const second = attach(id);
      await second.reports('running');
      expect(second.since).toEqual({ running: since.running, pausedAt: null });
      await connection.pause();
      await reports('paused');
      await second.reports('paused');
      const third = attach(id);
      await third.reports('running');
      expect(third.since).toEqual({ running: since.running, pausedAt: since.paused });
      await third.connection.resume();
      for (const each of [reports, second.reports, third.reports]) await each('resumed');
      expect(await cells.isAlive(id)).toBe(true);
      // A closed connection reports nothing more, and the cell continues.
      second.connection.close();
      const heard = second.seen.length;
      await connection.stop(0);
      await third.reports('ended');
      expect(second.seen).toHaveLength(heard);
      await clear(job);
    });

    it('end a command that is asked to stop, first a paused one is resumed', async () => {
      const { job, reports, connection } = await start('waits');
      await reports('running');
      await connection.pause();
      await reports('paused');
      await connection.stop(60_000);
      await reports('ended');
      expect((await ended(job)).state).toMatchObject({
        status: 'STOPPED',
        termination: { kind: 'signaled', signal: 'SIGTERM' },
      });
      await clear(job);
    });

    it('kill a command that ignores SIGTERM when its grace period is over', async () => {
      const { job, id, reports, connection } = await start('ignoresTerm');
      await isReady(id);
      await connection.stop(20);
      await reports('ended');
      expect((await ended(job)).state).toMatchObject({
        status: 'STOPPED',
        termination: { kind: 'signaled', signal: 'SIGKILL' },
      });
      await clear(job);
    });

    it('pass a signal to the command', async () => {
      const { job, id, reports, connection } = await start('exitsAtUsr1');
      await isReady(id);
      await connection.signal(SIGUSR1);
      await reports('ended');
      expect((await ended(job)).state).toMatchObject({
        status: 'COMPLETED',
        termination: { kind: 'exited', code: 7 },
      });
      await clear(job);
    });

    it('refuse requests to a cell that has ended', async () => {
      const { job, reports, connection } = await start('hello');
      await reports('ended');
      await expect(connection.stop(0)).rejects.toThrow(CellRefusal);
      await expect(connection.signal(SIGUSR1)).rejects.toThrow(CellRefusal);
      await expect(connection.pause()).rejects.toThrow(CellRefusal);
      await expect(connection.resume()).rejects.toThrow(CellRefusal);
      await clear(job);
    });

    it('hand over that a command could not be executed', async () => {
      const { job, reports } = await start('missing');
      await reports('ended');
      const { startedAt, state } = await ended(job);
      expect(startedAt).toBeNull();
      expect(state.status).toBe('FAILED');
      await clear(job);
    });

    it('report the end at once where there is no cell', async () => {
      const { id, reports, seen, job } = await start('hello');
      await reports('ended');
      await ended(job);
      await clear(job);
      const late = attach(id);
      await late.reports('ended');
      expect(late.seen).toEqual(['ended']);
      expect(seen.at(-1)).toBe('ended');
      expect(await cells.isAlive(id)).toBe(false);
    });

    it('leave no end when their supervisor is killed', async () => {
      const { job, id, reports } = await start('waits');
      await reports('running');
      lane.kill(id);
      await reports('ended');
      await expect.poll(() => cells.isAlive(id)).toBe(false);
      expect(await look(job)).toBeUndefined();
      await cells.reap(id);
      await cells.reap(id);
      await cells.tidy(id);
      await cells.release(id);
      await cells.release(id);
      await cells.remove(id);
    });

    it('are taken over by another server, which attaches to what runs', async () => {
      const { job, id, reports } = await start('waits');
      await reports('running');
      expect(await cells.takeOver({ id, status: 'RUNNING' })).toBe(true);
      // Started, and the server died before it was stored.
      expect(await cells.takeOver({ id: job.id, status: 'QUEUED' })).toBe(true);
      const { connection, reports: again } = attach(id);
      await again('running');
      await connection.stop(0);
      await clear(job);
    });

    it('leave nothing of a start that no supervisor took, so that it can be repeated', async () => {
      const job = jobFor('hello');
      expect(await cells.takeOver({ id: job.id, status: 'QUEUED' })).toBe(false);
      await lane.abandon(job);
      expect(await cells.takeOver({ id: job.id, status: 'QUEUED' })).toBe(false);
      // Fenced by a server that died before it could act on it.
      await lane.abandon(job);
      expect(await cells.fence(job.id)).toBe(true);
      expect(await cells.fence(job.id)).toBe(true);
      expect(await cells.takeOver({ id: job.id, status: 'QUEUED' })).toBe(false);
      await cells.start(job);
      const { reports } = attach(job.id);
      await reports('ended');
      await clear(job);
    });

    it('never start what is fenced, and fence nothing that was started', async () => {
      const fenced = jobFor('hello');
      await lane.abandon(fenced);
      expect(await cells.fence(fenced.id)).toBe(true);
      await expect(cells.start(fenced)).rejects.toThrow(StartFailure);
      expect(await cells.isAlive(fenced.id)).toBe(false);
      await cells.remove(fenced.id);
      const { job, id, reports } = await start('hello');
      expect(await cells.fence(id)).toBe(false);
      await reports('ended');
      await clear(job);
    });

    it('drop the ends of jobs that are not open when they are swept, and keep the others', async () => {
      const [kept, dropped] = [await start('hello'), await start('hello')];
      await ended(kept.job);
      await ended(dropped.job);
      await cells.sweep(
        (id) => id !== dropped.id,
        async () => true,
      );
      expect(await look(kept.job)).toBeDefined();
      expect(await look(dropped.job)).toBeUndefined();
      await clear(kept.job);
      await cells.remove(dropped.id);
    });

    it('keep the standard input of a job, share it with the next attempt, and drop what was never stored', async () => {
      const [first, next, never] = ['hello', 'hello', 'hello'].map(() => jobFor('hello').id) as [
        string,
        string,
        string,
      ];
      // Bytes of any kind, a character of UTF-8 that is incomplete among them.
      const bytes = Buffer.from([0, 0xc3, 0xff]);
      await cells.keepInput(first, { stdin: bytes });
      await cells.keepInput(never, { stdin: 'never' });
      await cells.shareInput(first, next);
      await cells.shareInput('01890000-0000-7000-8000-000000000000', first);
      expect([await cells.readStdin(first), await cells.readStdin(next)]).toEqual([bytes, bytes]);
      await cells.dropInput(first);
      expect([await cells.readStdin(first), await cells.readStdin(next)]).toEqual([undefined, bytes]);
      expect([await cells.stdinDigest(first), await cells.stdinDigest(next)]).toEqual([
        undefined,
        createHash('sha256').update(bytes).digest('hex'),
      ]);
      await cells.sweep(
        () => true,
        async (id) => id !== never,
      );
      expect([await cells.readStdin(next), await cells.readStdin(never)]).toEqual([bytes, undefined]);
      await cells.remove(next);
      expect(await cells.readStdin(next)).toBeUndefined();
    });

    it('keep what the command wrote, in pages that continue each other', async () => {
      const { job, id, reports } = await start('hello');
      await reports('ended');
      await ended(job);
      for (const closed of [false, true]) {
        const first = await page(id, closed, { mostBytes: 2 });
        expect([textOf([first]), first.endOfLog]).toEqual(['he', false]);
        const second = await page(id, closed, { after: first.cursor });
        expect([textOf([second]), second.endOfLog, second.droppedBytes]).toEqual(['llo\n', closed, 0]);
        await cells.checkCursor(id, second.cursor);
        const third = await page(id, closed, { after: second.cursor });
        expect([third.entries, third.endOfLog]).toEqual([[], closed]);
      }
      for (const cursor of ['nonsense', '99999999']) {
        await expect(page(id, true, { after: cursor })).rejects.toThrow(CursorError);
        await expect(cells.checkCursor(id, cursor)).rejects.toThrow(CursorError);
      }
      await cells.collect(job, async () => undefined);
      expect(await cells.compressLog(id)).toBeGreaterThan(0);
      expect(await cells.compressLog(id)).toBeGreaterThan(0);
      expect(textOf([await page(id, true)])).toBe('hello\n');
      await cells.remove(id);
    });

    it('follow what the command writes until the log is closed', async () => {
      const { job, id, connection } = await start('ignoresTerm');
      let closed = false;
      let released = 0;
      const listeners = new Set<() => void>();
      const pages = cells.followLog(id, {
        follow: true,
        closed: () => closed,
        onClosed: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        release: () => {
          released += 1;
        },
      });
      expect(textOf([(await pages.next()).value as LogBatch])).toBe('ready\n');
      const next = pages.next();
      await connection.stop(0);
      await ended(job);
      closed = true;
      for (const listener of listeners) listener();
      expect((await next).value).toMatchObject({ entries: [], endOfLog: true });
      expect(await pages.next()).toEqual({ done: true, value: undefined });
      expect(released).toBe(1);
      expect(listeners.size).toBe(0);
      await clear(job);
    });

    it('release a log at once when its follower leaves while it waits', async () => {
      const { job, id, connection } = await start('ignoresTerm');
      await isReady(id);
      let released = 0;
      const follow = (following: boolean) =>
        cells.followLog(id, {
          follow: following,
          closed: () => false,
          onClosed: () => () => undefined,
          release: () => {
            released += 1;
          },
        });
      const pages = follow(true);
      await pages.next();
      const next = pages.next();
      await pages.return?.();
      expect(await next).toEqual({ done: true, value: undefined });
      expect(released).toBe(1);
      // Without following it is complete where the log ends now.
      const all: LogBatch[] = [];
      for await (const each of follow(false)) all.push(each);
      expect(textOf(all)).toBe('ready\n');
      expect(released).toBe(2);
      await connection.stop(0);
      await clear(job);
    });

    it('read a log from its last lines, a byte or a time, over both streams or one', async () => {
      const { job, id } = await spoken();
      const { entries } = await page(id, true);
      // A write may be read in two parts.
      expect(entries.slice(0, 2)).toMatchObject([
        { stream: 'STDOUT', text: 'one\n' },
        { stream: 'STDERR', text: 'two\n' },
      ]);
      expect(new Set(entries.slice(2).map(({ stream }) => stream))).toEqual(new Set(['STDOUT']));
      const times = entries.map(({ timeNs }) => timeNs);
      expect(times).toEqual(times.toSorted((one, other) => Number(one - other)));
      const [secondNs = 0n, lastNs = 0n] = [times[1], times.at(-1)];
      const parts: readonly (readonly [LogStart, string])[] = [
        [{}, 'one\ntwo\nthree\nfour'],
        [{ stream: 'STDOUT' }, 'one\nthree\nfour'],
        [{ stream: 'STDERR' }, 'two\n'],
        [{ tail: 0 }, ''],
        [{ tail: 1 }, 'four'],
        [{ tail: 3 }, 'two\nthree\nfour'],
        [{ tail: 9 }, 'one\ntwo\nthree\nfour'],
        [{ tail: 3, stream: 'STDOUT' }, 'one\nthree\nfour'],
        [{ tail: 1, stream: 'STDERR' }, 'two\n'],
        [{ line: 1 }, 'one\ntwo\nthree\nfour'],
        [{ line: 3 }, 'three\nfour'],
        [{ line: 4 }, 'four'],
        [{ line: 5 }, ''],
        [{ line: 2, stream: 'STDOUT' }, 'three\nfour'],
        [{ line: 2, stream: 'STDERR' }, ''],
        [{ offset: 0 }, 'one\ntwo\nthree\nfour'],
        [{ offset: 5 }, 'wo\nthree\nfour'],
        [{ offset: 5, stream: 'STDOUT' }, 'hree\nfour'],
        [{ offset: 1, stream: 'STDERR' }, 'wo\n'],
        [{ offset: 99 }, ''],
        [{ sinceNs: 0n }, 'one\ntwo\nthree\nfour'],
        [{ sinceNs: secondNs }, 'two\nthree\nfour'],
        [{ sinceNs: secondNs, stream: 'STDOUT' }, 'three\nfour'],
        [{ sinceNs: lastNs + 1n }, ''],
      ];
      for (const [begin, text] of parts) {
        expect(textOf([await page(id, true, begin)]), JSON.stringify(begin, withBigInts)).toBe(text);
        expect(await followed(id, begin), JSON.stringify(begin, withBigInts)).toBe(text);
      }
      // A page of the one stream continues with that stream.
      const first = await page(id, true, { stream: 'STDOUT', mostBytes: 4 });
      expect([textOf([first]), first.endOfLog]).toEqual(['one\n', false]);
      expect(textOf([await page(id, true, { stream: 'STDOUT', after: first.cursor })])).toBe('three\nfour');
      for (const wrong of [
        { tail: 1, offset: 1 },
        { line: 1, tail: 1 },
        { line: 0 },
        { tail: -1 },
        { offset: 0.5 },
      ]) {
        await expect(page(id, true, wrong)).rejects.toThrow(RangeError);
        expect(() => cells.followLog(id, { ...toTheEnd, ...wrong })).toThrow(RangeError);
      }
      await clear(job);
    });

    it('find the lines of a log that contain a text, in pages of whole lines', async () => {
      const { job, id } = await spoken();
      const found = async (more: Partial<LogRead>, closed = true) => textOf([await page(id, closed, more)]);
      expect(await found({ grep: 't' })).toBe('two\nthree\n');
      expect(await found({ grep: 't', stream: 'STDOUT' })).toBe('three\n');
      expect(await found({ grep: 't', tail: 2 })).toBe('three\n');
      expect(await found({ grep: 'absent' })).toBe('');
      // A line that may still grow is not judged yet.
      expect(await found({ grep: 'fo' }, false)).toBe('');
      expect(await found({ grep: 'fo' })).toBe('four');
      // One line is given whole, also when it is longer than a page.
      const first = await page(id, true, { grep: 'o', mostBytes: 1 });
      expect([textOf([first]), first.endOfLog]).toEqual(['one\n', false]);
      const rest = await page(id, true, { grep: 'o', after: first.cursor });
      expect([textOf([rest]), rest.endOfLog]).toEqual(['two\nfour', true]);
      await clear(job);
    });

    it('count the lines of a log, of each stream alone as well', async () => {
      const { job, id } = await spoken();
      const counts = (closed: boolean) =>
        Promise.all(
          [undefined, 'STDOUT', 'STDERR'].map((one) => cells.lineCount(id, closed, one as LogStream)),
        );
      expect(await counts(false)).toEqual([4, 3, 1]);
      expect(await counts(true)).toEqual([4, 3, 1]);
      await clear(job);
    });

    it('give digests of what each stream of a log has', async () => {
      const { job, id } = await spoken();
      const ofText = (text: string) => ({
        bytes: text.length,
        sha256: createHash('sha256').update(text).digest('hex'),
      });
      expect(await cells.logDigests(id)).toEqual({
        STDOUT: ofText('one\nthree\nfour'),
        STDERR: ofText('two\n'),
        TERMINAL: ofText(''),
        droppedBytes: 0,
        damagedBytes: 0,
      });
      await clear(job);
    });

    it('find lines by a regular expression, with the lines around them, page by page and followed', async () => {
      const { job, id } = await spoken();
      const found = async (more: Partial<LogRead>, closed = true): Promise<string> => {
        let all = '';
        for (let after: string | undefined; ; ) {
          const { entries, cursor, endOfLog } = await page(id, closed, {
            ...more,
            ...(after !== undefined && { after }),
          });
          for (const { text, matched } of entries) all += matched === true ? text.toUpperCase() : text;
          if (endOfLog || cursor === after) return all;
          after = cursor;
        }
      };
      for (const mostBytes of [1, 4, 9, 65_536]) {
        const grep = async (text: string, context: number, closed = true) =>
          found({ grep: text, regex: true, context, mostBytes }, closed);
        expect(await grep('^t.*[oe]$', 0)).toBe('TWO\nTHREE\n');
        expect(await grep('^tw', 1)).toBe('one\nTWO\nthree\n');
        expect(await grep('^f', 2)).toBe('two\nthree\nFOUR');
        expect(await grep('^f', 1, false)).toBe('');
        expect(await grep('^one$', 1, false)).toBe('ONE\ntwo\n');
        expect(await grep('one|four', 1)).toBe('ONE\ntwo\nthree\nFOUR');
        expect(await found({ grep: '^t', context: 1, mostBytes })).toBe('');
      }
      expect(await followed(id, { grep: 'o.r', regex: true, context: 1 })).toBe('three\nfour');
      for (const wrong of [
        { grep: '(' },
        { grep: '' },
        { grep: 'a\n' },
        { grep: '(a)\\1' },
        { grep: 'a{1001}' },
      ]) {
        await expect(page(id, true, { ...wrong, regex: true })).rejects.toThrow(/^grep: expected /);
        expect(() => cells.followLog(id, { ...toTheEnd, ...wrong, regex: true })).toThrow(/^grep: expected /);
      }
      await clear(job);
    });

    it('know nothing of the usage and the isolation of what has not run', async () => {
      const { id } = jobFor('waits');
      expect(await cells.usage(id)).toBeNull();
      expect(await cells.isolation(id)).toBeNull();
      const { job, reports } = await start('missing');
      await reports('ended');
      await ended(job);
      expect(await cells.isolation(job.id)).toBeNull();
      await clear(job);
    });

    it('count what a cell uses while it runs, where there are cgroups', async () => {
      const { job, id, reports, connection } = await start('waits');
      await reports('running');
      const counted = cells.cgroup.path !== null;
      const earlier = await cells.usage(id);
      const later = await cells.usage(id);
      // Without a cgroup nothing is counted.
      expect([earlier !== null, later !== null]).toEqual([counted, counted]);
      for (const usage of [earlier, later])
        for (const [name, value] of Object.entries(usage ?? {}))
          expect(value, name).toSatisfy(name === 'pressure' ? arePressures : isCount);
      // They never count down.
      expect(later?.cpuTimeUs ?? 0).toBeGreaterThanOrEqual(earlier?.cpuTimeUs ?? 0);
      await connection.stop(0);
      await ended(job);
      await cells.collect(job, async () => undefined);
      await expect.poll(() => cells.isAlive(id)).toBe(false);
      expect(await cells.usage(id)).toBeNull();
      await cells.remove(id);
    });

    it('know what confines a command from when it runs until its job is removed', async () => {
      const { job, id, reports, connection } = await start('waits');
      await reports('running');
      const isolation = await cells.isolation(id);
      expect(isolation).toMatchObject({ noNewPrivileges: true, seccomp: 2, capabilities: { effective: [] } });
      const kinds = isolation?.namespaces.map(({ kind }) => kind) ?? [];
      expect(kinds).toEqual(expect.arrayContaining(NAMESPACES));
      expect(new Set(kinds).size).toBe(kinds.length);
      for (const { kind, inode, shared } of isolation?.namespaces ?? []) {
        expect(inode, kind).toSatisfy(isCount);
        if (NAMESPACES.includes(kind)) expect(shared, kind).toBe(false);
      }
      for (const map of [isolation?.uidMap, isolation?.gidMap]) expect(map?.length).toBeGreaterThan(0);
      await connection.stop(0);
      await ended(job);
      await cells.collect(job, async () => undefined);
      await expect.poll(() => cells.isAlive(id)).toBe(false);
      await cells.tidy(id);
      expect(await cells.isolation(id)).toEqual(isolation);
      await cells.remove(id);
      expect(await cells.isolation(id)).toBeNull();
    });

    it('have room', () => {
      expect(cells.freeSpace().bytes).toBeGreaterThan(0);
      expect(cells.freeSpace().files).toBeGreaterThan(0);
      expect(cells.mostCells).toBeGreaterThan(0);
    });
  });
};
