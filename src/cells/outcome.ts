/** Turns an exit record into the final state of a job. */

import type { ArtifactError, ArtifactResult } from '../jobs/artifact.ts';
import type { FinalState, LimitHit, LimitKind, Limits, Termination, Usage } from '../jobs/job.ts';
import { explainFailure } from '../runtime/launch-failure.ts';
import type { ArtifactRecord, ArtifactStatus, ExitRecord } from '../runtime/protocol/exit-record.ts';
import { limitHits } from './limit-hits.ts';

/**
 * The final state of a job, from its exit record.
 *
 * @param usage what the record's cgroup files say
 */
export const outcome = (record: ExitRecord, limits: Limits, usage: Usage | null): FinalState => {
  const finishedAt = toDate(record.executed ? record.startedNs + record.durationNs : record.finishedNs);
  if (!record.executed) return neverRan(record, limits, usage, finishedAt);
  const hits = limitHits(record, limits, usage);
  const ran = {
    startedAt: toDate(record.startedNs),
    finishedAt,
    termination: record.termination ?? KILLED,
    usage,
    hits,
    output: { keptBytes: record.keptBytes, droppedBytes: record.droppedBytes },
    input: record.input,
    artifacts: record.artifacts.map(artifactResult),
  };
  if (record.cause === 'stop') return { status: 'STOPPED', ...ran, error: null };
  const [first] = hits;
  if (first?.ended !== true) return { status: 'COMPLETED', ...ran };
  return { status: 'LIMIT_EXCEEDED', limit: kindOf(first), error: first.message, ...ran };
};

const ARTIFACT_ERRORS: Readonly<Record<Exclude<ArtifactStatus, 'taken'>, ArtifactError>> = {
  unfinished: 'UNREADABLE',
  missing: 'MISSING',
  kind: 'NOT_A_FILE',
  size: 'TOO_LARGE',
  entries: 'TOO_MANY_ENTRIES',
  depth: 'TOO_DEEP',
  time: 'TOO_SLOW',
  disk: 'DISK_FULL',
  unreadable: 'UNREADABLE',
};

const artifactResult = ({ status, folder, ...taken }: ArtifactRecord): ArtifactResult =>
  status === 'taken' ? { kind: folder ? 'ARCHIVE' : 'FILE', ...taken } : { error: ARTIFACT_ERRORS[status] };

/** Milliseconds of a wall clock in nanoseconds. */
const toDate = (nanoseconds: bigint): Date => new Date(Number(nanoseconds / 1_000_000n));

const KILLED: Termination = { kind: 'signaled', signal: 'SIGKILL' };

const neverRan = (record: ExitRecord, limits: Limits, usage: Usage | null, finishedAt: Date): FinalState => {
  if (record.cause === 'stop')
    return {
      status: 'STOPPED',
      startedAt: null,
      finishedAt,
      termination: null,
      usage: null,
      hits: [],
      output: null,
      input: null,
      artifacts: [],
      error: null,
    };
  return { status: 'FAILED', finishedAt, error: whyNot(record, limits, usage) };
};

const whyNot = (record: ExitRecord, limits: Limits, usage: Usage | null): string => {
  if ((usage?.oomKills ?? 0) > 0)
    return `the memory limit of ${limits.memoryBytes} bytes is too small to start the command`;
  if (record.failure !== null) return explainFailure(record.failure);
  return 'the cell was killed before its command could start';
};

const kindOf = ({ limit }: LimitHit): LimitKind => {
  switch (limit) {
    case 'timeout':
      return 'TIME';
    case 'cpuTime':
      return 'CPU_TIME';
    case 'output':
      return 'OUTPUT';
    default:
      return 'MEMORY';
  }
};
