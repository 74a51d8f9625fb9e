/** What one subject may have at the same time, and the refusal of more. */

import { ClientError } from './errors.ts';

/** What can be bounded. `null`: no bound. */
export interface QuotaValues {
  /** Jobs that have a cell; further ones wait. */
  readonly runningJobs: number | null;
  /** Jobs that wait; further ones are refused. */
  readonly queuedJobs: number | null;
  /** What the limits of its running jobs may add up to; further ones wait. */
  readonly cpus: number | null;
  readonly memoryBytes: number | null;
  readonly submissionsPerMinute: number | null;
  /** What jobs that have ended may take on the disk; further ones are refused. */
  readonly storageBytes: number | null;
  /** What it may have uploaded; further uploads are refused. */
  readonly filesBytes: number | null;
  readonly subscriptions: number | null;
  readonly connections: number | null;
}

/** The names of all that can be bounded. */
export const QUOTA_NAMES = [
  'runningJobs',
  'queuedJobs',
  'cpus',
  'memoryBytes',
  'submissionsPerMinute',
  'storageBytes',
  'filesBytes',
  'subscriptions',
  'connections',
] as const satisfies readonly (keyof QuotaValues)[];

/** Nothing is bounded. */
export const UNBOUNDED: QuotaValues = {
  runningJobs: null,
  queuedJobs: null,
  cpus: null,
  memoryBytes: null,
  submissionsPerMinute: null,
  storageBytes: null,
  filesBytes: null,
  subscriptions: null,
  connections: null,
};

/** What the jobs of a subject have now, of what quotas bound. */
export interface JobsInUse {
  readonly runningJobs: number;
  readonly queuedJobs: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Of those of a minute; `null`: they are not bounded, and not counted. */
  readonly submissionsPerMinute: number | null;
}

/** The quotas of a server, as its parts ask for them. */
export interface SubjectQuotas {
  /** What a subject may have now. */
  of(subject: string): QuotaValues;
}

/** Milliseconds after which it is worth trying again what waits for the end of a job. */
export const AFTER_A_JOB_MS = 5000;

/** The refusal of what would exceed a quota. */
export class QuotaError extends ClientError {
  override readonly name = 'QuotaError';
  /** In the error, in addition to the code: which quota, its value, and when it is worth trying again. */
  override readonly details: {
    readonly quota: string;
    readonly value: number;
    /** Left out where trying again does not help. */
    readonly retryAfterMs?: number;
  };

  /**
   * @param quota its name in the API
   * @param retryAfterMs `undefined`: never
   */
  constructor(quota: string, value: number, what: string, retryAfterMs?: number) {
    const when =
      retryAfterMs === undefined ? '' : `: try again in ${Math.max(1, Math.ceil(retryAfterMs / 1000))} s`;
    super('QUOTA_EXCEEDED', `quota ${quota}: expected at most ${value} ${what}${when}`);
    this.details = { quota, value, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }
}
