/** The commands `cloister pause` and `cloister resume`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { PauseJobDocument, ResumeJobDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { printJob } from '../print-job.ts';
import { request } from '../request.ts';

/** `cloister pause` and `cloister resume`: return once every process is frozen, or runs again. */
export const pause = async (
  config: ClientConfig,
  job: string,
  paused: boolean,
  flags: { readonly json?: boolean },
): Promise<void> => {
  const connection = await connect(config);
  const variables = { input: { jobId: await findJobId(connection, job) } };
  const changed = paused
    ? (await request(connection, PauseJobDocument, variables)).pauseJob
    : (await request(connection, ResumeJobDocument, variables)).resumeJob;
  await printJob(changed.job, flags);
};
