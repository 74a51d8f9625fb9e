/** The commands `cloister pause` and `cloister resume`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { PauseJobDocument, ResumeJobDocument } from '../generated/operations.ts';
import { request } from '../request.ts';
import { printEachJob } from '../several.ts';

/**
 * `cloister pause` and `cloister resume`: return once every process is frozen, or runs again.
 *
 * @returns the exit code
 */
export const pause = async (
  config: ClientConfig,
  jobs: readonly string[],
  paused: boolean,
  flags: { readonly json?: boolean },
): Promise<number> => {
  const connection = await connect(config);
  const change = async (jobId: string) => {
    const variables = { input: { jobId } };
    const changed = paused
      ? (await request(connection, PauseJobDocument, variables)).pauseJob
      : (await request(connection, ResumeJobDocument, variables)).resumeJob;
    return changed.job;
  };
  return printEachJob(connection, jobs, change, flags);
};
