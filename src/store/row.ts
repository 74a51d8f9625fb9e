import type { Job, JobSpec, JobState, JobStatus, LimitKind, Termination, Usage } from './job.ts';

/** A row of the table `jobs`, as SQLite gives it. Times are milliseconds since 1970. */
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
  /** JSON of the usage. */
  readonly usage: string | null;
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
  usage: true,
};

/** The columns of a row, by name; the table has one more, which SQLite computes. */
export const COLUMNS: readonly string[] = Object.keys(EVERY_COLUMN);

/** The columns that a state fills. */
export type StateColumns = Pick<
  JobRow,
  'status' | 'started_at' | 'finished_at' | 'exit_code' | 'signal' | 'limit_exceeded' | 'error' | 'usage'
>;

export const toRow = (job: Job): JobRow => ({
  id: job.id,
  owner: job.owner,
  created_at: job.createdAt.getTime(),
  name: job.spec.name,
  image: job.spec.image,
  spec: JSON.stringify(job.spec),
  ...toColumns(job.state),
});

export const toColumns = (state: JobState): StateColumns => {
  const termination = 'termination' in state ? state.termination : null;
  return {
    status: state.status,
    started_at: 'startedAt' in state ? (state.startedAt?.getTime() ?? null) : null,
    finished_at: 'finishedAt' in state ? state.finishedAt.getTime() : null,
    exit_code: termination?.kind === 'exited' ? termination.code : null,
    signal: termination?.kind === 'signaled' ? termination.signal : null,
    limit_exceeded: 'limit' in state ? state.limit : null,
    error: 'error' in state ? state.error : null,
    usage: 'usage' in state && state.usage !== null ? JSON.stringify(state.usage) : null,
  };
};

const LATER_FIELDS = { priority: 0, startAfter: null, capabilities: 'NONE' } as const;

/** @throws Error when the row holds what no state has: the database was changed by other hands */
export const fromRow = (row: JobRow): Job => ({
  id: row.id,
  owner: row.owner,
  createdAt: new Date(row.created_at),
  // Written by `toRow` and never changed since; one of an earlier version lacks what has come since.
  spec: { ...LATER_FIELDS, ...(JSON.parse(row.spec) as JobSpec) },
  state: toState(row),
});

const toState = (row: JobRow): JobState => {
  const need = <T>(value: T | null, column: keyof JobRow): T => {
    if (value === null) throw new Error(`job ${row.id}: state ${row.status} without ${column}`);
    return value;
  };
  const startedAt = (): Date => new Date(need(row.started_at, 'started_at'));
  const finishedAt = (): Date => new Date(need(row.finished_at, 'finished_at'));
  // Written by `toColumns`.
  const usage = row.usage === null ? null : (JSON.parse(row.usage) as Usage);
  switch (row.status) {
    case 'QUEUED':
      return { status: row.status };
    case 'RUNNING':
      return { status: row.status, startedAt: startedAt() };
    case 'COMPLETED':
      return {
        status: row.status,
        startedAt: startedAt(),
        finishedAt: finishedAt(),
        termination: need(toTermination(row), 'exit_code'),
        usage,
      };
    case 'STOPPED':
      return {
        status: row.status,
        startedAt: row.started_at === null ? null : startedAt(),
        finishedAt: finishedAt(),
        termination: toTermination(row),
        usage,
      };
    case 'LIMIT_EXCEEDED':
      return {
        status: row.status,
        limit: need(row.limit_exceeded, 'limit_exceeded'),
        startedAt: startedAt(),
        finishedAt: finishedAt(),
        termination: need(toTermination(row), 'exit_code'),
        usage,
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
