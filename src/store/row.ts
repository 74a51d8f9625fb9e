/** Jobs as rows of the database, and back. */

import type {
  Account,
  Job,
  JobState,
  JobStatus,
  LimitHit,
  LimitKind,
  Termination,
  WrittenInput,
} from '../jobs/job.ts';
import { payloadId } from './payloads.ts';
import {
  loadArtifacts,
  loadOutput,
  loadSpec,
  loadUsage,
  storeArtifacts,
  storeOutput,
  storeSpec,
  storeUsage,
} from './stored.ts';

/** A row of the table `jobs`, as SQLite returns it. Times are milliseconds since 1970. */
export interface JobRow {
  readonly id: string;
  readonly owner: string;
  readonly created_at: number;
  readonly name: string | null;
  readonly image: string;
  /** JSON of the spec. */
  readonly spec: string;
  readonly status: JobStatus;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly limit_exceeded: LimitKind | null;
  readonly error: string | null;
  /** The `error` of a job that is STOPPED, which `error` cannot hold. */
  readonly stop_error: string | null;
  /** JSON of the usage. */
  readonly usage: string | null;
  readonly paused_at: number | null;
  /** JSON of how much output there was, and of the limits that were hit; `null` for none. */
  readonly output: string | null;
  readonly limits_hit: string | null;
  /** JSON of what clients have written to its standard input; `null` for none. */
  readonly input: string | null;
  /** JSON of what became of its artifacts; `null` for none. */
  readonly artifacts: string | null;
  readonly pinned: 0 | 1;
  readonly retried_by: string | null;
  /** The id of the row of `payloads` that has its command, its environment or both. */
  readonly payload_id: string | null;
}

const EVERY_COLUMN: Record<keyof JobRow, true> = {
  id: true,
  owner: true,
  created_at: true,
  name: true,
  image: true,
  spec: true,
  status: true,
  started_at: true,
  finished_at: true,
  exit_code: true,
  signal: true,
  limit_exceeded: true,
  error: true,
  stop_error: true,
  usage: true,
  paused_at: true,
  output: true,
  limits_hit: true,
  input: true,
  artifacts: true,
  pinned: true,
  retried_by: true,
  payload_id: true,
};

/** The names of the columns; the table has one more, which SQLite computes. */
export const COLUMNS: readonly string[] = Object.keys(EVERY_COLUMN);

/** The columns that a state fills. */
export type StateColumns = Omit<
  JobRow,
  'id' | 'owner' | 'created_at' | 'name' | 'image' | 'spec' | 'pinned' | 'retried_by' | 'payload_id'
>;

/** A job as a row, without the column that SQLite computes. */
export const toRow = (job: Job): JobRow => ({
  id: job.id,
  owner: job.owner,
  created_at: job.createdAt.getTime(),
  name: job.spec.name,
  image: job.spec.image,
  spec: storeSpec(job.spec),
  pinned: job.pinned ? 1 : 0,
  retried_by: job.retriedBy,
  payload_id: payloadId(job),
  ...toColumns(job.state),
});

/** A state as the columns of a row; those that it does not fill are `null`. */
export const toColumns = (state: JobState): StateColumns => {
  const termination = 'termination' in state ? state.termination : null;
  return {
    status: state.status,
    started_at: 'startedAt' in state ? (state.startedAt?.getTime() ?? null) : null,
    finished_at: 'finishedAt' in state ? state.finishedAt.getTime() : null,
    exit_code: termination?.kind === 'exited' ? termination.code : null,
    signal: termination?.kind === 'signaled' ? termination.signal : null,
    limit_exceeded: 'limit' in state ? state.limit : null,
    error: 'error' in state && state.status !== 'STOPPED' ? state.error : null,
    stop_error: state.status === 'STOPPED' ? state.error : null,
    usage: 'usage' in state ? state.usage && storeUsage(state.usage) : null,
    paused_at: 'pausedAt' in state ? (state.pausedAt?.getTime() ?? null) : null,
    output: 'output' in state ? state.output && storeOutput(state.output) : null,
    limits_hit: 'hits' in state && state.hits.length > 0 ? JSON.stringify(state.hits) : null,
    input: 'input' in state && state.input !== null ? JSON.stringify(state.input) : null,
    artifacts: 'artifacts' in state && state.artifacts.length > 0 ? storeArtifacts(state.artifacts) : null,
  };
};

/**
 * The job of a row.
 *
 * @throws Error if the row is not a valid state: another program changed the database
 */
export const fromRow = (row: JobRow): Job => ({
  id: row.id,
  owner: row.owner,
  createdAt: new Date(row.created_at),
  spec: loadSpec(row.spec),
  pinned: row.pinned === 1,
  retriedBy: row.retried_by,
  state: toState(row),
});

/** Parses what `toColumns` wrote. */
const toAccount = ({ usage, output, limits_hit: hits, input, artifacts }: JobRow): Account => ({
  usage: usage === null ? null : loadUsage(usage),
  hits: hits === null ? [] : (JSON.parse(hits) as LimitHit[]),
  output: output === null ? null : loadOutput(output),
  input: input === null ? null : (JSON.parse(input) as WrittenInput),
  artifacts: artifacts === null ? [] : loadArtifacts(artifacts),
});

const toState = (row: JobRow): JobState => {
  const need = <T>(value: T | null, column: keyof JobRow): T => {
    if (value === null) throw new Error(`job ${row.id}: state ${row.status} without ${column}`);
    return value;
  };
  const startedAt = (): Date => new Date(need(row.started_at, 'started_at'));
  const finishedAt = (): Date => new Date(need(row.finished_at, 'finished_at'));
  switch (row.status) {
    case 'QUEUED':
      return { status: row.status };
    case 'RUNNING':
      return {
        status: row.status,
        startedAt: startedAt(),
        pausedAt: row.paused_at === null ? null : new Date(row.paused_at),
      };
    case 'COMPLETED':
      return {
        status: row.status,
        startedAt: startedAt(),
        finishedAt: finishedAt(),
        termination: need(toTermination(row), 'exit_code'),
        ...toAccount(row),
      };
    case 'STOPPED':
      return {
        status: row.status,
        startedAt: row.started_at === null ? null : startedAt(),
        finishedAt: finishedAt(),
        termination: toTermination(row),
        ...toAccount(row),
        error: row.stop_error,
      };
    case 'LIMIT_EXCEEDED':
      return {
        status: row.status,
        limit: need(row.limit_exceeded, 'limit_exceeded'),
        startedAt: startedAt(),
        finishedAt: finishedAt(),
        termination: need(toTermination(row), 'exit_code'),
        ...toAccount(row),
        error: need(row.error, 'error'),
      };
    case 'LOST':
      return {
        status: row.status,
        startedAt: startedAt(),
        finishedAt: finishedAt(),
        error: need(row.error, 'error'),
      };
    case 'FAILED':
      return { status: row.status, finishedAt: finishedAt(), error: need(row.error, 'error') };
  }
};

const toTermination = (row: JobRow): Termination | null => {
  if (row.exit_code !== null) return { kind: 'exited', code: row.exit_code };
  if (row.signal !== null) return { kind: 'signaled', signal: row.signal };
  return null;
};
