/** Reads the usage of a job from the files of its cgroup. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoName } from '../../errno.ts';
import { isGone } from './files.ts';

/** What a job consumed. Times in microseconds, sizes in bytes; `null` where this host does not count it. */
export interface CgroupUsage {
  readonly cpuTimeUs: number;
  readonly userTimeUs: number | null;
  readonly systemTimeUs: number | null;
  /** Only of a live cgroup. */
  readonly memoryCurrentBytes: number | null;
  readonly memoryPeakBytes: number | null;
  /** Processes and threads that exist at once, the cell's init not counted. */
  readonly pidsPeak: number | null;
  readonly ioReadBytes: number | null;
  readonly ioWrittenBytes: number | null;
  readonly ioReadOperations: number | null;
  readonly ioWriteOperations: number | null;
  readonly oomKills: number | null;
  /** Forks and clones that pids.max refused. */
  readonly forksRefused: number | null;
  readonly throttledTimeUs: number | null;
  /** `null` where the kernel has no pressure stall information. */
  readonly pressure: Readonly<Record<(typeof PRESSURES)[number], CgroupPressure>> | null;
}

/** How long at least one process waited, and all of them at once (accounting/psi.rst), in microseconds. */
export interface CgroupPressure {
  readonly someUs: number;
  readonly fullUs: number;
}

const PRESSURES = ['cpu', 'memory', 'io'] as const;

/** Files of a cgroup that have the final usage of its job. */
export const USAGE_FILES = [
  'cpu.stat',
  'memory.peak',
  'memory.events',
  'pids.peak',
  'pids.events',
  'io.stat',
  ...PRESSURES.map((name) => `${name}.pressure` as const),
] as const;

const LIVE_FILES = [...USAGE_FILES, 'memory.current'];

/** The usage of a cgroup so far; `null` if it is gone. */
export const readUsage = async (path: string): Promise<CgroupUsage | null> => {
  const files = new Map<string, string>();
  const read = async (file: string): Promise<void> => {
    try {
      files.set(file, await readFile(join(path, file), 'utf8'));
    } catch (error) {
      // EOPNOTSUPP: io.stat of a kernel without these statistics, or pressure if measuring it is disabled.
      if (!isGone(error) && errnoName(error) !== 'EOPNOTSUPP') throw error;
    }
  };
  await Promise.all(LIVE_FILES.map(read));
  return parseUsage(files);
};

/** The number in a file of a cgroup; `null` where there is no such file. */
export const readNumber = async (path: string, file: string): Promise<number | null> => {
  try {
    return Number(await readFile(join(path, file), 'utf8'));
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
};

/**
 * Parses the files of a cgroup (formats: cgroup-v2.rst). A missing file or value is `null`.
 *
 * @param files contents by name
 * @returns `null` without cpu.stat, which every cgroup has
 */
export const parseUsage = (files: ReadonlyMap<string, string>): CgroupUsage | null => {
  const cpu = pairs(files.get('cpu.stat'));
  const cpuTimeUs = cpu('usage_usec');
  if (cpuTimeUs === null) return null;
  const pids = whole(files.get('pids.peak'));
  return {
    cpuTimeUs,
    userTimeUs: cpu('user_usec'),
    systemTimeUs: cpu('system_usec'),
    memoryCurrentBytes: whole(files.get('memory.current')),
    memoryPeakBytes: whole(files.get('memory.peak')),
    pidsPeak: pids === null ? null : Math.max(0, pids - 1),
    ioReadBytes: sum(files.get('io.stat'), 'rbytes'),
    ioWrittenBytes: sum(files.get('io.stat'), 'wbytes'),
    ioReadOperations: sum(files.get('io.stat'), 'rios'),
    ioWriteOperations: sum(files.get('io.stat'), 'wios'),
    oomKills: pairs(files.get('memory.events'))('oom_kill'),
    forksRefused: pairs(files.get('pids.events'))('max'),
    throttledTimeUs: cpu('throttled_usec'),
    pressure: pressures(files),
  };
};

const pressures = (files: ReadonlyMap<string, string>): CgroupUsage['pressure'] => {
  const [cpu, memory, io] = PRESSURES.map((name) => pressure(files.get(`${name}.pressure`)));
  return cpu === undefined || memory === undefined || io === undefined ? null : { cpu, memory, io };
};

/** Lines such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234`. */
const pressure = (text = ''): CgroupPressure | undefined => {
  const total = (kind: string): number | undefined => {
    const digits = new RegExp(`^${kind} .*total=(\\d+)$`, 'm').exec(text)?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const some = total('some');
  // That of the CPU has this line only since Linux 5.13.
  return some === undefined ? undefined : { someUs: some, fullUs: total('full') ?? 0 };
};

/**
 * A number from a file of a cgroup; `null` if it is missing.
 *
 * @param key of a line of a key and a number; `null` for a file that holds nothing but the number
 */
export const numberIn = (text: string | undefined, key: string | null): number | null =>
  key === null ? whole(text) : pairs(text)(key);

/** Looks up keys in lines of a key and a number. */
const pairs = (text = ''): ((key: string) => number | null) => {
  const lines = new Map(text.split('\n').map((line) => line.split(' ') as [string, string | undefined]));
  return (key) => whole(lines.get(key));
};

/** The sum of one key over the devices of io.stat: `8:0 rbytes=4096 wbytes=0 rios=1 ...`. */
const sum = (text: string | undefined, key: string): number | null => {
  if (text === undefined) return null;
  let total = 0;
  for (const [, digits] of text.matchAll(new RegExp(` ${key}=(\\d+)`, 'g'))) total += Number(digits);
  return total;
};

const whole = (text: string | undefined): number | null => {
  const digits = text?.trim() ?? '';
  return /^\d+$/.test(digits) ? Number(digits) : null;
};
