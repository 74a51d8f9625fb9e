/** The command `cloister status`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { getJob } from '../job.ts';
import { findJobId } from '../job-id.ts';
import { printJob } from '../print-job.ts';

/** `cloister status`: shows everything about a job. */
export const status = async (
  config: ClientConfig,
  id: string,
  flags: { readonly json?: boolean },
): Promise<void> => {
  const connection = await connect(config);
  const job = await getJob(connection, await findJobId(connection, id));
  await printJob(job, flags);
};
