/** Which ends of a job are followed by another attempt, and after how long. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { WholeSpec } from '../../src/jobs/job.ts';
import { LONGEST_BACKOFF_MS, nextAttempt } from '../../src/jobs/retry.ts';
import { makeJob, STATES, stateOf } from '../store/fixture.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 });
});

afterEach(() => {
  vi.useRealTimers();
});

const after = (change: Partial<WholeSpec>) => nextAttempt(makeJob(change), stateOf('LOST'));
const retries = { limit: 100, backoffMs: 1000 };

it('waits twice as long before each attempt as before the last, and a day at most', () => {
  const waits = [1, 2, 3, 4, 18, 60].map(
    (attempt) => (after({ retries, attempt })?.spec.startAfter?.getTime() ?? 0) - 1_000_000,
  );
  expect(waits).toEqual([1000, 2000, 4000, 8000, LONGEST_BACKOFF_MS, LONGEST_BACKOFF_MS]);
});

it('makes as many attempts after the first as were asked for', () => {
  const limit = { ...retries, limit: 2 };
  expect([1, 2, 3].map((attempt) => after({ retries: limit, attempt })?.spec.attempt)).toEqual([
    2,
    3,
    undefined,
  ]);
  expect(after({ retries: null })).toBeUndefined();
});

it('names the first attempt in each', () => {
  const job = makeJob({ retries });
  expect(nextAttempt(job, stateOf('LOST'))?.spec.retryOf).toBe(job.id);
  expect(after({ retries, retryOf: 'first' })?.spec.retryOf).toBe('first');
});

it('tries again only what has failed', () => {
  const exited = { ...stateOf('COMPLETED'), termination: { kind: 'exited', code: 1 } } as const;
  const killed = { ...exited, termination: { kind: 'signaled', signal: 'SIGKILL' } } as const;
  const job = makeJob({ retries });
  const tried = STATES.filter((state) => nextAttempt(job, state) !== undefined);
  expect(tried.map(({ status }) => status)).toEqual(['LIMIT_EXCEEDED', 'LOST']);
  for (const state of [exited, killed])
    expect(nextAttempt(job, state as (typeof STATES)[number])).toBeDefined();
});
