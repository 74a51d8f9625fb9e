/** Which limits a job ran into, from records and cgroup files. */

import { describe, expect, it } from 'vitest';
import { limitHits } from '../../src/cells/limit-hits.ts';
import { parseUsage } from '../../src/runtime/cgroup/index.ts';
import type { ExitRecord } from '../../src/runtime/protocol/exit-record.ts';
import { spec } from '../store/fixture.ts';

const record = (change: Partial<ExitRecord>, files: Readonly<Record<string, string>> = {}): ExitRecord => ({
  executed: true,
  startedNs: 0n,
  finishedNs: 0n,
  durationNs: 2_000_000_000n,
  cause: 'none',
  termination: { kind: 'signaled', signal: 'SIGKILL' },
  failure: null,
  keptBytes: 0,
  droppedBytes: 0,
  input: null,
  files: new Map(Object.entries({ 'cpu.stat': 'usage_usec 7000\n', ...files })),
  artifacts: [],
  note: null,
  ...change,
});

const hits = (one: ExitRecord, limits = spec.limits) => limitHits(one, limits, parseUsage(one.files));

describe('the limits that a job ran into', () => {
  it('are none where nothing indicates one', () => {
    expect(hits(record({}))).toEqual([]);
    const calm = { 'memory.events': 'high 0\nmax 3\noom 0\noom_kill 0\n', 'pids.events': 'max 0\n' };
    expect(hits(record({}, calm))).toEqual([]);
  });

  it('are recognized by oom_kill, with the numbers that show it', () => {
    const files = { 'memory.events': 'high 0\nmax 9\noom 2\noom_kill 1\n', 'memory.peak': '4096\n' };
    expect(hits(record({}, files))).toEqual([
      {
        limit: 'memory',
        value: 4096,
        peak: 4096,
        unit: 'bytes',
        ended: true,
        evidence: [
          { file: 'memory.events', key: 'oom_kill', value: 1 },
          { file: 'memory.events', key: 'oom', value: 2 },
          { file: 'memory.events', key: 'max', value: 9 },
          { file: 'memory.peak', key: null, value: 4096 },
        ],
        message: 'it exceeded its memory limit of 4096 bytes and was killed (peak 4096 bytes)',
      },
    ]);
  });

  it('are not its own when the memory for all jobs ran out', () => {
    const files = { 'memory.events': 'max 0\noom 0\noom_kill 1\n', 'memory.peak': '100\n' };
    expect(hits(record({}, files))).toMatchObject([
      {
        limit: 'ceiling',
        value: null,
        peak: 100,
        ended: true,
        message: expect.stringContaining('all jobs together'),
      },
    ]);
  });

  it('did not end it when its command outlived them', () => {
    const files = { 'memory.events': 'oom 1\noom_kill 1\n' };
    expect(hits(record({ termination: { kind: 'exited', code: 1 } }, files))).toMatchObject([
      { limit: 'memory', ended: false },
    ]);
  });

  it('begin with the one that ended it', () => {
    const files = {
      'cpu.stat': 'usage_usec 7000\nnr_throttled 3\nthrottled_usec 1500000\n',
      'pids.events': 'max 5\n',
      'pids.peak': '11\n',
    };
    const found = hits(record({ cause: 'time' }, files));
    expect(found.map(({ limit, ended }) => [limit, ended])).toEqual([
      ['timeout', true],
      ['pids', false],
      ['cpus', false],
    ]);
    expect(found[0]).toMatchObject({ value: 1000, peak: 2000 });
    expect(found[1]).toMatchObject({
      peak: 10,
      message: 'it could not create a process or thread beyond its limit of 10, 5 times',
    });
    expect(found[2]?.message).toBe('its limit of 1 CPUs throttled it for 1500 ms in total');
  });

  it('are not the output of a job whose disk was full', () => {
    expect(hits(record({ keptBytes: 10, droppedBytes: 90 }))).toEqual([]);
    expect(hits(record({ keptBytes: 900, droppedBytes: 101 }))).toMatchObject([
      { limit: 'output', ended: false },
    ]);
  });

  it('include memory.high only where it was set', () => {
    const files = { 'memory.events': 'high 4\noom 0\noom_kill 0\n' };
    expect(hits(record({}, files))).toEqual([]);
    expect(hits(record({}, files), { ...spec.limits, memoryHighBytes: 2048 })).toMatchObject([
      { limit: 'memoryHigh', value: 2048, ended: false },
    ]);
  });
});
