/** The commands `cloister pin` and `cloister unpin`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { PinJobDocument } from '../generated/operations.ts';
import { request } from '../request.ts';
import { printEachJob } from '../several.ts';

/**
 * `cloister pin` and `cloister unpin`.
 *
 * @returns the exit code
 */
export const pin = async (
  config: ClientConfig,
  jobs: readonly string[],
  pinned: boolean,
  flags: { readonly json?: boolean },
): Promise<number> => {
  const connection = await connect(config);
  const change = async (jobId: string) =>
    (await request(connection, PinJobDocument, { input: { jobId, pinned } })).pinJob.job;
  return printEachJob(connection, jobs, change, flags);
};
