/** Follows the state of a job. */

import { Bell, pull } from '../async/pull.ts';
import type { Changes } from './changes.ts';
import { isFinal, type Job } from './job.ts';

/**
 * A job as it is now, then after each change of its state; completes when it has ended.
 *
 * @param find looks the job up; what it throws is thrown here
 */
export const watchJob = async (
  changes: Changes,
  id: string,
  find: () => Promise<Job>,
  release: () => void,
): Promise<AsyncIterableIterator<Job>> => {
  const waiting: Job[] = [];
  const bell = new Bell();
  const forget = changes.listen(id, (job) => {
    // Clients may pause and resume at any rate; of the changes that nobody has read yet only the last one is kept.
    if (job.state.status === 'RUNNING' && waiting.at(-1)?.state.status === 'RUNNING') waiting.pop();
    waiting.push(job);
    bell.ring();
  });
  try {
    // A change reported meanwhile may be older or newer than what was found: then the job is looked up once more.
    for (let heard = -1; heard !== bell.rings; ) {
      heard = bell.rings;
      const current = await find();
      waiting.splice(0, waiting.length, current);
    }
  } catch (error) {
    forget();
    throw error;
  }
  let last: Job | undefined;
  return pull<Job>(
    async (signal) => {
      if (last !== undefined && isFinal(last.state)) return { done: true, value: undefined };
      for (;;) {
        const seen = bell.rings;
        const job = waiting.shift();
        // An event that is read late reports a state that was found before.
        if (job !== undefined && !(last !== undefined && isSameState(job, last))) {
          last = job;
          return { done: false, value: job };
        }
        if (job === undefined) await bell.wait(seen, signal);
      }
    },
    () => {
      forget();
      release();
    },
  );
};

const isSameState = ({ state: one }: Job, { state: other }: Job): boolean =>
  one.status === other.status &&
  (one.status !== 'RUNNING' ||
    other.status !== 'RUNNING' ||
    one.pausedAt?.getTime() === other.pausedAt?.getTime());

/** A wait for a change. */
export interface NextChange {
  /** The job after the change; `undefined` when the time has passed without one. */
  readonly job: Promise<Job | undefined>;
  /** Stops waiting. */
  forget(): void;
}

/**
 * Waits for a change of a job from now on.
 *
 * @param mostMs milliseconds to wait at most
 */
export const nextChange = (
  changes: Changes,
  id: string,
  isWanted: (job: Job) => boolean,
  mostMs: number,
): NextChange => {
  const { promise, resolve } = Promise.withResolvers<Job | undefined>();
  const forget = changes.listen(id, (job) => {
    if (isWanted(job)) resolve(job);
  });
  const timer = setTimeout(() => resolve(undefined), mostMs);
  return {
    job: promise,
    forget: () => {
      clearTimeout(timer);
      forget();
    },
  };
};
