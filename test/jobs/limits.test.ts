/** How the limits of a request are checked. */

import { describe, expect, it } from 'vitest';
import { checkLimits } from '../../src/jobs/limits.ts';
import type { LimitsContext } from '../../src/jobs/offer.ts';
import type { LimitsRequest } from '../../src/jobs/service.ts';
import { wholePages } from '../../src/runtime/cgroup/index.ts';
import { withoutUnit } from '../../src/units.ts';
import { limitsContext, NO_MAXIMA } from '../support/limits.ts';

const MIB = 1024 ** 2;

const context = limitsContext({
  wholePages,
  disk: (device) => {
    if (device === undefined || device === '/dev/sda1' || device === '8:0') return { device: '8:0' };
    return { problem: 'no disk' };
  },
});

const check = (asked: LimitsRequest, change: Partial<LimitsContext> = {}) =>
  checkLimits(asked, { ...context, ...change });

describe('limits', () => {
  it('that nobody asked for are the defaults, or none', () => {
    expect(check({})).toEqual({
      cpus: 1,
      cpuWeight: null,
      cpuset: null,
      cpuTimeMs: null,
      memoryBytes: 512 * MIB,
      memoryHighBytes: null,
      swapBytes: 0,
      pids: 256,
      diskBytes: MIB,
      inodes: null,
      io: [],
      timeoutMs: 60_000,
      outputBytes: MIB,
      outputPolicy: 'KILL',
    });
  });

  it('are taken as requested, in the form in which the kernel reports them', () => {
    const io = { readBps: 1000, writeIops: 5 };
    expect(
      check({
        cpuWeight: 10_000,
        cpuset: '3, 1,0',
        cpuTimeMs: 5,
        memoryBytes: 8 * MIB + 1,
        memoryHighBytes: 5 * MIB + 1,
        inodes: 100,
        io: [io],
        outputPolicy: 'TRUNCATE',
      }),
    ).toMatchObject({
      cpuWeight: 10_000,
      cpuset: '0-1,3',
      cpuTimeMs: 5,
      memoryBytes: 8 * MIB,
      memoryHighBytes: 5 * MIB,
      inodes: 100,
      io: [{ device: '8:0', readBps: 1000, writeBps: null, readIops: null, writeIops: 5 }],
      outputPolicy: 'TRUNCATE',
    });
  });

  it.each<[LimitsRequest, string]>([
    [{ cpus: 0.001 }, 'input.limits.cpus: expected from 0.01 to 1024 CPUs, got 0.001'],
    [{ cpuWeight: 0 }, 'input.limits.cpuWeight: expected from 1 to 10000 shares'],
    [{ cpuWeight: 10_001 }, 'input.limits.cpuWeight'],
    [{ cpuTimeMs: 0 }, 'input.limits.cpuTime: expected from 1 to'],
    [{ memoryBytes: 4095 }, 'input.limits.memory: expected from'],
    [{ memoryHighBytes: 1 }, 'input.limits.memoryHigh: expected from'],
    [
      { memoryBytes: 8 * MIB, memoryHighBytes: 9 * MIB },
      `input.limits.memoryHigh: expected at most the limit of memory, ${8 * MIB} bytes, got ${9 * MIB}`,
    ],
    [{ inodes: 15 }, 'input.limits.inodes: expected from 16 to'],
    [{ cpuset: '' }, 'input.limits.cpuset: expected a list of CPUs such as "0-2,7" out of 0-3, got ""'],
    [{ cpuset: '4' }, 'got "4"'],
    [{ cpuset: '2-1' }, 'got "2-1"'],
    [{ cpuset: '0-9999999' }, 'got "0-9999999"'],
    [{ io: [{}] }, 'input.limits.io[0]: expected at least one of readBps, writeBps, readIops and writeIops'],
    [{ io: [{ readBps: 0 }] }, 'input.limits.io[0].readBps: expected from 1 to'],
    [{ io: [{ readBps: 1, device: 'sda' }] }, 'input.limits.io[0].device: expected a disk by its path'],
    [{ io: [{ readBps: 1, device: '/dev/../etc/passwd' }] }, 'input.limits.io[0].device: expected a disk'],
    [{ io: [{ readBps: 1, device: '/dev/nosuch' }] }, 'got "/dev/nosuch"'],
    [
      { io: [{ readBps: 1 }, { readBps: 1, device: '/dev/sda1' }] },
      'input.limits.io[1].device: expected unique disks, got "/dev/sda1"',
    ],
  ])('%j are refused', (asked, message) => {
    expect(() => check(asked)).toThrow(message);
  });

  it('that this host cannot enforce are absent, or refused where they were asked for', () => {
    const without = {
      missing: (limit: string) =>
        limit === 'diskBytes' ? undefined : `no controller for ${withoutUnit(limit)}`,
    };
    const absent = { cpus: null, memoryBytes: null, swapBytes: null, pids: null, io: [] };
    expect(check({}, without)).toMatchObject(absent);
    expect(check({ io: [] }, without)).toMatchObject(absent);
    for (const asked of [
      { cpus: 1 },
      { cpuWeight: 1 },
      { cpuset: '0' },
      { cpuTimeMs: 1000 },
      { memoryBytes: 8 * MIB },
      { memoryHighBytes: 8 * MIB },
      { swapBytes: 0 },
      { pids: 1 },
      { io: [{ readBps: 1 }] },
    ]) {
      const name = withoutUnit(Object.keys(asked)[0] ?? '');
      expect(() => check(asked, without)).toThrow(
        `input.limits.${name}: this server cannot enforce it: no controller for ${name}`,
      );
    }
  });

  it('of a default disk that cannot be determined are not the mistake of the caller', () => {
    const disk = () => ({ problem: 'it lies on no disk' });
    expect(() => check({ io: [{ readBps: 1 }] }, { disk })).toThrow(
      'input.limits.io[0].device: this server cannot enforce it: it lies on no disk: specify a disk',
    );
  });

  it('go up to the maximum of the server, and so do its defaults', () => {
    const maxima = { ...NO_MAXIMA, memoryBytes: 100 * MIB, timeoutMs: 1000, cpus: 0.5 };
    expect(check({}, { maxima })).toMatchObject({
      memoryBytes: 100 * MIB,
      timeoutMs: 1000,
      cpus: 0.5,
      pids: 256,
    });
    expect(check({ memoryBytes: 100 * MIB }, { maxima }).memoryBytes).toBe(100 * MIB);
    expect(() => check({ timeoutMs: 1001 }, { maxima })).toThrow(
      'input.limits.timeout: expected at most 1000 milliseconds, the maximum of this server, got 1001',
    );
    expect(() => check({ cpus: 0.6 }, { maxima })).toThrow('input.limits.cpus: expected at most 0.5 CPUs');
  });

  it('never exceed what all jobs may have together', () => {
    const capacity = { memoryBytes: 10 * MIB, cpus: null };
    expect(() => check({ memoryBytes: 11 * MIB }, { capacity })).toThrow(
      'the capacity of this server for all jobs together',
    );
  });
});
