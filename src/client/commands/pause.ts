/** The command `cloister pause`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { jobLines } from '../format.ts';
import { PauseJobDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';

/** `cloister pause`: returns once every process is frozen. */
export const pause = async (
  config: ClientConfig,
  job: string,
  flags: { readonly json?: boolean },
): Promise<void> => {
  const connection = await connect(config);
  const jobId = await findJobId(connection, job);
  const { pauseJob } = await request(connection, PauseJobDocument, { input: { jobId } });
  await (flags.json ? printJson(pauseJob.job) : print(jobLines(pauseJob.job)));
};
