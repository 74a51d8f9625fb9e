/** The queue between subjects: turns, places, quotas. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Queue, type QueueEntry, type QueueOptions, queueEntry } from '../../src/jobs/queue.ts';
import { type QuotaValues, UNBOUNDED } from '../../src/jobs/quota.ts';
import { SubmissionRate } from '../../src/jobs/submission-rate.ts';
import { makeJob } from '../store/fixture.ts';

let started: QueueEntry[];
let queue: Queue;
let quotas: Map<string, Partial<QuotaValues>>;

const open = (options: Partial<QueueOptions> = {}): void => {
  started = [];
  quotas = new Map();
  queue = new Queue({
    maxRunning: 1,
    maxWaiting: 100_000,
    maxWaitingBytes: 1e9,
    memoryBytes: null,
    cpus: null,
    quotas: { of: (subject) => ({ ...UNBOUNDED, ...quotas.get(subject) }) },
    start: (job) => started.push(job),
    ...options,
  });
};

const add = (owner: string, change: Partial<QueueEntry> = {}): QueueEntry => {
  const job = { ...queueEntry(makeJob({}, { owner })), ...change };
  queue.add(job);
  return job;
};

const many = (owner: string, count: number): QueueEntry[] => Array.from({ length: count }, () => add(owner));

/** Ends what runs, one after the other, until nothing starts any more. */
const drain = (): void => {
  for (let at = 0; at < started.length; at++) queue.release(started[at]?.id ?? '');
};

const owners = (): string => started.map(({ owner }) => owner[0]).join('');

beforeEach(() => open());

describe('a queue', () => {
  it('gives one job of each subject a turn after the other, of one subject in order', () => {
    const alice = many('alice', 4);
    const bob = many('bob', 2);
    const carol = many('carol', 1);
    drain();
    // The first started while it was alone; the second was the next in turn when the others joined.
    expect(owners()).toBe('aabcaba');
    expect(started.filter(({ owner }) => owner === 'alice')).toEqual(alice);
    expect(started.filter(({ owner }) => owner === 'bob')).toEqual(bob);
    expect(started.filter(({ owner }) => owner === 'carol')).toEqual(carol);
  });

  it('is fair within a priority only', () => {
    add('alice');
    many('alice', 2);
    add('bob', { priority: -1 });
    add('carol', { priority: 1 });
    drain();
    expect(owners()).toBe('acaab');
  });

  it('says to each the place that it has', () => {
    const all = [...many('alice', 6), ...many('bob', 3), ...many('carol', 2), add('dave', { priority: 1 })];
    const waiting = new Map<string, number | null | undefined>();
    for (let last = 0; ; last = started.length) {
      // What is asked for now is what comes true when nothing is added.
      queue.release(started.at(-1)?.id ?? '');
      if (started.length === last) break;
      const next = started.at(-1)?.id ?? '';
      if (waiting.size > 0) expect(waiting.get(next)).toBe(1);
      waiting.clear();
      for (const { id } of all) waiting.set(id, queue.place(id)?.position);
      const places = [...waiting.values()].filter((place) => place !== undefined);
      expect(places.sort((one, other) => Number(one) - Number(other))).toEqual(
        places.map((_, index) => index + 1),
      );
    }
    expect(started).toHaveLength(12);
  });

  it('starts the one job of another subject next, with 10,000 before it, and takes no time for it', () => {
    const cpuMs = () => process.threadCpuUsage().user / 1000;
    const before = cpuMs();
    many('alice', 10_000);
    const alone = cpuMs() - before;
    const bob = add('bob');
    expect(queue.place(bob.id)?.position).toBe(2);
    queue.release(started[0]?.id ?? '');
    queue.release(started[1]?.id ?? '');
    expect(started[2]).toBe(bob);
    const drained = cpuMs();
    drain();
    expect(started).toHaveLength(10_001);
    // Not with the square of their number, which would be thousands of times as long.
    expect(cpuMs() - drained).toBeLessThan(20 * alone + 500);
  });
});

describe('jobs that are being started', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
    open({ maxRunning: 100, maxStarting: 4, maxStartingOfOne: 2 });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('are fewer of one subject while another submits jobs, which pass', () => {
    const alone = many('alice', 5);
    expect(owners()).toBe('aaaa');
    for (const job of alone) queue.started(job.id);
    expect(owners()).toBe('aaaaa');
    const bob = add('bob');
    queue.started(bob.id);
    const [first] = many('alice', 3);
    expect(owners()).toBe('aaaaabaa');
    expect(queue.place(started.at(-1)?.id ?? '')).toBeUndefined();
    add('bob');
    expect(owners()).toBe('aaaaabaab');
    queue.started(first?.id ?? '');
    expect(owners()).toBe('aaaaabaaba');
  });

  it('are as many as before when the other has submitted nothing for a while', () => {
    queue.started(add('bob').id);
    const alice = many('alice', 5);
    expect(owners()).toBe('baa');
    expect(queue.place(alice[2]?.id ?? '')).toEqual({
      position: 1,
      reason: 'others of its owner are being started',
      ofOwner: true,
    });
    vi.advanceTimersByTime(10_001);
    queue.advance();
    expect(owners()).toBe('baaaa');
  });
});

describe('a full queue', () => {
  /** How many jobs each may add, one after the other. */
  const fill = (...subjects: string[]): number[] =>
    subjects.map((subject) => {
      for (let count = 0; ; count++) {
        try {
          queue.reserve(subject, 1);
        } catch (error) {
          expect(error).toMatchObject({ code: 'QUEUE_FULL', details: { retryAfterMs: 5000 } });
          return count;
        }
      }
    });

  it('has places for others than those who fill it', () => {
    open({ maxWaiting: 10_000 });
    expect(fill('alice', 'bob', 'carol', 'alice')).toEqual([9000, 900, 90, 0]);
    expect(() => queue.reserve('alice', 1)).toThrow(
      'the queue is full (9000 jobs of its owner are waiting, and the other places are for others)',
    );
    expect(fill('dave')).toEqual([9]);
    open({ maxWaiting: 3 });
    expect(fill('alice', 'bob')).toEqual([3, 0]);
  });

  it('has bytes for others than those who fill it', () => {
    open({ maxWaitingBytes: 1000 });
    expect(() => queue.reserve('alice', 901)).toThrow(
      'the queue is full (the jobs of its owner that wait were given 0 bytes of 1000, and the rest is for others)',
    );
    const giveBack = queue.reserve('alice', 900);
    expect(() => queue.reserve('alice', 1)).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
    queue.reserve('bob', 90)();
    giveBack();
    queue.reserve('alice', 900)();
  });
});

describe('a quota', () => {
  it('of running jobs makes jobs wait for those of their subject, and lets others pass', () => {
    open({ maxRunning: 10 });
    quotas.set('alice', { runningJobs: 2 });
    const alice = many('alice', 4);
    const bob = many('bob', 3);
    expect(owners()).toBe('aabbb');
    expect(queue.place(alice[2]?.id ?? '')).toEqual({
      position: 1,
      reason: 'the quota runningJobs of its owner is used up (2)',
      ofOwner: true,
    });
    expect(queue.held('alice')).toEqual({ runningJobs: 2, queuedJobs: 2, cpus: 2, memoryBytes: 8192 });
    queue.release(bob[0]?.id ?? '');
    expect(owners()).toBe('aabbb');
    queue.release(alice[0]?.id ?? '');
    expect(owners()).toBe('aabbba');
    quotas.set('alice', {});
    queue.advance();
    expect(owners()).toBe('aabbbaa');
  });

  it.each([
    ['cpus', 1.5, 'the quota cpus of its owner is used up (1.5)'],
    ['memoryBytes', 8191, 'the quota memory of its owner is used up (8191 bytes)'],
  ] as const)('of %s is about what the limits of running jobs add up to', (name, value, reason) => {
    open({ maxRunning: 10 });
    quotas.set('alice', { [name]: value });
    const [first, second] = many('alice', 2);
    add('bob');
    expect(owners()).toBe('ab');
    expect(queue.place(second?.id ?? '')?.reason).toBe(reason);
    queue.release(first?.id ?? '');
    expect(owners()).toBe('aba');
  });

  it('of waiting jobs refuses further ones, and says when to try again', () => {
    quotas.set('alice', { queuedJobs: 2 });
    many('alice', 2);
    const giveBack = queue.reserve('alice', 1);
    const refusal = {
      code: 'QUOTA_EXCEEDED',
      details: { quota: 'queuedJobs', value: 2, retryAfterMs: 5000 },
    };
    expect(() => queue.reserve('alice', 1)).toThrow(expect.objectContaining(refusal));
    queue.reserve('bob', 1);
    giveBack();
    queue.reserve('alice', 1)();
  });

  it('of submissions is a budget that fills up again', () => {
    let now = 0;
    const rate = new SubmissionRate(() => now);
    for (let count = 0; count < 60; count++) expect(rate.take('alice', 60)).toBeUndefined();
    expect(rate.take('alice', 60)).toBe(1000);
    expect(rate.take('bob', 60)).toBeUndefined();
    now = 400;
    expect(rate.take('alice', 60)).toBe(600);
    now = 1000;
    expect(rate.take('alice', 60)).toBeUndefined();
    expect(rate.take('alice', 60)).toBe(1000);
    expect(rate.take('alice', 0)).toBe(60_000);
  });
});
