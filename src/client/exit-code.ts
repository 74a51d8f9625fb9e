import { signalNumber } from '../signals.ts';
import type { Job } from './job.ts';

/** What `cloister run` ends with, and the sentence that goes with it where the code alone would mislead. */
export interface Ending {
  readonly code: number;
  readonly sentence?: string;
}

/** For a job that did not end by itself or by our hand. The shells leave 125 free for such use. */
export const NO_EXIT_CODE = 125;

/** The exit code of the command, 128 + n for a signal as in a shell, else 125. */
export const ending = (job: Job): Ending => {
  const why = job.error === null ? '' : `: ${job.error}`;
  if (job.status === 'FAILED') return { code: NO_EXIT_CODE, sentence: `job ${job.id} could not run${why}` };
  if (job.status === 'LOST') return { code: NO_EXIT_CODE, sentence: `job ${job.id} was lost${why}` };
  if (job.status === 'LIMIT_EXCEEDED') {
    return { code: NO_EXIT_CODE, sentence: `job ${job.id} exceeded its ${job.limitExceeded} limit${why}` };
  }
  if (job.exitCode !== null) return { code: job.exitCode };
  const number = job.signal === null ? undefined : signalNumber(job.signal);
  if (number !== undefined) return { code: 128 + number };
  return { code: NO_EXIT_CODE, sentence: `job ${job.id} was stopped before it ran` };
};
