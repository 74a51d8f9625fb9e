/** Fetches a job, and waits for its end. */

import { isFinalStatus } from '../job-status.ts';
import type { Connection } from './connection.ts';
import { CliError, ConnectionLost } from './errors.ts';
import {
  JobByIdDocument,
  type JobDetailsFragment,
  type JobSummaryFragment,
  WatchJobDocument,
} from './generated/operations.ts';
import { inert } from './inert.ts';
import { request } from './request.ts';

/** Everything that is shown of one job. */
export type Job = JobDetailsFragment;
/** What lists show of a job. */
export type JobSummary = JobSummaryFragment;

/** @throws CliError when there is no such job */
export const getJob = async (connection: Connection, id: string): Promise<Job> => {
  const { job } = await request(connection, JobByIdDocument, { id });
  if (job === null) throw new CliError(`no job with id "${inert(id)}"`);
  return job;
};

/**
 * The job when it has ended, which may be now.
 *
 * @throws CliError when there is no such job; ConnectionLost when the server cannot be reached again
 */
export const endedJob = async (connection: Connection, id: string): Promise<Job> => {
  const now = await getJob(connection, id);
  if (isFinalStatus(now.status)) return now;
  const [{ reconnecting }, { subscribe }] = await Promise.all([
    import('./reconnect.ts'),
    import('./subscribe.ts'),
  ]);
  const open = async function* (): AsyncGenerator<Job, void, void> {
    for await (const { jobUpdated } of subscribe(connection, WatchJobDocument, { jobId: id })) {
      yield jobUpdated;
      if (isFinalStatus(jobUpdated.status)) return;
    }
    throw new ConnectionLost('the server ended the stream before the job ended', true);
  };
  const updates = reconnecting(connection, open, true);
  for await (const job of updates) if (isFinalStatus(job.status)) return job;
  throw new ConnectionLost('the server ended the stream without the end of the job', true);
};
