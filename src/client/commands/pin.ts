/** The commands `cloister pin` and `cloister unpin`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { jobLines } from '../format.ts';
import { PinJobDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { print, printJson } from '../output.ts';
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
  await (flags.json ? printJson(pinJob.job) : print(jobLines(pinJob.job)));
};
