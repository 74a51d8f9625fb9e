/** Does the same to each of the jobs that a command names. */

import type { Connection } from './connection.ts';
import { CliError, ConnectionLost } from './errors.ts';
import { inert } from './inert.ts';
import type { Job } from './job.ts';
import { findJobId } from './job-id.ts';
import { note, print } from './output.ts';
import { printJob } from './print-job.ts';

/** Requests in progress at the same time: each stop waits until its job has ended. */
const AT_ONCE = 20;

/**
 * Changes each job, several at the same time, and shows each result, in the order in which they were named. As in
 * docker, a failure does not affect the others; its reason is printed to stderr.
 *
 * @param change gets the id of a job
 * @param show is called for one after the other
 * @returns the exit code: 0 if all were changed, otherwise 1
 * @throws CliError when there is only one job, and it cannot be changed; ConnectionLost when the server cannot be
 *   reached; what `show` throws
 */
export const forEachJob = async <Changed>(
  connection: Connection,
  jobs: readonly string[],
  change: (id: string) => Promise<Changed>,
  show: (changed: Changed) => Promise<void>,
): Promise<number> => {
  const outcomes = jobs.map((job) => ({ job, ...Promise.withResolvers<Changed>() }));
  // They are awaited in order, and a later one may fail before that.
  for (const { promise } of outcomes) promise.catch(() => undefined);
  const waiting = outcomes.values();
  const work = async (): Promise<void> => {
    for (const { job, promise, resolve } of waiting) {
      resolve(findJobId(connection, job).then(change));
      await promise.catch(() => undefined);
    }
  };
  for (let count = 0; count < AT_ONCE; count += 1) void work();
  let code = 0;
  for (const { job, promise } of outcomes) {
    try {
      await show(await promise);
    } catch (error) {
      if (jobs.length === 1 || !isOfTheJob(error)) throw error;
      await note(`${inert(job)}: ${error.message}`);
      code = 1;
    }
  }
  return code;
};

/** Whether the next job may fare better. */
const isOfTheJob = (error: unknown): error is CliError =>
  error instanceof CliError && !(error instanceof ConnectionLost);

/** The same for changes that end with the job, which is printed as `printJob` does, with an empty line between two. */
export const printEachJob = (
  connection: Connection,
  jobs: readonly string[],
  change: (id: string) => Promise<Job>,
  flags: { readonly json?: boolean },
): Promise<number> => {
  let isFirst = true;
  return forEachJob(connection, jobs, change, async (job) => {
    if (!isFirst && !flags.json) await print('');
    isFirst = false;
    await printJob(job, flags);
  });
};
