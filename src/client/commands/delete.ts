/** The command `cloister delete`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { DeleteJobDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { print } from '../output.ts';
import { request } from '../request.ts';

/** `cloister delete`: prints the id of each deleted job. */
export const remove = async (config: ClientConfig, jobs: readonly string[]): Promise<void> => {
  const connection = await connect(config);
  for (const job of jobs) {
    const jobId = await findJobId(connection, job);
    const { deleteJob } = await request(connection, DeleteJobDocument, { input: { jobId } });
    await print(deleteJob.job.id);
  }
};
