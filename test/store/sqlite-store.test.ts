/** The job store. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobState, JobStatus } from '../../src/jobs/job.ts';
import type { JobStore, PageRequest } from '../../src/jobs/store.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { at, makeJob, STATES } from './fixture.ts';

const onEnd = disposers();
let path: string;
let store: JobStore;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-store-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  path = join(folder, 'cloister.db');
  store = openStore(path);
  onEnd(() => store.close());
});

const reopen = async (): Promise<void> => {
  await store.close();
  store = openStore(path);
};

/** Takes a new job to a state by the way that leads there. */
const jobIn = async (state: JobState): Promise<Job> => {
  const job = makeJob();
  await store.insert(job);
  if (state.status === 'QUEUED') return job;
  if (state.status !== 'FAILED' && state.status !== 'RUNNING')
    await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(10), pausedAt: null });
  const from: JobStatus = state.status === 'FAILED' || state.status === 'RUNNING' ? 'QUEUED' : 'RUNNING';
  const moved = await store.transition(job.id, [from], state);
  if (moved === undefined) throw new Error(`no way to ${state.status}`);
  return moved;
};

describe('a job', () => {
  it.each(STATES)('comes back as it was stored, after reopening too: $status', async (state) => {
    const job = await jobIn(state);
    expect(job.state).toEqual(state);
    await reopen();
    expect(await store.get(job.id)).toEqual(job);
  });

  it('that was stopped before it ran has no start and no end of a command', async () => {
    const job = makeJob();
    await store.insert(job);
    const state: JobState = {
      status: 'STOPPED',
      error: null,
      startedAt: null,
      finishedAt: at(5),
      termination: null,
      usage: null,
      hits: [],
      output: null,
      input: null,
      artifacts: [],
    };
    await store.transition(job.id, ['QUEUED'], state);
    expect((await store.get(job.id))?.state).toEqual(state);
  });

  it('that is unknown is undefined', async () => {
    expect(await store.get('nosuch')).toBeUndefined();
  });
});

describe('a change of state', () => {
  const allowed: Partial<Record<JobStatus, readonly JobStatus[]>> = {
    QUEUED: ['RUNNING', 'STOPPED', 'FAILED'],
    RUNNING: ['RUNNING', 'COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED', 'LOST'],
  };

  const pairs = STATES.flatMap((from) => STATES.map((to) => ({ from, to })));
  it.each(pairs)('$from.status -> $to.status', async ({ from, to }) => {
    const job = await jobIn(from);
    const change = store.transition(job.id, [from.status], to);
    if (allowed[from.status]?.includes(to.status)) {
      expect((await change)?.state).toEqual(to);
    } else {
      await expect(change).rejects.toThrow('a job cannot change its state like this');
      expect((await store.get(job.id))?.state).toEqual(from);
    }
  });

  it('from RUNNING to RUNNING keeps the start', async () => {
    const job = await jobIn({ status: 'RUNNING', startedAt: at(10), pausedAt: null });
    const later: JobState = { status: 'RUNNING', startedAt: at(11), pausedAt: at(12) };
    await expect(store.transition(job.id, ['RUNNING'], later)).rejects.toThrow(
      'a job cannot change its state like this',
    );
  });

  it('is refused when the job is in none of the states it names', async () => {
    const job = await jobIn({ status: 'RUNNING', startedAt: at(10), pausedAt: null });
    const failed: JobState = { status: 'FAILED', finishedAt: at(1), error: 'late' };
    expect(await store.transition(job.id, ['QUEUED'], failed)).toBeUndefined();
    expect((await store.get(job.id))?.state.status).toBe('RUNNING');
  });
});

describe('a page', () => {
  const page = (change: Partial<PageRequest>): PageRequest => ({
    limit: 2,
    backward: false,
    order: 'OLDEST_FIRST',
    filter: {},
    ...change,
  });

  it.each(['OLDEST_FIRST', 'NEWEST_FIRST'] as const)(
    'leads through all of them both ways, %s',
    async (order) => {
      const jobs: Job[] = [];
      for (let index = 0; index < 5; index++) {
        const job = makeJob({ name: `n${index}` });
        jobs.push(job);
        await store.insert(job);
      }
      const expected = (order === 'OLDEST_FIRST' ? jobs : jobs.toReversed()).map(({ id }) => id);

      const forward: string[] = [];
      for (let after: string | undefined; ; ) {
        const {
          jobs: rows,
          hasNext,
          hasPrevious,
        } = await store.list(page({ order, ...(after && { after }) }));
        expect(hasPrevious).toBe(after !== undefined);
        forward.push(...rows.map(({ id }) => id));
        after = rows.at(-1)?.id;
        if (!hasNext) break;
      }
      expect(forward).toEqual(expected);

      const backward: string[] = [];
      for (let before: string | undefined; ; ) {
        const request = page({ order, backward: true, ...(before && { before }) });
        const { jobs: rows, hasNext, hasPrevious } = await store.list(request);
        expect(hasNext).toBe(before !== undefined);
        backward.unshift(...rows.map(({ id }) => id));
        before = rows[0]?.id;
        if (!hasPrevious) break;
      }
      expect(backward).toEqual(expected);
    },
  );

  it('holds the jobs that match every field of the filter', async () => {
    const one = makeJob({ name: 'one', labels: [{ key: 'k', value: 'v' }] }, { createdAt: at(100) });
    const two = makeJob({ name: 'two', image: 'other' }, { createdAt: at(200), owner: 'bob' });
    await store.insert(one);
    await store.insert(two);
    await store.transition(two.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(300), pausedAt: null });
    const ids = async (filter: PageRequest['filter']): Promise<string[]> => {
      const { jobs } = await store.list(page({ limit: 10, filter }));
      expect(await store.count(filter)).toBe(jobs.length);
      return jobs.map(({ id }) => id);
    };
    expect(await ids({})).toEqual([one.id, two.id]);
    expect(await ids({ name: 'one' })).toEqual([one.id]);
    expect(await ids({ label: { key: 'k', value: 'v' } })).toEqual([one.id]);
    expect(await ids({ label: { key: 'k', value: 'w' } })).toEqual([]);
    expect(await ids({ status: ['RUNNING', 'LOST'] })).toEqual([two.id]);
    expect(await ids({ status: [] })).toEqual([]);
    expect(await ids({ owner: 'bob' })).toEqual([two.id]);
    expect(await ids({ image: 'other' })).toEqual([two.id]);
    expect(await ids({ createdAfter: at(100) })).toEqual([two.id]);
    expect(await ids({ createdBefore: at(200) })).toEqual([one.id]);
    expect(await ids({ name: 'one', owner: 'bob' })).toEqual([]);
  });

  it('holds the jobs that ended as the filter says, and those whose ids begin so', async () => {
    const ran = {
      finishedAt: at(9),
      usage: null,
      hits: [],
      output: null,
      input: null,
      artifacts: [],
    } as const;
    const started = { startedAt: at(1) } as const;
    const exited = (code: number) => ({ kind: 'exited', code }) as const;
    const killed = { kind: 'signaled', signal: 'SIGKILL' } as const;
    const ends: Readonly<Record<string, JobState>> = {
      ok: { status: 'COMPLETED', termination: exited(0), ...started, ...ran },
      seven: { status: 'COMPLETED', termination: exited(7), ...started, ...ran },
      killed: { status: 'COMPLETED', termination: killed, ...started, ...ran },
      stopped: { status: 'STOPPED', error: null, termination: exited(7), ...started, ...ran },
      oom: { status: 'LIMIT_EXCEEDED', limit: 'MEMORY', error: 'm', termination: killed, ...started, ...ran },
      late: {
        status: 'LIMIT_EXCEEDED',
        limit: 'TIME',
        error: 't',
        termination: exited(0),
        ...started,
        ...ran,
      },
      lost: { status: 'LOST', error: 'l', finishedAt: at(9), ...started },
    };
    const byId = new Map<string, string>();
    for (const [name, state] of Object.entries(ends)) {
      const job = makeJob({ name });
      byId.set(job.id, name);
      await store.insert(job);
      await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', pausedAt: null, ...started });
      await store.transition(job.id, ['RUNNING'], state);
    }
    const unfit = makeJob({ name: 'unfit' });
    byId.set(unfit.id, 'unfit');
    await store.insert(unfit);
    await store.transition(unfit.id, ['QUEUED'], { status: 'FAILED', finishedAt: at(9), error: 'f' });
    await store.insert(makeJob({ name: 'queued' }));
    const names = async (filter: PageRequest['filter']): Promise<(string | undefined)[]> => {
      const { jobs } = await store.list(page({ limit: 20, filter }));
      expect(await store.count(filter)).toBe(jobs.length);
      return jobs.map(({ id }) => byId.get(id));
    };
    const failures = ['seven', 'killed', 'oom', 'late', 'lost', 'unfit'];
    expect(await names({ failed: true })).toEqual(failures);
    expect(await names({ failed: true, status: ['LOST', 'COMPLETED'] })).toEqual(['seven', 'killed', 'lost']);
    expect(await names({ exitCode: 7 })).toEqual(['seven', 'stopped']);
    expect(await names({ exitCode: 7, failed: true })).toEqual(['seven']);
    expect(await names({ exitCode: 0 })).toEqual(['ok', 'late']);
    expect(await names({ exitCode: 0, status: ['COMPLETED'] })).toEqual(['ok']);
    expect(await names({ exitCode: 0, failed: true })).toEqual(['late']);
    expect(await names({ signal: 'SIGKILL' })).toEqual(['killed', 'oom']);
    expect(await names({ signal: 'SIGKILL', limitExceeded: 'MEMORY' })).toEqual(['oom']);
    expect(await names({ limitExceeded: 'TIME' })).toEqual(['late']);
    expect(await names({ name: 'seven', failed: true })).toEqual(['seven']);
    for (const [id, name] of byId) expect(await names({ idPrefix: id.slice(0, 35) })).toContain(name);
    expect(await names({ idPrefix: '0' })).toHaveLength(byId.size + 1);
    expect(await names({ idPrefix: 'f' })).toEqual([]);
  });

  it('matches the filter, the cursors and the order, for every kind of filter and in both directions', async () => {
    const jobs: Job[] = [];
    for (let index = 0; index < 24; index++) {
      const job = makeJob(
        {
          name: index % 3 === 0 ? 'third' : null,
          image: index % 4 === 0 ? 'other' : 'alpine',
          labels: index % 2 === 0 ? [{ key: 'k', value: 'even' }] : [],
        },
        // The clock advances in steps, stops, and is set back: ids rise nevertheless.
        { owner: index % 5 === 0 ? 'bob' : 'admin', createdAt: at([0, 100, 100, 50][index % 4] ?? 0) },
      );
      await store.insert(job);
      const running = { status: 'RUNNING', startedAt: at(300), pausedAt: null } as const;
      const moved = index % 2 === 1 ? await store.transition(job.id, ['QUEUED'], running) : undefined;
      jobs.push(moved ?? job);
    }
    const filters: PageRequest['filter'][] = [
      {},
      { status: ['RUNNING'] },
      { status: ['RUNNING', 'QUEUED', 'RUNNING'] },
      { status: ['LOST'] },
      { status: [] },
      { name: 'third' },
      { owner: 'bob' },
      { image: 'other' },
      { label: { key: 'k', value: 'even' } },
      { label: { key: 'k', value: 'odd' } },
      { createdAfter: at(50) },
      { createdAfter: at(100) },
      { createdBefore: at(50) },
      { createdBefore: at(0) },
      { createdAfter: at(0), createdBefore: at(100) },
      { createdAfter: new Date(-8.64e15), createdBefore: new Date(8.64e15) },
      { createdAfter: new Date(8.64e15) },
      { name: 'third', status: ['QUEUED', 'RUNNING'], owner: 'admin' },
      { owner: 'admin', status: ['QUEUED', 'RUNNING'], image: 'alpine', createdAfter: at(0) },
      {
        label: { key: 'k', value: 'even' },
        name: 'third',
        status: ['QUEUED', 'LOST'],
        createdBefore: at(99),
      },
    ];
    const cursors = [undefined, jobs[0]?.id, jobs[7]?.id, jobs[15]?.id, jobs[23]?.id];
    for (const filter of filters) {
      const all = jobs.filter((job) => matches(job, filter)).map(({ id }) => id);
      expect(await store.count(filter), JSON.stringify(filter)).toBe(all.length);
      for (const order of ['OLDEST_FIRST', 'NEWEST_FIRST'] as const)
        for (const backward of [false, true])
          for (const after of cursors)
            for (const before of cursors) {
              const request = page({
                limit: 3,
                order,
                backward,
                filter,
                ...(after !== undefined && { after }),
                ...(before !== undefined && { before }),
              });
              const { jobs: rows, ...rest } = await store.list(request);
              const found = { ids: rows.map(({ id }) => id), ...rest };
              expect(found, JSON.stringify(request)).toEqual(relayPage(all, request));
            }
    }
  });
});

const matches = (job: Job, filter: PageRequest['filter']): boolean =>
  (filter.status?.includes(job.state.status) ?? true) &&
  (filter.name === undefined || job.spec.name === filter.name) &&
  (filter.owner === undefined || job.owner === filter.owner) &&
  (filter.image === undefined || job.spec.image === filter.image) &&
  (filter.label === undefined || job.spec.labels.some(({ value }) => value === filter.label?.value)) &&
  (filter.createdAfter === undefined || job.createdAt > filter.createdAfter) &&
  (filter.createdBefore === undefined || job.createdAt < filter.createdBefore);

/** What the Relay cursor connections specification, section 4, says of a list of ids, oldest first. */
const relayPage = (ids: readonly string[], { limit, after, before, backward, order }: PageRequest) => {
  const isBefore = (a: string, b: string): boolean => (order === 'OLDEST_FIRST' ? a < b : a > b);
  const list = order === 'OLDEST_FIRST' ? ids : ids.toReversed();
  const edges = list.filter(
    (id) => (after === undefined || isBefore(after, id)) && (before === undefined || isBefore(id, before)),
  );
  return {
    ids: backward ? edges.slice(-limit) : edges.slice(0, limit),
    hasNext: backward
      ? before !== undefined && list.some((id) => !isBefore(id, before))
      : edges.length > limit,
    hasPrevious: backward
      ? edges.length > limit
      : after !== undefined && list.some((id) => !isBefore(after, id)),
  };
};

describe('a write', () => {
  it('is visible to others when it is acknowledged', async () => {
    const db = new Database(path, { readonly: true });
    onEnd(() => db.close());
    const job = makeJob();
    await store.insert(job);
    const status = db.prepare('SELECT status FROM jobs WHERE id = ?').pluck();
    expect(status.get(job.id)).toBe('QUEUED');
    await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(10), pausedAt: null });
    expect(status.get(job.id)).toBe('RUNNING');
  });

  it('whose commit fails is refused, and nothing of it stays', async () => {
    const queued = makeJob();
    await store.insert(queued);
    // A foreign key that is checked at the commit and never holds.
    const db = new Database(path);
    onEnd(() => db.close());
    db.exec(`
      CREATE TABLE things (id INTEGER PRIMARY KEY);
      CREATE TABLE picky (thing REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER spoil_insert AFTER INSERT ON jobs BEGIN INSERT INTO picky VALUES (1); END;
      CREATE TRIGGER spoil_update AFTER UPDATE ON jobs BEGIN INSERT INTO picky VALUES (1); END;
    `);
    const job = makeJob({ labels: [{ key: 'k', value: 'v' }] });
    await expect(store.insert(job)).rejects.toThrow('FOREIGN KEY constraint failed');
    expect(await store.get(job.id)).toBeUndefined();
    const running: JobState = { status: 'RUNNING', startedAt: at(10), pausedAt: null };
    await expect(store.transition(queued.id, ['QUEUED'], running)).rejects.toThrow(
      'FOREIGN KEY constraint failed',
    );
    expect(await store.get(queued.id)).toEqual(queued);
    expect(db.prepare('SELECT count(*) FROM labels').pluck().get()).toBe(0);
  });

  it('of a job whose labels cannot be kept leaves nothing of the job', async () => {
    const label = { key: 'k', value: 'v' };
    const job = makeJob({ labels: [label, label] });
    await expect(store.insert(job)).rejects.toThrow('UNIQUE constraint failed: labels.key');
    expect(await store.get(job.id)).toBeUndefined();
    expect(await store.count({ label })).toBe(0);
  });

  it('of a job that is there already is refused', async () => {
    const job = makeJob();
    await store.insert(job);
    await expect(store.insert({ ...job, owner: 'bob' })).rejects.toThrow('UNIQUE constraint failed: jobs.id');
    expect(await store.get(job.id)).toEqual(job);
  });
});

describe('a request with a key', () => {
  const request = { key: 'k', digest: 'd' };

  it('that is repeated returns the same job, also after reopening', async () => {
    const job = makeJob();
    expect(await store.insert(job, request)).toEqual({ kind: 'inserted', job });
    expect(await store.insert(makeJob(), request)).toEqual({ kind: 'repeated', job });
    await reopen();
    expect(await store.insert(makeJob(), request)).toEqual({ kind: 'repeated', job });
    expect(await store.count({})).toBe(1);
  });

  it('returns its job as it is now', async () => {
    const job = makeJob();
    await store.insert(job, request);
    await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(1), pausedAt: null });
    const again = await store.insert(makeJob(), request);
    expect(again).toMatchObject({ kind: 'repeated', job: { state: { status: 'RUNNING' } } });
  });

  it('is refused when it is another request, and nothing is added', async () => {
    await store.insert(makeJob(), request);
    expect(await store.insert(makeJob(), { key: 'k', digest: 'other' })).toEqual({ kind: 'conflict' });
    expect(await store.count({})).toBe(1);
  });

  it('is compared only with those of the same owner', async () => {
    await store.insert(makeJob(), request);
    const job = makeJob({}, { owner: 'other' });
    expect(await store.insert(job, request)).toEqual({ kind: 'inserted', job });
  });

  it('creates one job however many requests arrive at once', async () => {
    const jobs = Array.from({ length: 20 }, () => makeJob());
    const insertions = await Promise.all(jobs.map((job) => store.insert(job, request)));
    expect(insertions.filter(({ kind }) => kind === 'inserted')).toHaveLength(1);
    expect(await store.count({})).toBe(1);
  });
});
