/** Follows the state of a job. */

import { Bell, pull } from '../async/pull.ts';
import type { Changes } from './changes.ts';
import { isFinal, type Job } from './job.ts';

/**
 * A job as it is now, then after each change of its state; done when it has ended.
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
    // Pauses may come as often as somebody asks for them; of those that nobody has read yet the last one counts.
    if (job.state.status === 'RUNNING' && waiting.at(-1)?.state.status === 'RUNNING') waiting.pop();
    waiting.push(job);
    bell.ring();
  });
  try {
    // What was heard meanwhile may be older or younger than what was found: then it is looked for once more.
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

/** The next change that is looked for. */
export interface NextChange {
  /** The job as it is then; `undefined` when the time has passed without it. */
  readonly job: Promise<Job | undefined>;
  /** Stops waiting. */
  forget(): void;
}

/**
 * Waits for a change of a job from now on.
 *
 * @param mostMs milliseconds after which it is given up
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
