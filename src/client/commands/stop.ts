/** The command `cloister stop`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { duration } from '../flag-values.ts';
import { StopJobDocument } from '../generated/operations.ts';
import { request } from '../request.ts';
import { printEachJob } from '../several.ts';

/**
 * `cloister stop`: returns when the jobs have ended, and prints how.
 *
 * @returns the exit code
 */
export const stop = async (
  config: ClientConfig,
  jobs: readonly string[],
  flags: { readonly grace?: string; readonly json?: boolean },
): Promise<number> => {
  const gracePeriod = flags.grace === undefined ? undefined : duration('--grace', flags.grace);
  const connection = await connect(config);
  const change = async (jobId: string) => {
    const { stopJob } = await request(connection, StopJobDocument, { input: { jobId, gracePeriod } });
    return stopJob.job;
  };
  return printEachJob(connection, jobs, change, flags);
};
