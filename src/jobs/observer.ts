/** What counts what happens to jobs. */

import type { FinalState, Job } from './job.ts';

/** Called for what happens to jobs, after it is stored. It must not throw. */
export interface JobObserver {
  /** A job was accepted, or is a further attempt of one. */
  submitted(): void;
  /** The turn of a job has come, `waitedMs` after it could have started. */
  turn(waitedMs: number): void;
  /** The command was executed, `latencyMs` after its turn had come. */
  started(latencyMs: number): void;
  /** A job has ended. */
  ended(job: Job, end: FinalState): void;
  /** Output was read from a log for a client. */
  delivered(bytes: number): void;
}

/** Counts nothing. */
export const UNOBSERVED: JobObserver = {
  submitted: () => undefined,
  turn: () => undefined,
  started: () => undefined,
  ended: () => undefined,
  delivered: () => undefined,
};
