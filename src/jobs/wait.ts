/** Waits for the end of a job for a limited time. */
import { isFinal, type Job } from './job.ts';

/**
 * The job at its end, or as it is when the time is over or `signal` is aborted; for a job that was retried, its last
 * attempt so far.
 *
 * @param watch a job as it is, then after each change, as `JobService.watch`
 * @returns `undefined` when no state of the job was seen
 */
export const waitForEnd = async (
  watch: (id: string) => Promise<AsyncIterableIterator<Job>>,
  id: string,
  atMostMs: number,
  signal: AbortSignal,
): Promise<Job | undefined> => {
  const over = new AbortController();
  // With a reason, since Node.js would make an exception with a stack.
  const end = (): void => over.abort('the wait is over');
  const timer = setTimeout(end, atMostMs);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    let last: Job | undefined;
    for (let next: string | null = id; next !== null; ) {
      const seen: Job | undefined = await lastSeen(await watch(next), over.signal);
      last = seen ?? last;
      next = seen !== undefined && isFinal(seen.state) && !over.signal.aborted ? seen.retriedBy : null;
    }
    return last;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
};

/** The last value of an iterator that ends by itself or is ended early; the first one is waited for in any case. */
const lastSeen = async <T>(values: AsyncIterableIterator<T>, over: AbortSignal): Promise<T | undefined> => {
  const end = (): void => {
    values.return?.();
  };
  let last: T | undefined;
  try {
    for await (const value of values) {
      last = value;
      if (over.aborted) break;
      over.addEventListener('abort', end, { once: true });
    }
  } finally {
    over.removeEventListener('abort', end);
  }
  return last;
};
