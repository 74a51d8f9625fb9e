/** The command `cloister resume`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { jobLines } from '../format.ts';
import { ResumeJobDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';

/** `cloister resume`: returns when the job runs again. */
export const resume = async (
  config: ClientConfig,
  job: string,
  flags: { readonly json?: boolean },
): Promise<void> => {
  const connection = await connect(config);
  const jobId = await findJobId(connection, job);
  const { resumeJob } = await request(connection, ResumeJobDocument, { input: { jobId } });
  await (flags.json ? printJson(resumeJob.job) : print(jobLines(resumeJob.job)));
};
