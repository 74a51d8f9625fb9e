/** What every store of jobs has to do, whatever keeps them: run against SQLite by `conformance.test.ts`. */

import { beforeEach, describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/id.ts';
import { isApart } from '../../src/jobs/job.ts';
import { payloadBytes } from '../../src/jobs/queue.ts';
import type { JobStore } from '../../src/jobs/store.ts';
import { at, makeJob, STATES } from './fixture.ts';

const running = { status: 'RUNNING', startedAt: at(10), pausedAt: null } as const;
const lost = { status: 'LOST', startedAt: at(10), finishedAt: at(20), error: 'gone' } as const;

/** @param open an empty store, which the caller closes after the test */
export const storeConformance = (name: string, open: () => Promise<JobStore>): void => {
  describe(`a store of jobs in ${name}`, () => {
    let store: JobStore;

    beforeEach(async () => {
      store = await open();
    });

    it.each(STATES)('keeps a job in state $status as it is', async (state) => {
      const job = makeJob({ startAfter: at(5), retries: { limit: 2, backoffMs: 100 } });
      await store.insert(job);
      if (state.status === 'QUEUED') expect(await store.get(job.id)).toEqual(job);
      else {
        if (state.status !== 'FAILED') await store.transition(job.id, ['QUEUED'], running);
        await store.transition(job.id, ['QUEUED', 'RUNNING'], state);
        expect(await store.get(job.id)).toEqual({ ...job, state });
      }
    });

    it.each(STATES)(
      'returns a job that is $status now as it is stored, also to one who knows it as it was',
      async (state) => {
        if (state.status === 'QUEUED') return;
        const job = makeJob({ startAfter: at(5), retries: { limit: 2, backoffMs: 100 } });
        await store.insert(job);
        // What the caller knows is older than the pin.
        await store.setPinned(job.id, true);
        const began = state.status === 'FAILED' ? undefined : running.startedAt;
        const moved = await store.transition(
          job.id,
          state.status === 'RUNNING' || state.status === 'FAILED' ? ['QUEUED'] : ['RUNNING'],
          state,
          state.status === 'RUNNING' ? undefined : { diskBytes: 1, began },
          job,
        );
        expect(moved).toEqual({ ...job, pinned: true, state });
        expect(await store.get(job.id)).toEqual(moved);
        expect(await store.transition(job.id, ['QUEUED'], running, undefined, job)).toBeUndefined();
      },
    );

    it('lets one of two win who move a job from the same state', async () => {
      const job = makeJob();
      await store.insert(job);
      await store.transition(job.id, ['QUEUED'], running);
      const moves = await Promise.all([
        store.transition(job.id, ['RUNNING'], lost),
        store.transition(job.id, ['RUNNING'], { ...lost, error: 'gone twice' }),
      ]);
      expect(moves.filter((moved) => moved !== undefined)).toHaveLength(1);
      const { events } = await store.events({ after: 0, limit: 10, filter: {} });
      expect(events.map(({ status }) => status)).toEqual(['QUEUED', 'RUNNING', 'LOST']);
    });

    it('has a job that only its end is known of run first, as events say', async () => {
      const job = makeJob();
      await store.insert(job);
      const done = { ...lost, startedAt: at(12) };
      expect(
        await store.transition(job.id, ['RUNNING'], done, { diskBytes: 1, began: at(12) }),
      ).toMatchObject({
        state: done,
      });
      const again = makeJob();
      await store.insert(again);
      await store.transition(again.id, ['QUEUED'], running);
      await store.transition(again.id, ['RUNNING'], lost, { diskBytes: 1, began: at(10) });
      const { events } = await store.events({ after: 0, limit: 10, filter: {} });
      expect(events.map(({ job: { id }, status }) => [id === job.id, status])).toEqual([
        [true, 'QUEUED'],
        [true, 'RUNNING'],
        [true, 'LOST'],
        [false, 'QUEUED'],
        [false, 'RUNNING'],
        [false, 'LOST'],
      ]);
    });

    it('inserts the next attempt with the end of the one before, or not at all', async () => {
      const job = makeJob();
      const [next, late] = [makeJob({ attempt: 2 }), makeJob({ attempt: 2 })];
      await store.insert(job);
      await store.transition(job.id, ['QUEUED'], running);
      await store.transition(job.id, ['RUNNING'], lost, { diskBytes: 1, next });
      expect(await store.transition(job.id, ['RUNNING'], lost, { diskBytes: 1, next: late })).toBeUndefined();
      expect((await store.get(job.id))?.retriedBy).toBe(next.id);
      expect(await store.get(next.id)).toEqual(next);
      expect(await store.get(late.id)).toBeUndefined();
    });

    it('keeps a large command and environment apart, once for all attempts, as long as one of them is there', async () => {
      const argv = ['/bin/echo', 'ö'.repeat(100_000), ''] as const;
      const env = Array.from({ length: 500 }, (_, number) => ({ name: `N${number}`, value: 'xyz"\n\u0001' }));
      const job = makeJob({ command: { kind: 'argv', argv: [...argv] }, env, stdinBytes: 3 });
      const whole = payloadBytes(job.spec);
      await store.insert(job);
      const found = await store.get(job.id);
      expect(found?.spec).toMatchObject({
        command: { kind: 'apart', form: 'argv', bytes: 9 + 200_000 },
        env: { kind: 'apart' },
      });
      if (found === undefined || found.spec.command.kind !== 'apart' || !isApart(found.spec.env)) return;
      expect(JSON.stringify(found).length).toBeLessThan(2000);
      expect(payloadBytes(found.spec)).toBe(whole);
      expect((await store.unfinished())[0]?.payloadBytes).toBeGreaterThanOrEqual(whole);
      await store.transition(job.id, ['QUEUED'], running);
      const next = { ...found, id: newJobId(), spec: { ...found.spec, attempt: 2, retryOf: job.id } };
      await store.transition(job.id, ['RUNNING'], lost, { diskBytes: 0, next });
      expect(await store.get(next.id)).toEqual(next);
      expect((await store.kept()).bytes).toBeGreaterThan(whole);
      expect(await store.remove([job.id])).toEqual([job.id]);
      const { command, env: variables } = found.spec;
      expect(await store.command(command.id)).toEqual({ kind: 'argv', argv });
      expect(await store.env(variables.id)).toEqual(env);
      await store.transition(next.id, ['QUEUED'], { status: 'FAILED', finishedAt: at(20), error: 'it' });
      expect(await store.remove([next.id])).toEqual([next.id]);
      expect(await store.command(command.id)).toBeUndefined();
      expect(await store.env(variables.id)).toBeUndefined();
    });

    it('keeps one of the two apart where only that is large', async () => {
      const line = 'x'.repeat(5000);
      const job = makeJob({ command: { kind: 'shell', line }, env: [{ name: 'A', value: 'b' }] });
      await store.insert(job);
      const spec = (await store.get(job.id))?.spec;
      expect(spec?.command).toEqual({ kind: 'apart', form: 'shell', isText: true, id: job.id, bytes: 5000 });
      expect(spec?.env).toEqual([{ name: 'A', value: 'b' }]);
      expect(await store.command(job.id)).toEqual({ kind: 'shell', line });
      expect(await store.env(job.id)).toBeUndefined();
      const small = makeJob({ command: { kind: 'shell', line: 'x'.repeat(4096) } });
      await store.insert(small);
      expect(await store.get(small.id)).toEqual(small);
    });

    it('keeps apart what is not text as it is', async () => {
      const line = `${'x'.repeat(5000)}\udcff`;
      const job = makeJob({ command: { kind: 'shell', line } });
      await store.insert(job);
      const command = (await store.get(job.id))?.spec.command;
      expect(command).toEqual({ kind: 'apart', form: 'shell', isText: false, id: job.id, bytes: 5001 });
      expect(await store.command(job.id)).toEqual({ kind: 'shell', line });
    });

    it('lists what has not ended, oldest first, with what the queue needs of it', async () => {
      const expected: unknown[] = [];
      for (const state of [...STATES, ...STATES]) {
        const job = makeJob({ priority: 3, startAfter: at(7), stdinBytes: 1000 });
        await store.insert(job);
        if (!['QUEUED', 'FAILED'].includes(state.status)) await store.transition(job.id, ['QUEUED'], running);
        if (state.status !== 'QUEUED') await store.transition(job.id, ['QUEUED', 'RUNNING'], state);
        if (!['QUEUED', 'RUNNING'].includes(state.status)) continue;
        const { id, owner, createdAt } = job;
        const { priority, startAfter, limits } = job.spec;
        const { memoryBytes, cpus } = limits;
        expected.push({
          ...{ id, owner, createdAt, status: state.status, priority, startAfter, memoryBytes, cpus },
          payloadBytes: expect.any(Number),
        });
      }
      const found = await store.unfinished();
      expect(found).toEqual(expected);
      for (const { payloadBytes } of found) expect(payloadBytes).toBeGreaterThanOrEqual(1000);
    });

    it('knows whether there is a job', async () => {
      const job = makeJob();
      expect(await store.has(job.id)).toBe(false);
      await store.insert(job);
      expect(await store.has(job.id)).toBe(true);
    });

    it('answers a repeated request with its job, and refuses another with its key', async () => {
      const [job, again] = [makeJob(), makeJob()];
      await store.insert(job, { key: 'k', digest: 'one' });
      expect(await store.insert(again, { key: 'k', digest: 'one' })).toEqual({ kind: 'repeated', job });
      expect(await store.insert(again, { key: 'k', digest: 'two' })).toEqual({ kind: 'conflict' });
      expect(await store.get(again.id)).toBeUndefined();
    });

    it('reports each commit when its events can be read', async () => {
      const seen: Promise<number>[] = [];
      const forget = store.onCommit(() => seen.push(store.lastEvent()));
      const job = makeJob();
      await store.insert(job);
      await store.transition(job.id, ['QUEUED'], running);
      expect(await Promise.all(seen)).toEqual([1, 2]);
      forget();
      await store.transition(job.id, ['RUNNING'], lost);
      expect(seen).toHaveLength(2);
    });

    it('removes only what has ended and is not pinned, and remembers it until its folder is gone', async () => {
      const [open, pinned, ended] = [makeJob(), makeJob(), makeJob()];
      for (const job of [open, pinned, ended]) await store.insert(job);
      for (const { id } of [pinned, ended])
        await store.transition(id, ['QUEUED'], { status: 'FAILED', finishedAt: at(20), error: 'it' });
      await store.setPinned(pinned.id, true);
      expect(await store.remove([open.id, pinned.id, ended.id])).toEqual([ended.id]);
      expect(await store.removals()).toEqual([ended.id]);
      await store.removed([ended.id]);
      expect(await store.removals()).toEqual([]);
      expect(await store.count({})).toBe(2);
    });
  });
};
