/** Decides whether a failed job is tried again, and makes the job of the next attempt. */

import { newJobId } from './id.ts';
import type { Job, JobState } from './job.ts';

/** The most milliseconds between two attempts, however often they were doubled. */
export const LONGEST_BACKOFF_MS = 24 * 3600 * 1000;

/**
 * The next attempt of a job that has ended, if it failed and may be tried again: its command exited with a code other
 * than 0 or was killed by a signal, it exceeded a limit, or it was lost. A job that was stopped, or whose command
 * cannot be executed, is not tried again.
 */
export const nextAttempt = (job: Job | undefined, end: JobState): Job | undefined => {
  if (job === undefined || !isFailure(end)) return undefined;
  const { retries, attempt, retryOf } = job.spec;
  if (retries === null || attempt > retries.limit) return undefined;
  const backoffMs = Math.min(retries.backoffMs * 2 ** (attempt - 1), LONGEST_BACKOFF_MS);
  return {
    id: newJobId(),
    owner: job.owner,
    createdAt: new Date(),
    spec: {
      ...job.spec,
      attempt: attempt + 1,
      retryOf: retryOf ?? job.id,
      startAfter: new Date(Date.now() + backoffMs),
    },
    retriedBy: null,
    pinned: false,
    state: { status: 'QUEUED' },
  };
};

const isFailure = (end: JobState): boolean => {
  switch (end.status) {
    case 'COMPLETED':
      return end.termination.kind === 'signaled' || end.termination.code !== 0;
    case 'LIMIT_EXCEEDED':
    case 'LOST':
      return true;
    default:
      return false;
  }
};
