/** The order and the bounds of the queue. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WholeSpec } from '../../src/jobs/job.ts';
import { Queue, type QueueEntry, type QueueOptions, queueEntry } from '../../src/jobs/queue.ts';
import { makeJob, spec } from '../store/fixture.ts';

let started: QueueEntry[];
let queue: Queue;

const open = (options: Partial<QueueOptions> = {}): void => {
  started = [];
  queue = new Queue({
    maxRunning: 1,
    maxWaiting: 100,
    maxWaitingBytes: 1000,
    memoryBytes: null,
    cpus: null,
    start: (job) => started.push(job),
    ...options,
  });
};

const make = (change: Partial<WholeSpec> = {}): QueueEntry => queueEntry(makeJob(change));

const add = (change: Partial<WholeSpec> = {}): QueueEntry => {
  const job = make(change);
  queue.add(job);
  return job;
};

const limits = (change: Partial<WholeSpec['limits']>): Partial<WholeSpec> => ({
  limits: { ...spec.limits, ...change },
});

beforeEach(() => open());

describe('a queue', () => {
  it('starts a job at once where a place is free, and the next when it has ended', () => {
    const [a, b, c] = [add(), add(), add()];
    expect(started).toEqual([a]);
    queue.release(b.id);
    expect(started).toEqual([a]);
    queue.release(a.id);
    expect(started).toEqual([a, b]);
    queue.release(b.id);
    expect(started).toEqual([a, b, c]);
  });

  it('starts only some at once, and the next when a command was executed or a job has ended', () => {
    open({ maxRunning: 10, maxStarting: 2 });
    const [a, b, c, d, e] = [add(), add(), add(), add(), add()];
    expect(started).toEqual([a, b]);
    expect(queue.place(c.id)).toEqual({ position: 1, reason: 'others are being started' });
    queue.started(a.id);
    queue.started(a.id);
    expect(started).toEqual([a, b, c]);
    queue.release(b.id);
    expect(started).toEqual([a, b, c, d]);
    expect(queue.remove(e.id)).toBe(true);
    queue.started(c.id);
    expect(started).toEqual([a, b, c, d]);
  });

  it('that was halted starts nothing, says why, and names what runs', () => {
    const [a, b] = [add(), add()];
    expect(queue.halt()).toEqual([a.id]);
    queue.release(a.id);
    const c = add();
    expect(started).toEqual([a]);
    expect(queue.place(b.id)).toEqual({
      position: 1,
      reason: 'the server is about to end: the next one starts it',
    });
    expect(queue.place(c.id)?.position).toBe(2);
  });

  it('takes the higher priority first, and the older of the same', () => {
    const first = add();
    const [low, a, b, high] = [add({ priority: -5 }), add(), add(), add({ priority: 7 })];
    expect(queue.place(high.id)?.position).toBe(1);
    expect(queue.place(low.id)?.position).toBe(4);
    for (const job of [first, high, a, b]) queue.release(job.id);
    expect(started).toEqual([first, high, a, b, low]);
  });

  it('takes the older first also when it is filled again in another order', () => {
    const [a, b, c] = [make(), make(), make()];
    queue.occupy(a);
    queue.add(c);
    queue.add(b);
    queue.release(a.id);
    expect(started).toEqual([b]);
  });

  it('never starts a job that was removed, and lets the next move up', () => {
    const [a, b, c] = [add(), add(), add()];
    expect(queue.remove(b.id)).toBe(true);
    expect(queue.remove(b.id)).toBe(false);
    expect(queue.remove(a.id)).toBe(false);
    queue.release(a.id);
    expect(started).toEqual([a, c]);
  });

  it('moves on when the job that blocked it is removed', () => {
    open({ maxRunning: 10, memoryBytes: 100 });
    add(limits({ memoryBytes: 60 }));
    const large = add(limits({ memoryBytes: 90 }));
    const small = add(limits({ memoryBytes: 30 }));
    expect(started).toHaveLength(1);
    queue.remove(large.id);
    expect(started.at(-1)).toBe(small);
  });

  it.each([
    ['memoryBytes', 100, 60, 'it needs 60 bytes of memory, and 40 are free'],
    ['cpus', 1, 0.6, 'it needs 0.6 CPUs, and 0.4 are free'],
  ] as const)(
    'admits by the %s that is left, and lets nobody pass the first',
    (name, capacity, need, reason) => {
      open({ maxRunning: 10, [name]: capacity });
      const a = add(limits({ [name]: need }));
      const b = add(limits({ [name]: need }));
      const c = add(limits({ [name]: need / 10 }));
      expect(started).toEqual([a]);
      expect(queue.place(b.id)).toEqual({ position: 1, reason });
      expect(queue.place(c.id)?.position).toBe(2);
      expect(queue.place(c.id)?.reason).toContain(reason);
      queue.release(a.id);
      expect(started).toEqual([a, b, c]);
    },
  );

  it('adds up what CPUs are asked for in hundredths', () => {
    open({ maxRunning: 10, cpus: 0.3 });
    for (let index = 0; index < 3; index++) add(limits({ cpus: 0.1 }));
    expect(started).toHaveLength(3);
  });

  it('counts what this host cannot limit as nothing', () => {
    open({ maxRunning: 10, memoryBytes: 1, cpus: 0.01 });
    for (let index = 0; index < 3; index++) add(limits({ memoryBytes: null, cpus: null }));
    expect(started).toHaveLength(3);
  });

  it('keeps a place for what is being stored, and refuses when all are taken', () => {
    open({ maxWaiting: 2 });
    add();
    add();
    const giveBack = queue.reserve('alice', 1);
    expect(() => queue.reserve('alice', 1)).toThrow(expect.objectContaining({ code: 'QUEUE_FULL' }));
    giveBack();
    giveBack();
    const again = queue.reserve('alice', 1);
    expect(() => queue.reserve('alice', 1)).toThrow('the queue is full (2 jobs are waiting)');
    again();
  });

  it('says where a job waits, and nothing of one that does not', () => {
    const [a, b] = [add(), add()];
    expect(queue.place(a.id)).toBeUndefined();
    expect(queue.place(b.id)).toEqual({ position: 1, reason: 'the maximum number of jobs is running (1)' });
  });
});

describe('a job with a time', () => {
  const NOW = 1_800_000_000_000;

  beforeEach(() => {
    vi.useFakeTimers({ now: NOW });
  });

  afterEach(() => {
    queue.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('waits for it, and others pass', () => {
    const later = add({ startAfter: new Date(NOW + 5000) });
    expect(queue.place(later.id)).toEqual({
      position: null,
      reason: expect.stringContaining('2027-01-15T08:00:05'),
    });
    const now = add();
    expect(started).toEqual([now]);
    queue.release(now.id);
    vi.advanceTimersByTime(4999);
    expect(started).toEqual([now]);
    vi.advanceTimersByTime(1);
    expect(started).toEqual([now, later]);
  });

  it('starts at once when the time is past', () => {
    expect(started).toEqual([add({ startAfter: new Date(NOW - 1) })]);
  });

  it('may be further ahead than a timer reaches', () => {
    const month = 31 * 24 * 3600 * 1000;
    const job = add({ startAfter: new Date(NOW + month) });
    vi.advanceTimersByTime(month - 1);
    expect(started).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(started).toEqual([job]);
  });

  it('keeps waiting when the clock is set back', () => {
    const job = add({ startAfter: new Date(NOW + 1000) });
    vi.setSystemTime(NOW - 3_600_000);
    vi.advanceTimersByTime(1000);
    expect(started).toEqual([]);
    vi.advanceTimersByTime(3_600_000);
    expect(started).toEqual([job]);
  });

  it('starts soon after the clock is set forward past it', () => {
    const job = add({ startAfter: new Date(NOW + 3_600_000) });
    vi.setSystemTime(NOW + 3_600_000);
    vi.advanceTimersByTime(15_000);
    expect(started).toEqual([job]);
  });

  it('leaves no timer in a queue that is closed, also when it is added afterwards', () => {
    const later = { startAfter: new Date(NOW + 1000) };
    add(later);
    queue.close();
    add(later);
    add();
    expect(vi.getTimerCount()).toBe(0);
    expect(started).toEqual([]);
  });

  it('counts as waiting, and can be removed', () => {
    queue.close();
    open({ maxWaiting: 1 });
    const job = add({ startAfter: new Date(NOW + 1000) });
    expect(() => queue.reserve('alice', 1)).toThrow('the queue is full (1 jobs are waiting)');
    expect(queue.remove(job.id)).toBe(true);
    vi.advanceTimersByTime(10_000);
    expect(started).toEqual([]);
  });
});

describe('what waiting jobs were given', () => {
  const full = { code: 'QUEUE_FULL' };

  it('is bounded in all, by what waits and by what is about to', () => {
    open({ maxWaitingBytes: 100 });
    // It runs.
    add({ stdinBytes: 1000 });
    const waits = add({ stdinBytes: 46 });
    const giveBack = queue.reserve('alice', 45);
    queue.reserve('bob', 5);
    expect(() => queue.reserve('alice', 1)).toThrow(
      expect.objectContaining({
        ...full,
        message: 'the queue is full (the jobs that wait were given 100 bytes of 100): try again later',
        details: { retryAfterMs: 5000 },
      }),
    );
    giveBack();
    giveBack();
    expect(() => queue.reserve('alice', 42)).toThrow(expect.objectContaining(full));
    queue.remove(waits.id);
    queue.reserve('alice', 85)();
  });

  it('counts no more once they start, and counts those for a later time', () => {
    open({ maxWaitingBytes: 100 });
    const first = add();
    add({ stdinBytes: 96 });
    expect(() => queue.reserve('alice', 1)).toThrow(expect.objectContaining(full));
    queue.release(first.id);
    queue.reserve('alice', 90)();
    const later = add({ stdinBytes: 96, startAfter: new Date(Date.now() + 3_600_000) });
    expect(() => queue.reserve('alice', 1)).toThrow(expect.objectContaining(full));
    queue.remove(later.id);
    queue.reserve('alice', 90)();
  });

  it('is command, environment and standard input', () => {
    const argv: [string, string] = ['ä', 'bc'];
    const job = make({ command: { kind: 'argv', argv }, env: [{ name: 'A', value: 'ö' }], stdinBytes: 7 });
    expect(job.payloadBytes).toBe(4 + 3 + 7);
  });
});
