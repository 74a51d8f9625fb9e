/** The command `cloister wait`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { ending } from '../exit-code.ts';
import { endedJob } from '../job.ts';
import { findJobId } from '../job-id.ts';
import { result } from '../result.ts';
import { formatOf, type ListFlags, printList } from '../row-format.ts';

/**
 * `cloister wait`: returns when all jobs have ended, with a line for each in the order in which they were named.
 *
 * @returns the exit code that `run` would have had, of the first job for which that is not 0
 */
export const wait = async (
  config: ClientConfig,
  jobs: readonly string[],
  flags: ListFlags,
): Promise<number> => {
  formatOf(flags);
  const connection = await connect(config);
  const ids = await Promise.all(jobs.map((job) => findJobId(connection, job)));
  const ended = await Promise.all(ids.map((id) => endedJob(connection, id)));
  await printList(ended, flags, () =>
    ended.map((job) => [job.id, job.status, result(job).text].join('\t')).join('\n'),
  );
  return ended.map((job) => ending(job).code).find((code) => code !== 0) ?? 0;
};
