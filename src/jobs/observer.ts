/** Observes what happens to jobs, for metrics and traces. */

import type { FinalState, Job } from './job.ts';

/** Called for what happens to jobs, after it is stored. It must not throw. */
export interface JobObserver {
  /** A job was accepted, or is a further attempt of one; a request waited `commitMs` for it to be stored. */
  submitted(job: Job, commitMs: number): void;
  /** The turn of a job has come, `waitedMs` after it could have started. */
  turn(id: string, waitedMs: number): void;
  /** The command was executed, `latencyMs` after its turn had come. */
  started(id: string, latencyMs: number): void;
  /** A job has ended. */
  ended(job: Job, end: FinalState): void;
  /** Output was read from a log for a client. */
  delivered(bytes: number): void;
}

/** Observes nothing. */
export const UNOBSERVED: JobObserver = {
  submitted: () => undefined,
  turn: () => undefined,
  started: () => undefined,
  ended: () => undefined,
  delivered: () => undefined,
};

/** Combines two observers, called one after the other. */
export const bothObserve = (one: JobObserver, other: JobObserver): JobObserver => ({
  submitted: (job, commitMs) => {
    one.submitted(job, commitMs);
    other.submitted(job, commitMs);
  },
  turn: (id, waitedMs) => {
    one.turn(id, waitedMs);
    other.turn(id, waitedMs);
  },
  started: (id, latencyMs) => {
    one.started(id, latencyMs);
    other.started(id, latencyMs);
  },
  ended: (job, end) => {
    one.ended(job, end);
    other.ended(job, end);
  },
  delivered: (bytes) => {
    one.delivered(bytes);
    other.delivered(bytes);
  },
});
