/** The command `cloister status`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { getJob } from '../job.ts';
import { printEachJob } from '../several.ts';

/**
 * `cloister status`: shows everything about jobs.
 *
 * @returns the exit code
 */
export const status = async (
  config: ClientConfig,
  jobs: readonly string[],
  flags: { readonly json?: boolean },
): Promise<number> => {
  const connection = await connect(config);
  return printEachJob(connection, jobs, (id) => getJob(connection, id), flags);
};
