/** Limits as values of cgroup files. */

import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { findPageSize, pageSize } from '../../../src/runtime/cgroup/page-size.ts';
import {
  type CgroupLimits,
  cgroupSettings,
  missingController,
} from '../../../src/runtime/cgroup/settings.ts';

const ALL = ['cpu', 'cpuset', 'io', 'memory', 'pids'] as const;
const NONE: CgroupLimits = {
  cpus: null,
  cpuWeight: null,
  cpuset: null,
  memoryBytes: null,
  memoryHighBytes: null,
  swapBytes: null,
  pids: null,
  io: [],
};
const lines = (limits: Partial<CgroupLimits>) =>
  cgroupSettings({ ...NONE, ...limits }, ALL).map(
    ({ file, value, optional }) => `${file}=${value}${optional ? '?' : ''}`,
  );

describe('cgroupSettings', () => {
  it('bounds a job in all that cgroups can bound', () => {
    expect(lines({ cpus: 1, memoryBytes: 512 * 1024 ** 2, swapBytes: 0, pids: 256 })).toEqual([
      'memory.max=536870912',
      'memory.oom.group=1',
      'memory.swap.max=0?',
      'pids.max=257',
      'cpu.max=100000 100000',
    ]);
  });

  it('sets weights, CPUs and rates', () => {
    const rates = { readBps: 1_000_000, writeBps: null, readIops: null, writeIops: 7 };
    expect(
      lines({
        cpuWeight: 7,
        cpuset: '0-2,7',
        memoryHighBytes: 10 * pageSize() + 1,
        io: [{ device: '8:0', ...rates }],
      }),
    ).toEqual([
      `memory.high=${10 * pageSize()}`,
      'cpu.weight=7',
      'cpuset.cpus=0-2,7',
      'io.max=8:0 rbps=1000000 wbps=max riops=max wiops=7',
    ]);
  });

  it('writes nothing for what is not bounded', () => {
    expect(lines({})).toEqual([]);
    expect(cgroupSettings(NONE, [])).toEqual([]);
  });

  it('counts memory and swap in whole pages, as the kernel does', () => {
    const page = pageSize();
    expect(lines({ memoryBytes: 100 * page - 1, swapBytes: 7 * page + 1 })).toEqual([
      `memory.max=${99 * page}`,
      'memory.oom.group=1',
      `memory.swap.max=${7 * page}?`,
    ]);
  });

  it('gives every share of a CPU that the kernel accepts', () => {
    const shares = [0.5, 0.01, 0.001, 1 / 3, 1.5, 1024].map((cpus) => lines({ cpus })[0]);
    expect(shares).toEqual([
      'cpu.max=50000 100000',
      'cpu.max=1000 100000',
      'cpu.max=1000 100000',
      'cpu.max=33333 100000',
      'cpu.max=150000 100000',
      'cpu.max=102400000 100000',
    ]);
  });

  it('lets a job have a process in addition to the init of its cell, up to the most that the kernel takes', () => {
    expect(lines({ pids: 1 })).toEqual(['pids.max=2']);
    expect(lines({ pids: 4_194_304 })).toEqual(['pids.max=4194304']);
  });

  it.each([
    ['cpus', ['memory', 'pids'], 'limits.cpus: this host has no cgroup controller "cpu"'],
    ['memoryBytes', ['cpu', 'pids'], 'limits.memory: this host has no cgroup controller "memory"'],
    ['swapBytes', ['cpu', 'pids'], 'limits.swap: this host has no cgroup controller "memory"'],
    ['pids', ['cpu', 'memory'], 'limits.pids: this host has no cgroup controller "pids"'],
  ] as const)('never drops %s silently', (name, controllers, message) => {
    expect(() => cgroupSettings({ ...NONE, [name]: 1 }, controllers)).toThrow(message);
  });

  it('never drops the traffic of a disk silently', () => {
    const io = [{ device: '8:0', readBps: 1, writeBps: null, readIops: null, writeIops: null }];
    expect(() => cgroupSettings({ ...NONE, io }, ['cpu'])).toThrow(
      'limits.io: this host has no cgroup controller "io"',
    );
  });
});

describe('missingController', () => {
  const obstacles = new Map([['memory', { reason: 'it is bound to v1', remedy: 'boot' }]] as const);

  it('names the controller with reason and remedy', () => {
    const missing = { controller: 'memory', reason: 'it is bound to v1', remedy: 'boot' };
    expect(missingController('memoryBytes', { controllers: ['cpu'], obstacles })).toEqual(missing);
    expect(missingController('swapBytes', { controllers: ['cpu'], obstacles })).toEqual(missing);
  });

  it('finds none missing for a limit that can be enforced', () => {
    expect(missingController('cpus', { controllers: ['cpu'], obstacles })).toBeUndefined();
  });
});

describe('pageSize', () => {
  it('is that of getconf(1)', () => {
    expect(pageSize()).toBe(Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })));
  });

  it('is read from the auxiliary vector, or an error', () => {
    const vector = Buffer.from(new BigUint64Array([33n, 1n, 6n, 65536n, 0n, 0n]).buffer);
    expect(findPageSize(vector)).toBe(65536);
    expect(() => findPageSize(vector.subarray(0, 16))).toThrow('it has no page size');
  });
});
