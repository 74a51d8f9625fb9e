/** Events in the store. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../src/jobs/job.ts';
import type { JobEvent, JobFilter, JobStore } from '../../src/jobs/store.ts';
import { MOST_LOOKED_AT } from '../../src/store/event-query.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { disposers } from '../support/disposers.ts';
import { at, makeJob } from './fixture.ts';

const onEnd = disposers();
let store: JobStore;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-events-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  store = openStore(join(folder, 'cloister.db'));
  onEnd(() => store.close());
});

const run = (job: Job) =>
  store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(1), pausedAt: null });
const fail = (job: Job) =>
  store.transition(job.id, ['QUEUED'], { status: 'FAILED', finishedAt: at(1), error: 'no' });

/** All events, read in pages of `limit`. */
const all = async (limit: number, filter: JobFilter = {}, after = 0): Promise<JobEvent[]> => {
  const events: JobEvent[] = [];
  for (let from = after; ; ) {
    const page = await store.events({ after: from, limit, filter });
    events.push(...page.events);
    if (!page.more) return events;
    if (page.through <= from) throw new Error(`no progress after ${from}`);
    from = page.through;
  }
};

describe('events', () => {
  it('are one for each change, in the order of the changes', async () => {
    const [a, b] = [makeJob(), makeJob({ name: 'b' })];
    await store.insert(a);
    await store.insert(b);
    await run(b);
    await fail(a);
    // Neither of these changes anything.
    await run(b);
    await store.insert(a).catch(() => undefined);
    for (const limit of [1, 2, 100]) {
      const events = await all(limit);
      expect(events.map(({ job, status }) => [job.id, status])).toEqual([
        [a.id, 'QUEUED'],
        [b.id, 'QUEUED'],
        [b.id, 'RUNNING'],
        [a.id, 'FAILED'],
      ]);
    }
    const events = await all(100);
    expect(events[0]?.job.state.status).toBe('FAILED');
    expect(await store.lastEvent()).toBe(events.at(-1)?.number);
    expect(Math.abs(Date.now() - (events[0]?.time.getTime() ?? 0))).toBeLessThan(60_000);
    expect(await all(100, {}, events[2]?.number)).toEqual(events.slice(3));
  });

  it('are chosen by what the event says and what the job is', async () => {
    const labels = [{ key: 'k', value: 'v' }];
    const [a, b] = [
      makeJob({ labels }),
      makeJob({ name: 'b', image: 'other' }, { owner: 'o', createdAt: at(9) }),
    ];
    await store.insert(a);
    await store.insert(b);
    await run(a);
    const chosen = async (filter: JobFilter) =>
      (await all(100, filter)).map(({ job, status }) => `${job.id === a.id ? 'a' : 'b'} ${status}`);
    expect(await chosen({ status: ['RUNNING', 'FAILED'] })).toEqual(['a RUNNING']);
    expect(await chosen({ label: { key: 'k', value: 'v' } })).toEqual(['a QUEUED', 'a RUNNING']);
    for (const filter of [{ name: 'b' }, { owner: 'o' }, { image: 'other' }, { createdAfter: at(8) }])
      expect(await chosen(filter)).toEqual(['b QUEUED']);
    expect(await chosen({ createdBefore: at(8), status: ['QUEUED'] })).toEqual(['a QUEUED']);
    expect(await chosen({ idPrefix: b.id.slice(0, 35), status: ['QUEUED'] })).toEqual(['b QUEUED']);
    expect(await chosen({ failed: true })).toEqual([]);
    await store.transition(b.id, ['QUEUED'], { status: 'FAILED', finishedAt: at(10), error: 'no' });
    expect(await chosen({ failed: true })).toEqual(['b QUEUED', 'b FAILED']);
  });

  it('are looked at in bounded steps, and all of them', async () => {
    const jobs = Array.from({ length: MOST_LOOKED_AT + 200 }, () => makeJob());
    await Promise.all(jobs.map((job) => store.insert(job)));
    const last = makeJob({ name: 'last' });
    await store.insert(last);
    const first = await store.events({ after: 0, limit: 10, filter: { name: 'last' } });
    expect(first).toMatchObject({ events: [], more: true });
    expect((await all(10, { name: 'last' })).map(({ job }) => job.id)).toEqual([last.id]);
  });

  it('are found after a gap of removed ones, each once', async () => {
    const gone = Array.from({ length: MOST_LOOKED_AT + 200 }, () => makeJob());
    await Promise.all(gone.map((job) => store.insert(job)));
    await Promise.all(gone.map(fail));
    await store.remove(gone.map(({ id }) => id));
    const [one, two] = [makeJob(), makeJob()];
    await store.insert(one);
    await store.insert(two);
    expect((await all(100)).map(({ job }) => job.id)).toEqual([one.id, two.id]);
  });

  it('show a job as the commit before left it, also where a write has failed', async () => {
    const [job, other] = [makeJob(), makeJob()];
    await Promise.all([store.insert(job), store.insert(other)]);
    const bad = store.transition(
      job.id,
      ['QUEUED'],
      { status: 'RUNNING', startedAt: at(1), pausedAt: null },
      {
        diskBytes: 1,
        next: other,
      },
    );
    await expect(Promise.all([bad, store.setPinned(other.id, true)])).rejects.toThrow('UNIQUE');
    expect((await all(100)).map(({ job: { id, state, pinned } }) => [id, state.status, pinned])).toEqual([
      [job.id, 'QUEUED', false],
      [other.id, 'QUEUED', true],
    ]);
    await run(job);
    expect((await all(100)).at(-1)).toMatchObject({
      status: 'RUNNING',
      job: { state: { status: 'RUNNING' } },
    });
  });

  it('are none in an empty store, and none after the last', async () => {
    expect(await store.lastEvent()).toBe(0);
    expect(await store.events({ after: 0, limit: 1, filter: {} })).toEqual({
      events: [],
      through: 0,
      more: false,
    });
    await store.insert(makeJob());
    const last = await store.lastEvent();
    expect(await store.events({ after: last, limit: 1, filter: {} })).toEqual({
      events: [],
      through: last,
      more: false,
    });
  });
});
