/** Jobs that the store has read are kept as long as their rows are what they were. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Job, JobState } from '../../src/jobs/job.ts';
import type { JobStore, PageRequest } from '../../src/jobs/store.ts';
import { openDatabase } from '../../src/store/database.ts';
import { ReadJobs } from '../../src/store/read-jobs.ts';
import { toRow } from '../../src/store/row.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { at, makeJob } from './fixture.ts';

const onEnd = disposers();
let path: string;
let store: JobStore;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-read-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  path = join(folder, 'cloister.db');
  store = openStore(path);
  onEnd(() => store.close());
});

const RUNNING: JobState = { status: 'RUNNING', startedAt: at(10), pausedAt: null };
const LOST: JobState = { status: 'LOST', startedAt: at(10), finishedAt: at(20), error: 'gone' };
const PAGE: PageRequest = { limit: 50, backward: false, order: 'OLDEST_FIRST', filter: {} };

const insert = async (count: number): Promise<Job[]> => {
  const jobs = Array.from({ length: count }, () => makeJob());
  await Promise.all(jobs.map((job) => store.insert(job)));
  return jobs;
};

describe('a job', () => {
  it('is the same object until it changes, in lists too', async () => {
    const [job] = await insert(1);
    const first = await store.get(job?.id ?? '');
    expect(first).toEqual(job);
    expect(await store.get(job?.id ?? '')).toBe(first);
    expect((await store.list(PAGE)).jobs[0]).toBe(first);
  });

  it('is current after each change', async () => {
    const [job] = await insert(1);
    const id = job?.id ?? '';
    const read = async (): Promise<(Job | undefined)[]> => [
      await store.get(id),
      (await store.list(PAGE)).jobs[0],
    ];
    const changes: (() => Promise<unknown>)[] = [
      () => store.transition(id, ['QUEUED'], RUNNING),
      () => store.setPinned(id, true),
      () => store.transition(id, ['RUNNING'], LOST),
      () => store.setPinned(id, false),
    ];
    for (const change of changes) {
      await read();
      const changed = await change();
      expect(await read()).toEqual([changed, changed]);
    }
    await store.remove([id]);
    expect(await read()).toEqual([undefined, undefined]);
  });

  it('is as it was before a write that failed', async () => {
    const [job, other] = await insert(2);
    const id = job?.id ?? '';
    await store.transition(id, ['QUEUED'], RUNNING);
    await store.get(id);
    // The next attempt has an id that is taken: nothing of the transaction stays.
    const next = makeJob({}, { id: other?.id ?? '' });
    await expect(store.transition(id, ['RUNNING'], LOST, { diskBytes: 0, next })).rejects.toThrow('UNIQUE');
    expect((await store.get(id))?.state).toEqual(RUNNING);
  });

  it('soon shows the change of another connection', async () => {
    const [job] = await insert(1);
    const id = job?.id ?? '';
    await store.get(id);
    const other = new Database(path);
    onEnd(() => other.close());
    other.prepare('UPDATE jobs SET pinned = 1').run();
    await expect.poll(async () => (await store.get(id))?.pinned).toBe(true);
  });
});

describe('a page', () => {
  it.each([0, 3, 30])(
    'of 40 jobs is whole and in order when %i of them were not read before',
    async (fresh) => {
      const known = await insert(40 - fresh);
      for (const { id } of known) await store.get(id);
      const jobs = [...known, ...(await insert(fresh))];
      expect((await store.list(PAGE)).jobs).toEqual(jobs);
      const backward = await store.list({ ...PAGE, backward: true, limit: 5 });
      expect(backward.jobs).toEqual(jobs.slice(-5));
    },
  );
});

describe('what is kept', () => {
  it('is bounded by its size', () => {
    const db = openDatabase(path);
    onEnd(() => db.close());
    const read = new ReadJobs(db);
    const line = 'x'.repeat(5000);
    const jobs = Array.from({ length: 800 }, () => makeJob({ command: { kind: 'shell', line } }));
    for (const job of jobs) read.set(toRow(job), job);
    expect(read.get(jobs[0]?.id ?? '')).toBeUndefined();
    const kept = jobs.filter(({ id }) => read.get(id) !== undefined);
    expect(kept.length).toBeGreaterThan(100);
    expect(kept.length * line.length).toBeLessThan(2 * 1024 * 1024);
    const large = makeJob({ command: { kind: 'shell', line: 'x'.repeat(100_000) } });
    read.set(toRow(large), large);
    expect(read.get(large.id)).toBeUndefined();
  });
});
