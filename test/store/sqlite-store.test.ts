import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobState, JobStatus } from '../../src/store/job.ts';
import { pageQuery } from '../../src/store/query.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import type { JobStore, PageRequest } from '../../src/store/store.ts';
import { disposers } from '../support/disposers.ts';
import { at, makeJob, STATES } from './fixture.ts';

const onEnd = disposers();
let path: string;
let store: JobStore;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-store-'));
  path = join(folder, 'cloister.db');
  store = openStore(path);
  onEnd(() => rmSync(folder, { recursive: true }));
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
    await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(10) });
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
      startedAt: null,
      finishedAt: at(5),
      termination: null,
      usage: null,
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
    RUNNING: ['COMPLETED', 'STOPPED', 'LIMIT_EXCEEDED', 'LOST'],
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

  it('is refused when the job is in none of the states it names', async () => {
    const job = await jobIn({ status: 'RUNNING', startedAt: at(10) });
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

  it('holds what every field of the filter lets through', async () => {
    const one = makeJob({ name: 'one', labels: [{ key: 'k', value: 'v' }] }, { createdAt: at(100) });
    const two = makeJob({ name: 'two', image: 'other' }, { createdAt: at(200), owner: 'bob' });
    await store.insert(one);
    await store.insert(two);
    await store.transition(two.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(300) });
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

  it('is read through an index, whatever the filter, and never sorted', async () => {
    const db = new Database(path, { readonly: true });
    onEnd(() => db.close());
    const filters: PageRequest['filter'][] = [
      {},
      { status: ['QUEUED'] },
      { name: 'x' },
      { owner: 'x' },
      { image: 'x' },
      { label: { key: 'k', value: 'v' } },
    ];
    for (const filter of filters) {
      const { sql, values } = pageQuery(page({ filter, after: 'x' }));
      const plan = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
      const details = plan.map(({ detail }) => detail).join('; ');
      expect(details, JSON.stringify(filter)).toMatch(/USING (COVERING )?(INDEX|PRIMARY KEY)/);
      expect(details, JSON.stringify(filter)).not.toMatch(/SCAN|TEMP B-TREE/);
    }
  });
});

describe('the file', () => {
  it('is kept with commits that are on disk when they are answered', async () => {
    const db = new Database(path, { readonly: true });
    onEnd(() => db.close());
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
    await store.insert(makeJob());
    expect(db.prepare('SELECT count(*) FROM jobs').pluck().get()).toBe(1);
  });

  it('of a newer version is refused and left as it is', async () => {
    await store.close();
    const db = new Database(path);
    db.pragma('user_version = 999');
    db.close();
    expect(() => openStore(path)).toThrow(/expected a database of version \d+ or older, got version 999/);
    const after = new Database(path);
    expect(after.pragma('user_version', { simple: true })).toBe(999);
    after.pragma('user_version = 1');
    after.close();
    store = openStore(path);
  });

  it('of another program is refused', async () => {
    const other = join(path, '..', 'other.db');
    const db = new Database(other);
    db.exec('CREATE TABLE theirs (x)');
    db.close();
    expect(() => openStore(other)).toThrow('expected a database of Cloister');
  });
});
