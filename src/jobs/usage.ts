/** Follows the resource usage of a job. */

import { Bell, pull } from '../async/pull.ts';
import type { Changes } from './changes.ts';
import { isFinal, type Job, type Usage } from './job.ts';

/** Whose usage is followed, and how it is measured. */
export interface UsageOptions {
  readonly changes: Changes;
  readonly id: string;
  /** Looks the job up; what it throws is thrown by `followUsage`. */
  readonly find: () => Promise<Job>;
  /** Its usage now, or at its end; `null` while it is unknown. */
  readonly usage: (job: Job) => Promise<Usage | null>;
  /** Milliseconds. */
  readonly intervalMs: number;
  /** Called once, when the iterator is over. */
  readonly release: () => void;
}

/**
 * The usage of a job: at once when it runs, then after each interval, and at its end. Measured when the next value is
 * asked for, so nothing is measured without a reader, and a slow reader misses some.
 *
 * @throws what `find` throws
 */
export const followUsage = async (options: UsageOptions): Promise<AsyncIterableIterator<Usage>> => {
  const { changes, id, find, usage, intervalMs, release } = options;
  const bell = new Bell();
  const forget = changes.listen(id, () => bell.ring());
  try {
    await find();
  } catch (error) {
    forget();
    throw error;
  }
  let due = performance.now();
  let over = false;
  return pull<Usage>(
    async (signal) => {
      while (!over) {
        const seen = bell.rings;
        const job = await find();
        over = isFinal(job.state);
        const wait = due - performance.now();
        // The final usage is reported at once.
        const sample = over || wait <= 0 ? await usage(job) : null;
        if (sample !== null) {
          due = performance.now() + intervalMs;
          return { done: false, value: sample };
        }
        if (!over) await bell.wait(seen, signal, wait > 0 ? wait : undefined);
      }
      return { done: true, value: undefined };
    },
    () => {
      forget();
      release();
    },
  );
};
