/** The command `cloister stop`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { duration } from '../flag-values.ts';
import { StopJobDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { printJob } from '../print-job.ts';
import { request } from '../request.ts';

/** `cloister stop`: returns when the job has ended, and prints how. */
export const stop = async (
  config: ClientConfig,
  job: string,
  flags: { readonly grace?: string; readonly json?: boolean },
): Promise<void> => {
  const gracePeriod = flags.grace === undefined ? undefined : duration('--grace', flags.grace);
  const connection = await connect(config);
  const input = { jobId: await findJobId(connection, job), gracePeriod };
  const { stopJob } = await request(connection, StopJobDocument, { input });
  await printJob(stopJob.job, flags);
};
