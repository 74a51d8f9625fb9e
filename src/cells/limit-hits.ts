/** Finds the limits that a job ran into, from its exit record and its cgroup files. */

import type { Evidence, LimitHit, Limits, Usage } from '../jobs/job.ts';
import { numberIn } from '../runtime/cgroup/index.ts';
import type { ExitRecord } from '../runtime/protocol/exit-record.ts';

/** Looks up a key of a cgroup's file: `undefined` when it is missing. */
type LookUp = (file: string, key: string | null) => Evidence | undefined;

/**
 * The limits that a job ran into; one that ended it comes first.
 *
 * @param usage what the record's cgroup files say
 */
export const limitHits = (record: ExitRecord, limits: Limits, usage: Usage | null): readonly LimitHit[] => {
  const find: LookUp = (file, key) => {
    const value = numberIn(record.files.get(file), key);
    return value === null ? undefined : { file, key, value };
  };
  const found = [
    timeout(record, limits),
    cpuTime(record, limits, usage, find),
    output(record, limits),
    memory(record, limits, usage, find),
    pids(limits, usage, find),
    memoryHigh(limits, usage, find),
    cpus(limits, find),
  ].filter((hit) => hit !== undefined);
  return found.sort((a, b) => Number(b.ended) - Number(a.ended));
};

const timeout = (
  { cause, durationNs: duration }: ExitRecord,
  { timeoutMs: value }: Limits,
): LimitHit | undefined =>
  cause === 'time'
    ? {
        limit: 'timeout',
        value,
        peak: Number(duration / 1_000_000n),
        unit: 'milliseconds',
        ended: true,
        evidence: [],
        message: `it ran longer than its limit of ${value} ms and was killed`,
      }
    : undefined;

const cpuTime = (
  { cause }: ExitRecord,
  { cpuTimeMs: value }: Limits,
  usage: Usage | null,
  find: LookUp,
): LimitHit | undefined =>
  cause === 'cputime'
    ? {
        limit: 'cpuTime',
        value,
        peak: usage === null ? null : usage.cpuTimeUs / 1000,
        unit: 'milliseconds',
        ended: true,
        evidence: present([find('cpu.stat', 'usage_usec')]),
        message: `it used more CPU time than its limit of ${value} ms and was killed`,
      }
    : undefined;

const output = (record: ExitRecord, { outputBytes: value }: Limits): LimitHit | undefined => {
  const written = record.keptBytes + record.droppedBytes;
  const ended = record.cause === 'output';
  // Output lost to a full disk is not beyond the limit.
  if (!ended && written <= value) return undefined;
  return {
    limit: 'output',
    value,
    peak: written,
    unit: 'bytes',
    ended,
    evidence: [],
    message: ended
      ? `it wrote more than its output limit of ${value} bytes and was killed`
      : `it wrote ${written} bytes, more than its output limit of ${value} bytes: ${record.droppedBytes} in the middle were dropped`,
  };
};

const memory = (
  record: ExitRecord,
  { memoryBytes: value }: Limits,
  usage: Usage | null,
  find: LookUp,
): LimitHit | undefined => {
  if ((usage?.oomKills ?? 0) === 0) return undefined;
  // The kernel kills the whole cell (memory.oom.group): a command that ended otherwise was not killed for memory.
  const ended = record.cause === 'none' && record.termination?.kind !== 'exited';
  const peak = usage?.memoryPeakBytes ?? null;
  const evidence = present([
    find('memory.events', 'oom_kill'),
    find('memory.events', 'oom'),
    find('memory.events', 'max'),
    find('memory.peak', null),
  ]);
  const seen = peak === null ? '' : ` (peak ${peak} bytes)`;
  // `oom` counts in the cgroup whose limit was reached, `oom_kill` in that of the killed processes (cgroup-v2.rst).
  if (value === null || find('memory.events', 'oom')?.value === 0)
    return {
      limit: 'ceiling',
      value: null,
      peak,
      unit: 'bytes',
      ended,
      evidence,
      message: `it was killed because all jobs together, or the machine, had no memory left${seen}: its own limit was not reached`,
    };
  return {
    limit: 'memory',
    value,
    peak,
    unit: 'bytes',
    ended,
    evidence,
    message: `it exceeded its memory limit of ${value} bytes and was killed${seen}`,
  };
};

const pids = ({ pids: value }: Limits, usage: Usage | null, find: LookUp): LimitHit | undefined => {
  const refused = find('pids.events', 'max');
  if (value === null || refused === undefined || refused.value === 0) return undefined;
  return {
    limit: 'pids',
    value,
    peak: usage?.pidsPeak ?? null,
    unit: 'processes',
    ended: false,
    evidence: present([refused, find('pids.peak', null)]),
    message: `it could not create a process or thread beyond its limit of ${value}, ${times(refused.value)}`,
  };
};

const memoryHigh = (
  { memoryHighBytes: value }: Limits,
  usage: Usage | null,
  find: LookUp,
): LimitHit | undefined => {
  const slowed = find('memory.events', 'high');
  if (value === null || slowed === undefined || slowed.value === 0) return undefined;
  return {
    limit: 'memoryHigh',
    value,
    peak: usage?.memoryPeakBytes ?? null,
    unit: 'bytes',
    ended: false,
    evidence: present([slowed, find('memory.peak', null)]),
    message: `it used more memory than its soft limit of ${value} bytes and was throttled, ${times(slowed.value)}`,
  };
};

const cpus = ({ cpus: value }: Limits, find: LookUp): LimitHit | undefined => {
  const throttled = find('cpu.stat', 'throttled_usec');
  if (value === null || throttled === undefined || throttled.value === 0) return undefined;
  return {
    limit: 'cpus',
    value,
    peak: null,
    unit: 'CPUs',
    ended: false,
    evidence: present([find('cpu.stat', 'nr_throttled'), throttled]),
    message: `its limit of ${value} CPUs throttled it for ${Math.round(throttled.value / 1000)} ms in total`,
  };
};

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

const present = (evidence: readonly (Evidence | undefined)[]): readonly Evidence[] =>
  evidence.filter((found) => found !== undefined);
