/** The commands `cloister pin` and `cloister unpin`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { PinJobDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { printJob } from '../print-job.ts';
import { request } from '../request.ts';

/** `cloister pin` and `cloister unpin`. */
export const pin = async (
  config: ClientConfig,
  job: string,
  pinned: boolean,
  flags: { readonly json?: boolean },
): Promise<void> => {
  const connection = await connect(config);
  const jobId = await findJobId(connection, job);
  const { pinJob } = await request(connection, PinJobDocument, { input: { jobId, pinned } });
  await printJob(pinJob.job, flags);
};
