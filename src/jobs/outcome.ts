import type { ExitRecord } from '../runtime/exit-record.ts';
import { explainFailure } from '../runtime/launch-failure.ts';
import type { JobState, LimitKind, Limits, Termination, Usage } from '../store/job.ts';

/** A state that a job stays in. */
export type FinalState = Exclude<JobState, { status: 'QUEUED' | 'RUNNING' }>;

/**
 * What an exit record says of the job: the state it has ended in.
 *
 * @param usage what the record's cgroup files say
 */
export const outcome = (record: ExitRecord, limits: Limits, usage: Usage | null): FinalState => {
  const finishedAt = toDate(record.executed ? record.started + record.duration : record.finished);
  if (!record.executed) return neverRan(record, limits, usage, finishedAt);
  const ran = {
    startedAt: toDate(record.started),
    finishedAt,
    termination: record.termination ?? KILLED,
    usage,
  };
  switch (record.cause) {
    case 'stop':
      return { status: 'STOPPED', ...ran };
    case 'time':
      return { status: 'LIMIT_EXCEEDED', limit: 'TIME', error: limitText('TIME', limits, usage), ...ran };
    case 'output':
      return { status: 'LIMIT_EXCEEDED', limit: 'OUTPUT', error: limitText('OUTPUT', limits, usage), ...ran };
    case 'none':
      // The kernel kills the whole cell (memory.oom.group), so a command that ended otherwise has outlived it.
      if ((usage?.oomKills ?? 0) > 0 && ran.termination.kind === 'signaled')
        return {
          status: 'LIMIT_EXCEEDED',
          limit: 'MEMORY',
          error: limitText('MEMORY', limits, usage),
          ...ran,
        };
      return { status: 'COMPLETED', ...ran };
  }
};

/** Milliseconds of a wall clock in nanoseconds. */
const toDate = (nanoseconds: bigint): Date => new Date(Number(nanoseconds / 1_000_000n));

const KILLED: Termination = { kind: 'signaled', signal: 'SIGKILL' };

const neverRan = (record: ExitRecord, limits: Limits, usage: Usage | null, finishedAt: Date): FinalState => {
  if (record.cause === 'stop')
    return { status: 'STOPPED', startedAt: null, finishedAt, termination: null, usage: null };
  return { status: 'FAILED', finishedAt, error: whyNot(record, limits, usage) };
};

const whyNot = (record: ExitRecord, limits: Limits, usage: Usage | null): string => {
  if ((usage?.oomKills ?? 0) > 0)
    return `the memory limit of ${limits.memory} bytes is too small to start the command`;
  if (record.failure !== null) return explainFailure(record.failure);
  return 'the cell was killed before its command could start';
};

const limitText = (kind: LimitKind, limits: Limits, usage: Usage | null): string => {
  switch (kind) {
    case 'TIME':
      return `it ran longer than its limit of ${limits.timeout} ms and was killed`;
    case 'OUTPUT':
      return `it wrote more than its output limit of ${limits.output} bytes and was killed`;
    case 'MEMORY': {
      const peak = usage?.memoryPeak ?? null;
      const seen = peak === null ? '' : ` (peak ${peak} bytes)`;
      return `it needed more than its memory limit of ${limits.memory} bytes and was killed${seen}`;
    }
  }
};
