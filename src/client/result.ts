/** How a job ended, in a word or two. */

import type { JobSummary } from './job.ts';

/** How a job ended, and whether that is a failure: a job that was stopped has not failed. */
export interface Result {
  /** `exit 7`, `SIGKILL`, `OOM`, `-` for one that has not ended or has no such end. */
  readonly text: string;
  readonly failed: boolean;
}

const LIMITS = { TIME: 'TIMEOUT', CPU_TIME: 'CPU TIME', MEMORY: 'OOM', OUTPUT: 'OUTPUT' } as const;

/** How a job ended, from its last state. */
export const result = ({ status, exitCode, signal, limitExceeded }: JobSummary): Result => {
  const end = exitCode === null ? (signal ?? '-') : `exit ${exitCode}`;
  switch (status) {
    case 'LIMIT_EXCEEDED':
      return { text: limitExceeded === null ? end : LIMITS[limitExceeded], failed: true };
    case 'LOST':
    case 'FAILED':
      return { text: end, failed: true };
    case 'COMPLETED':
      return { text: end, failed: exitCode !== 0 };
    default:
      return { text: end, failed: false };
  }
};
