/** The command `cloister delete`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { DeleteJobDocument } from '../generated/operations.ts';
import { print } from '../output.ts';
import { request } from '../request.ts';
import { forEachJob } from '../several.ts';

/**
 * `cloister delete`: prints the id of each deleted job.
 *
 * @returns the exit code
 */
export const remove = async (config: ClientConfig, jobs: readonly string[]): Promise<number> => {
  const connection = await connect(config);
  const change = async (jobId: string) =>
    (await request(connection, DeleteJobDocument, { input: { jobId } })).deleteJob.job.id;
  return forEachJob(connection, jobs, change, print);
};
