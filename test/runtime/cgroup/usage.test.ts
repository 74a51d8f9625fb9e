/** Reading usage from cgroup files. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseUsage, readUsage, USAGE_FILES } from '../../../src/runtime/cgroup/usage.ts';
import { disposers } from '../../support/disposers.ts';
import { cgroup, describeCgroups, files, folder, sleeper } from './fixture.ts';

const onEnd = disposers();

const pressure = (some: number, full: number): string =>
  ['some', 'full']
    .map((kind) => `${kind} avg10=0.12 avg60=0.00 avg300=0.00 total=${kind === 'some' ? some : full}\n`)
    .join('');

const FULL = {
  'cpu.stat': [
    'usage_usec 1058829',
    'user_usec 436238',
    'system_usec 622591',
    'nice_usec 0',
    'nr_periods 12',
    'nr_throttled 3',
    'throttled_usec 4500',
    '',
  ].join('\n'),
  'memory.current': '4096\n',
  'memory.peak': '1048576\n',
  'memory.events': 'low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 1\n',
  'pids.peak': '5\n',
  'pids.events': 'max 3\n',
  'io.stat':
    '8:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=0 dios=0\n254:0 rbytes=100 wbytes=0 rios=1 wios=0 dbytes=9 dios=1\n',
  'cpu.pressure': pressure(11, 0),
  'memory.pressure': pressure(22, 21),
  'io.pressure': pressure(33, 31),
};
const NOTHING = {
  userTimeUs: null,
  systemTimeUs: null,
  memoryCurrentBytes: null,
  memoryPeakBytes: null,
  pidsPeak: null,
  ioReadBytes: null,
  ioWrittenBytes: null,
  ioReadOperations: null,
  ioWriteOperations: null,
  oomKills: null,
  forksRefused: null,
  throttledTimeUs: null,
  pressure: null,
};
const parse = (contents: Readonly<Record<string, string>>) => parseUsage(new Map(Object.entries(contents)));

describe('parseUsage', () => {
  it('reads what the kernel reports', () => {
    expect(parse(FULL)).toEqual({
      cpuTimeUs: 1058829,
      userTimeUs: 436238,
      systemTimeUs: 622591,
      memoryCurrentBytes: 4096,
      memoryPeakBytes: 1048576,
      pidsPeak: 4,
      ioReadBytes: 4196,
      ioWrittenBytes: 512,
      ioReadOperations: 2,
      ioWriteOperations: 1,
      oomKills: 1,
      forksRefused: 3,
      throttledTimeUs: 4500,
      pressure: {
        cpu: { someUs: 11, fullUs: 0 },
        memory: { someUs: 22, fullUs: 21 },
        io: { someUs: 33, fullUs: 31 },
      },
    });
  });

  it('knows only the CPU time where no controller counts', () => {
    expect(parse({ 'cpu.stat': 'usage_usec 7\n' })).toEqual({ cpuTimeUs: 7, ...NOTHING });
  });

  it('knows nothing without the CPU time', () => {
    expect(parse({})).toBeNull();
    expect(parse({ ...FULL, 'cpu.stat': '' })).toBeNull();
    expect(parse({ ...FULL, 'cpu.stat': 'usage_usec\n' })).toBeNull();
  });

  it('treats an empty or torn value as absent', () => {
    const torn = {
      'cpu.stat': 'usage_usec 7\nuser_',
      'memory.events': 'oom 1\noom_kil',
      'memory.peak': 'max\n',
    };
    expect(parse({ ...torn, 'pids.peak': '' })).toEqual({ cpuTimeUs: 7, ...NOTHING });
  });

  it('counts no input and output as zero, and an init that was killed at once as no process', () => {
    expect(parse({ ...FULL, 'io.stat': '', 'pids.peak': '0\n' })).toMatchObject({
      ioReadBytes: 0,
      ioWrittenBytes: 0,
      pidsPeak: 0,
    });
    expect(parse({ ...FULL, 'io.stat': '8:0 \n' })).toMatchObject({ ioReadBytes: 0, ioWrittenBytes: 0 });
  });
});

describe('readUsage', () => {
  it('reads every file, also those that only a live cgroup has', async () => {
    const usage = await readUsage(files(onEnd, FULL));
    expect(usage).toEqual(parse(FULL));
    expect(USAGE_FILES.every((file) => file in FULL)).toBe(true);
  });

  it('returns nothing for a cgroup that is gone', async () => {
    expect(await readUsage(join(folder(onEnd), 'gone'))).toBeNull();
  });
});

describeCgroups('readUsage of a real cgroup', () => {
  it('has the CPU time of what ran there', async () => {
    const path = cgroup(onEnd);
    await sleeper(onEnd, path);
    const usage = await readUsage(path);
    expect(usage?.cpuTimeUs).toBeGreaterThan(0);
    // Each is rounded by itself.
    const parts = (usage?.userTimeUs ?? 0) + (usage?.systemTimeUs ?? 0);
    expect(Math.abs((usage?.cpuTimeUs ?? 0) - parts)).toBeLessThanOrEqual(1);
  });
});
