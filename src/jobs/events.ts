/** Follows the events of all jobs, from the store. */

import { Bell, pull } from '../async/pull.ts';
import type { JobEvent, JobFilter, JobStore } from './store.ts';

const PAGE = 100;

/**
 * The events after a number, then new ones, in order and without a gap: they are read from the store, and a commit only
 * says that it is time to read. Never completes by itself. `return()` settles at once, also while waiting.
 */
export const followEvents = (
  store: JobStore,
  after: number,
  filter: JobFilter,
  release: () => void,
): AsyncIterableIterator<JobEvent> => {
  const bell = new Bell();
  const forget = store.onCommit(() => bell.ring());
  const waiting: JobEvent[] = [];
  let through = after;
  return pull<JobEvent>(
    async (signal) => {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) return { done: false, value: next };
        const seen = bell.rings;
        const page = await store.events({ after: through, limit: PAGE, filter });
        waiting.push(...page.events);
        through = page.through;
        if (waiting.length === 0 && !page.more) await bell.wait(seen, signal);
      }
    },
    () => {
      forget();
      release();
    },
  );
};
