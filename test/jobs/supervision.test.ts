/** The state machine of jobs on cells in memory: starts, ends, losses, retries, recovery and races. */

import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { StartFailure } from '../../src/jobs/cells.ts';
import { Changes } from '../../src/jobs/changes.ts';
import type { Job, WholeSpec } from '../../src/jobs/job.ts';
import { Jobs } from '../../src/jobs/jobs.ts';
import { LogReaders } from '../../src/jobs/readers.ts';
import { Removal } from '../../src/jobs/removal.ts';
import type { Identity } from '../../src/jobs/service.ts';
import { type JobStore, StoreFullError } from '../../src/jobs/store.ts';
import { Supervision } from '../../src/jobs/supervision.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { makeJob } from '../store/fixture.ts';
import { disposers } from '../support/disposers.ts';
import { testSigner } from '../support/signer.ts';
import { exited, FakeCells, stoppedBy } from './fake-cells.ts';

const onEnd = disposers();
const ADMIN: Identity = { subject: 'admin', role: 'ADMIN', method: 'TOKEN' };
let store: JobStore;
let cells: FakeCells;
let log: string[];

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-supervision-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  store = openStore(join(folder, 'cloister.db'));
  onEnd(() => store.close());
  cells = new FakeCells();
  log = [];
});

/** A server on the store and the cells of the test. */
const serve = async (maxRunning = 10, keeperGraceMs = 10_000) => {
  const note = (line: string): void => {
    log.push(line);
  };
  const queue = { maxRunning, maxWaiting: 100, maxWaitingBytes: 2000, memoryBytes: null, cpus: null };
  const supervision = new Supervision({ store, cells, log: note, queue, keeperGraceMs });
  const changes = await Changes.open(store, note);
  const readers = new LogReaders();
  const removal = new Removal({ store, cells, readers, log: note });
  const jobs = new Jobs({
    store,
    cells,
    supervision,
    readers,
    removal,
    changes,
    version: '0',
    signer: testSigner(),
  });
  const close = async (): Promise<void> => {
    await jobs.close();
    await supervision.close();
    await changes.close();
  };
  onEnd(close);
  await supervision.recover();
  /** A job that runs. */
  const run = async (id?: string): Promise<string> => {
    const running = id ?? (await jobs.submit(ADMIN, { command: 'true' })).id;
    await expect.poll(() => cells.cells.get(running)?.events.size).toBe(1);
    cells.execute(running);
    await becomes(running, 'RUNNING');
    return running;
  };
  return { jobs, supervision, close, run };
};

const statusOf = async (id: string): Promise<string | undefined> => (await store.get(id))?.state.status;
const becomes = (id: string, status: string) => expect.poll(() => statusOf(id)).toBe(status);

/** Puts a job into the store as an earlier server left it. */
const left = async (state: 'QUEUED' | 'RUNNING', change: Partial<WholeSpec> = {}): Promise<Job> => {
  const job = makeJob(change);
  await store.insert(job);
  if (state === 'RUNNING')
    await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt: new Date(), pausedAt: null });
  return job;
};

describe('a job', () => {
  it('runs when its command is executed, and ends as its record says', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    expect(await statusOf(id)).toBe('QUEUED');
    cells.execute(id);
    await becomes(id, 'RUNNING');
    cells.finish(id, exited(3));
    await becomes(id, 'COMPLETED');
    // Tidied before the end is stored; the record goes last.
    await expect.poll(() => cells.steps.at(-1)).toBe(`record removed ${id}`);
    expect(cells.steps).toEqual(['sweep', `tidy ${id}`, `release ${id}`, `record removed ${id}`]);
    expect(log).toEqual([]);
  });

  it('that is short has begun and ended in one transaction, and shows both', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    const seen: string[] = [];
    const watching = (async () => {
      for await (const job of await jobs.watch(ADMIN, id)) seen.push(job.state.status);
    })();
    let commits = 0;
    onEnd(store.onCommit(() => commits++));
    await expect.poll(() => seen).toEqual(['QUEUED']);
    cells.execute(id);
    cells.finish(id, exited(3));
    await watching;
    expect([seen, commits]).toEqual([['QUEUED', 'RUNNING', 'COMPLETED'], 1]);
  });

  it('of a burst has longer to end before it is stored as running', async () => {
    const { jobs } = await serve(4 * availableParallelism());
    const submitted = Array.from({ length: 4 * availableParallelism() }, () =>
      jobs.submit(ADMIN, { command: 'true' }),
    );
    const [{ id } = { id: '' }, { id: other } = { id: '' }] = await Promise.all(submitted);
    await expect.poll(() => [...cells.cells.values()].every(({ events }) => events.size === 1)).toBe(true);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onEnd(() => vi.useRealTimers());
    cells.execute(id);
    vi.advanceTimersByTime(19);
    // What was to be written before is written with it.
    await store.setPinned(other, true);
    expect(await statusOf(id)).toBe('QUEUED');
    vi.advanceTimersByTime(1);
    await store.setPinned(other, false);
    expect(await statusOf(id)).toBe('RUNNING');
  });

  it('that is short and leaves no record is lost at the time at which it began', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    const { startedAt } = cells.cell(id);
    cells.kill(id);
    await becomes(id, 'LOST');
    expect((await store.get(id))?.state).toMatchObject({ startedAt });
  });

  it('has FAILED when no supervisor can be started, and is fenced', async () => {
    cells.starting = async () => {
      throw new StartFailure('no more processes');
    };
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await becomes(id, 'FAILED');
    expect((await store.get(id))?.state).toMatchObject({
      error: 'the job could not be started: no more processes',
    });
    expect([...cells.fenced]).toEqual([id]);
  });

  it('has FAILED also when there are no descriptors to tidy its folder, once there are some', async () => {
    cells.starting = async () => {
      throw new StartFailure('too many open files (EMFILE)', { begun: false });
    };
    const { tidy } = cells;
    cells.tidy = () => {
      cells.tidy = tidy;
      return Promise.reject(Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }));
    };
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => statusOf(id)).toBe('FAILED');
    expect(log[0]).toBe('EMFILE: too many open files: trying again');
  });

  it('has FAILED when its folder cannot be made, of which nothing else is known', async () => {
    cells.starting = async () => {
      throw new StartFailure('no space left on device (ENOSPC)', { begun: false });
    };
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await becomes(id, 'FAILED');
    expect(cells.fenced.size).toBe(0);
  });

  it('does not show what went wrong within the server', async () => {
    cells.starting = async () => {
      throw new Error("EROFS: read-only file system, mkdir '/srv/state/jobs/x'");
    };
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await becomes(id, 'FAILED');
    expect((await store.get(id))?.state).toMatchObject({
      error: 'the job could not be started: the server failed, and its log says how',
    });
    expect(log.join()).toContain('/srv/state/jobs/x');
  });

  it('is refused when the disk has no space for it', async () => {
    const { jobs } = await serve(1);
    await jobs.submit(ADMIN, { command: 'true' });
    const enough = cells.free;
    const refused = { code: 'STORAGE_FULL' };
    cells.free = { ...enough, bytes: 1024 };
    await expect(jobs.submit(ADMIN, { command: 'true' })).rejects.toMatchObject(refused);
    cells.free = { ...enough, files: 10 };
    await expect(jobs.submit(ADMIN, { command: 'true' })).rejects.toMatchObject(refused);
    // Each job that waits will need some.
    cells.free = { ...enough, files: 70 };
    await jobs.submit(ADMIN, { command: 'true' });
    await expect(jobs.submit(ADMIN, { command: 'true' })).rejects.toMatchObject(refused);
  });

  it('belongs to its supervisor when the answer to the start was lost', async () => {
    cells.starting = async ({ id }) => {
      cells.make(id);
      throw new StartFailure('the spawner ended');
    };
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    await becomes(id, 'RUNNING');
  });

  it('is LOST when its supervisor dies without a record, and what is left of it is removed', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    await becomes(id, 'RUNNING');
    cells.kill(id);
    await becomes(id, 'LOST');
    expect(cells.steps).toContain(`reap ${id}`);
  });

  it('has one end, however often it is reported', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    for (let times = 0; times < 3; times++) cells.finish(id, exited(times));
    await becomes(id, 'COMPLETED');
    await expect.poll(() => cells.steps.at(-1)).toBe(`record removed ${id}`);
    const { events } = await store.events({ after: 0, limit: 100, filter: {} });
    expect(events.map(({ status }) => status)).toEqual(['QUEUED', 'RUNNING', 'COMPLETED']);
  });

  it('keeps its record while its end cannot be stored', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    await becomes(id, 'RUNNING');
    const { transition } = store;
    let refused = 0;
    store.transition = async () => {
      refused += 1;
      throw new Error('the database is broken');
    };
    cells.finish(id, exited(0));
    await expect.poll(() => refused).toBeGreaterThan(0);
    expect(cells.cell(id).end).toBeDefined();
    store.transition = transition;
    // It is tried again a second later.
    await expect.poll(() => statusOf(id)).toBe('COMPLETED');
    await expect.poll(() => cells.cell(id).end).toBeUndefined();
  });
});

describe('a stop', () => {
  it('of a job that waits ends it without a cell', async () => {
    const { jobs } = await serve(1);
    const first = await jobs.submit(ADMIN, { command: 'true' });
    const second = await jobs.submit(ADMIN, { command: 'true' });
    expect((await jobs.stop(ADMIN, second.id, 0)).state.status).toBe('STOPPED');
    expect([...cells.cells.keys()]).toEqual([first.id]);
  });

  it('is answered when another server has stored the end', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    await becomes(id, 'RUNNING');
    cells.cell(id).stopped = () => undefined;
    const stopped = jobs.stop(ADMIN, id, 500);
    await expect.poll(() => cells.cell(id).requests).toEqual(['stop 500']);
    // Past this server's supervision: all that it sees is the store.
    await store.transition(id, ['RUNNING'], stoppedBy('SIGTERM'));
    expect((await stopped).state.status).toBe('STOPPED');
  });
});

describe('a standard input', () => {
  it('is kept before the job is stored, and not kept of one that is not', async () => {
    const { jobs } = await serve();
    const { insert } = store;
    let kept: unknown;
    store.insert = async (job) => {
      kept = cells.stdin.get(job.id);
      throw new Error('the database is broken');
    };
    await expect(jobs.submit(ADMIN, { command: 'cat', stdin: 'text' })).rejects.toThrow('broken');
    expect(kept).toEqual(Buffer.from('text'));
    expect(cells.stdin.size).toBe(0);
    store.insert = insert;
    const job = await jobs.submit(ADMIN, { command: 'cat', stdin: 'tëxt' });
    expect(job.spec.stdinBytes).toBe(5);
    expect(await jobs.stdin(ADMIN, job)).toEqual(Buffer.from('tëxt'));
    cells.stdin.clear();
    await expect(jobs.stdin(ADMIN, job)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('has a maximum, and one for all jobs that wait', async () => {
    const { jobs } = await serve(1);
    const submit = (bytes: number) => jobs.submit(ADMIN, { command: 'cat', stdin: 'x'.repeat(bytes) });
    await expect(submit(1001)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'input.stdin: expected at most 1000 bytes, got "1001 bytes"',
    });
    await submit(1000);
    await submit(1000);
    await submit(700);
    await expect(submit(900)).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    expect(cells.stdin.size).toBe(3);
  });

  it('is shared by the next attempt', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, {
      command: 'cat',
      stdin: 'text',
      retries: { limit: 1, backoffMs: 0 },
    });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    cells.finish(id, exited(1));
    await expect.poll(async () => (await store.get(id))?.retriedBy).toBeTruthy();
    expect(cells.stdin.get((await store.get(id))?.retriedBy ?? '')).toEqual(Buffer.from('text'));
  });
});

describe('a supervisor that does not respond', () => {
  let jobs: Jobs;

  beforeEach(async () => {
    ({ jobs } = await serve(10, 50));
  });

  const begin = async (timeoutMs: number, execute = true): Promise<string> => {
    const { id } = await jobs.submit(ADMIN, { command: 'sleep 1000', limits: { timeoutMs } });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    if (execute) {
      cells.execute(id);
      await becomes(id, 'RUNNING');
    }
    cells.cell(id).stuck = true;
    return id;
  };

  it('is killed after the timeout of its job, which ends by that', async () => {
    const id = await begin(100);
    await becomes(id, 'LIMIT_EXCEEDED');
    const error =
      'the timeout of 100 ms has passed; its supervisor did not respond, so the server killed both';
    expect((await store.get(id))?.state).toMatchObject({
      limit: 'TIME',
      error,
      hits: [{ limit: 'timeout', value: 100, ended: true, message: error }],
      termination: { signal: 'SIGKILL' },
    });
    expect(cells.steps.filter((step) => /^(kill|reap)/.test(step))).toEqual([`kill ${id}`, `reap ${id}`]);
  });

  it('is killed after the grace period of a stop, which is answered', async () => {
    const id = await begin(60_000);
    await expect(jobs.signal(ADMIN, id, 'TERM')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(jobs.pause(ADMIN, id)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect((await jobs.stop(ADMIN, id, 20)).state).toMatchObject({ status: 'STOPPED' });
    expect(log.join()).toContain('its supervisor does not respond after the stop and is killed');
  });

  it('is killed also before it has executed the command', async () => {
    const id = await begin(60_000, false);
    expect((await jobs.stop(ADMIN, id, 20)).state).toMatchObject({ status: 'STOPPED', startedAt: null });
    await becomes(await begin(100, false), 'FAILED');
  });

  it('is killed for a deadline that passed while no server ran', async () => {
    const job = await left('QUEUED', { limits: { ...makeJob().spec.limits, timeoutMs: 1 } });
    const startedAt = new Date(Date.now() - 1000);
    await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt, pausedAt: null });
    cells.make(job.id);
    cells.cell(job.id).stuck = true;
    await serve(10, 50);
    await becomes(job.id, 'LIMIT_EXCEEDED');
  });

  it('is left alone while its job is paused, and one that responds in any case', async () => {
    const id = await begin(1000);
    cells.cell(id).stuck = false;
    await jobs.pause(ADMIN, id);
    cells.cell(id).stuck = true;
    const well = await begin(100);
    cells.cell(well).stuck = false;
    for (const one of [id, well]) await expect.poll(() => cells.cell(one).asked).toBeGreaterThan(0);
    expect([await statusOf(id), await statusOf(well)]).toEqual(['RUNNING', 'RUNNING']);
    expect(cells.steps.some((step) => step.startsWith('kill'))).toBe(false);
  });
});

describe('a stop in a race', () => {
  it('with a start reaches the supervisor once there is one, with the shortest grace period', async () => {
    const started = Promise.withResolvers<void>();
    cells.starting = async ({ id }) => {
      await started.promise;
      cells.make(id);
    };
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    const stops = [jobs.stop(ADMIN, id, 500), jobs.stop(ADMIN, id, 100), jobs.stop(ADMIN, id, 900)];
    // All three are asked for when another request that came later is answered.
    await jobs.submit(ADMIN, { command: 'true' });
    expect(await statusOf(id)).toBe('QUEUED');
    started.resolve();
    for (const stopped of stops) expect((await stopped).state.status).toBe('STOPPED');
    expect(cells.cell(id).requests).toEqual(['stop 100']);
  });

  it('with another stop is passed on as well, and both are answered', async () => {
    const { jobs, run } = await serve();
    const id = await run();
    const { stopped } = cells.cell(id);
    cells.cell(id).stopped = () => undefined;
    const first = jobs.stop(ADMIN, id, 5000);
    await expect.poll(() => cells.cell(id).requests).toEqual(['stop 5000']);
    cells.cell(id).stopped = stopped;
    const second = jobs.stop(ADMIN, id, 100);
    expect((await first).state.status).toBe('STOPPED');
    expect((await second).state.status).toBe('STOPPED');
    expect(cells.cell(id).requests).toEqual(['stop 5000', 'stop 100']);
  });

  it('with the end of the command reports the end that was first', async () => {
    const { jobs, run } = await serve();
    const id = await run();
    cells.cell(id).stopped = () => cells.finish(id, exited(0));
    expect((await jobs.stop(ADMIN, id, 0)).state.status).toBe('COMPLETED');
    expect((await jobs.stop(ADMIN, id, 0)).state.status).toBe('COMPLETED');
    expect(cells.cell(id).requests).toEqual(['stop 0']);
  });
});

describe('a pause', () => {
  it('is answered when it is stored, and again without a request', async () => {
    const { jobs, run } = await serve();
    const id = await run();
    for (const _ of ['first', 'again'])
      expect((await jobs.pause(ADMIN, id)).state).toMatchObject({ pausedAt: cells.cell(id).pausedAt });
    expect((await store.get(id))?.state).toMatchObject({ pausedAt: expect.any(Date) });
    for (const _ of ['first', 'again'])
      expect((await jobs.resume(ADMIN, id)).state).toMatchObject({ status: 'RUNNING', pausedAt: null });
    expect(cells.cell(id).requests).toEqual(['pause', 'resume']);
  });

  it('of a job whose cell is being made is done once its command runs', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    const pausing = jobs.pause(ADMIN, id);
    await expect.poll(() => cells.cells.has(id)).toBe(true);
    cells.execute(id);
    expect((await pausing).state).toMatchObject({ status: 'RUNNING', pausedAt: expect.any(Date) });
  });

  it('fails when the job ends first, is not running, or its supervisor is gone', async () => {
    const { jobs, run } = await serve(1);
    const id = await run();
    const waiting = await jobs.submit(ADMIN, { command: 'true' });
    await expect(jobs.pause(ADMIN, waiting.id)).rejects.toMatchObject({ code: 'JOB_NOT_RUNNING' });
    cells.cell(id).freezes = false;
    const pausing = jobs.pause(ADMIN, id);
    await expect.poll(() => cells.cell(id).requests).toEqual(['pause']);
    cells.finish(id, exited(0));
    await expect(pausing).rejects.toMatchObject({ code: 'JOB_NOT_RUNNING' });
    const other = await run(waiting.id);
    cells.cell(other).alive = false;
    await expect(jobs.pause(ADMIN, other)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is given up after a while when a process cannot be frozen', async () => {
    const { jobs, run } = await serve();
    const id = await run();
    cells.cell(id).freezes = false;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onEnd(() => vi.useRealTimers());
    const pausing = jobs.pause(ADMIN, id);
    await expect.poll(() => cells.cell(id).requests).toEqual(['pause']);
    vi.advanceTimersByTime(10_000);
    await expect(pausing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    // It takes effect later, and is stored then.
    cells.cell(id).freezes = true;
    await jobs.pause(ADMIN, id);
    expect((await store.get(id))?.state).toMatchObject({ pausedAt: expect.any(Date) });
  });

  it('that came while there was no server is stored by the next one', async () => {
    const { id } = await left('RUNNING');
    cells.make(id);
    const pausedAt = new Date(5);
    Object.assign(cells.cell(id), { startedAt: new Date(1), pausedAt });
    await serve();
    await expect.poll(async () => (await store.get(id))?.state).toMatchObject({ pausedAt });
  });
});

describe('a store that is full', () => {
  const full = async (): Promise<never> => {
    throw new StoreFullError('database or disk is full');
  };

  it('refuses a job, which then takes no place in the queue', async () => {
    const { jobs } = await serve(0);
    const { insert } = store;
    store.insert = full;
    for (let times = 0; times < 100; times++)
      await expect(jobs.submit(ADMIN, { command: 'true' })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    store.insert = insert;
    const { id } = await jobs.submit(ADMIN, { command: 'true' });
    expect((await jobs.get(ADMIN, id))?.state.status).toBe('QUEUED');
    cells.free = { bytes: 1000, files: 100_000 };
    await expect(jobs.submit(ADMIN, { command: 'true' })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  });

  it('has the end of a job wait until there is room, and says so once', async () => {
    const { run } = await serve();
    const id = await run();
    const { transition } = store;
    let refused = 0;
    store.transition = () => {
      refused += 1;
      return full();
    };
    cells.finish(id, exited(0));
    await expect.poll(() => refused).toBeGreaterThan(1);
    expect(cells.cell(id).end).toBeDefined();
    expect(log).toEqual([`the disk is full: that it is COMPLETED waits to be stored`]);
    store.transition = transition;
    await expect.poll(() => statusOf(id)).toBe('COMPLETED');
    await expect.poll(() => cells.cell(id).end).toBeUndefined();
  });
});

describe('the queue', () => {
  it('starts the higher priority first, then in order of submission, also after a restart', async () => {
    const first = await serve(1);
    const order: string[] = [];
    cells.starting = async ({ id }) => {
      order.push(id);
      cells.make(id);
    };
    const submit = async (priority: number) =>
      (await first.jobs.submit(ADMIN, { command: 'true', priority })).id;
    const running = await submit(0);
    const [low, high, alsoHigh] = [await submit(-1), await submit(5), await submit(5)];
    const finish = async (id: string): Promise<void> => {
      await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
      cells.execute(id);
      cells.finish(id, exited(0));
    };
    await finish(running);
    await expect.poll(() => cells.cells.get(high)?.events.size).toBe(1);
    await first.close();
    await serve(1);
    for (const id of [high, alsoHigh, low]) await finish(id);
    expect(order).toEqual([running, high, alsoHigh, low]);
  });
});

describe('a retry', () => {
  it('follows a failure once, as a job of its own', async () => {
    const { jobs } = await serve();
    const { id } = await jobs.submit(ADMIN, { command: 'false', retries: { limit: 1, backoffMs: 0 } });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    cells.finish(id, exited(1));
    await expect.poll(async () => (await store.get(id))?.retriedBy).toBeTruthy();
    const next = (await store.get(id))?.retriedBy ?? '';
    await expect.poll(() => cells.cells.get(next)?.events.size).toBe(1);
    cells.execute(next);
    cells.finish(next, exited(1));
    await becomes(next, 'COMPLETED');
    expect(await store.get(next)).toMatchObject({ retriedBy: null, spec: { attempt: 2, retryOf: id } });
    expect(await store.count({})).toBe(2);
  });
});

describe('a server', () => {
  it('starts what an earlier one left waiting, after what runs has taken its places', async () => {
    const waiting = await left('QUEUED');
    const running = await left('RUNNING');
    cells.make(running.id);
    cells.cell(running.id).startedAt = new Date();
    await serve(1);
    expect(cells.cells.has(waiting.id)).toBe(false);
    cells.finish(running.id, exited(0));
    await expect.poll(() => cells.cells.has(waiting.id)).toBe(true);
  });

  it('stores the end of a job that ended while none ran', async () => {
    const { id } = await left('RUNNING');
    cells.make(id);
    Object.assign(cells.cell(id), { alive: false, end: { startedAt: new Date(), state: exited(4) } });
    await serve();
    expect((await store.get(id))?.state).toMatchObject({ status: 'COMPLETED', termination: { code: 4 } });
    expect(cells.cell(id).end).toBeUndefined();
  });

  it('finds a job lost whose supervisor is gone', async () => {
    const { id } = await left('RUNNING');
    await serve();
    await becomes(id, 'LOST');
  });

  it('leaves running jobs to the next one when it closes', async () => {
    const first = await serve();
    const { id } = await first.jobs.submit(ADMIN, { command: 'true' });
    await expect.poll(() => cells.cells.get(id)?.events.size).toBe(1);
    cells.execute(id);
    await becomes(id, 'RUNNING');
    await first.close();
    expect(cells.cell(id).events.size).toBe(0);
    await serve();
    await expect.poll(() => cells.cell(id).events.size).toBe(1);
    cells.finish(id, exited(0));
    await becomes(id, 'COMPLETED');
  });
});
