/**
 * Keeps jobs in a store until it is killed, and writes what it learns to standard output, a line each: what was written,
 * once that is acknowledged, and what others read. `power-loss.test.ts` traces it.
 */

import { writeSync } from 'node:fs';
import type { Job } from '../../src/jobs/job.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { at, makeJob } from './fixture.ts';

const store = openStore(process.argv[2] ?? '');

const report = (job: Job | undefined): void => {
  if (job !== undefined) writeSync(1, `${job.id} ${job.state.status}\n`);
};

/** Inserts jobs and begins them, one after the other. */
const write = async (): Promise<never> => {
  for (;;) {
    const job = makeJob({ labels: [{ key: 'k', value: 'v' }] });
    await store.insert(job);
    report(job);
    report(
      await store.transition(job.id, ['QUEUED'], { status: 'RUNNING', startedAt: at(1), pausedAt: null }),
    );
  }
};

/** Reads what the others write, at once. */
const read = async (): Promise<never> => {
  for (let after = 0; ; ) {
    const page = { limit: 5, backward: false, order: 'NEWEST_FIRST', filter: {} } as const;
    for (const { id } of (await store.list(page)).jobs) report(await store.get(id));
    const { events, through } = await store.events({ after, limit: 100, filter: {} });
    for (const { job } of events) report(job);
    after = through;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

await Promise.all([write(), write(), write(), read()]);
