import { Bell, pull } from '../runtime/pull.ts';
import type { Job } from '../store/job.ts';
import { type Changes, isFinal } from './changes.ts';

/**
 * A job as it is now, then after each change of its state; done when it has ended.
 *
 * @param find looks the job up; what it throws is thrown here
 */
export const watchJob = async (
  changes: Changes,
  id: string,
  find: () => Promise<Job>,
): Promise<AsyncIterableIterator<Job>> => {
  // A job changes its state at most a handful of times, so what waits here is bounded by that.
  const waiting: Job[] = [];
  const bell = new Bell();
  const forget = changes.listen(id, (job) => {
    waiting.push(job);
    bell.ring();
  });
  let current: Job;
  try {
    current = await find();
  } catch (error) {
    forget();
    throw error;
  }
  // What was heard until here may be in the answer already: a job only ever moves forward.
  waiting.splice(0, waiting.length, current, ...waiting.filter((job) => rank(job) > rank(current)));
  let last: Job | undefined;
  return pull<Job>(async (signal) => {
    if (last !== undefined && isFinal(last.state)) return { done: true, value: undefined };
    for (;;) {
      const seen = bell.rings;
      const job = waiting.shift();
      if (job !== undefined) {
        last = job;
        return { done: false, value: job };
      }
      await bell.wait(seen, signal);
    }
  }, forget);
};

const rank = ({ state }: Job): number => (state.status === 'QUEUED' ? 0 : isFinal(state) ? 2 : 1);
