/** The command `cloister rerun`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { feed } from '../feed.ts';
import {
  JobInputDocument,
  type JobInputQuery,
  SubmitJobDocument,
  type SubmitJobInput,
} from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { print } from '../output.ts';
import { request } from '../request.ts';
import { fedStdin } from '../stdin.ts';
import { type RunFlags, submitAndFollow } from './run.ts';

/**
 * `cloister rerun`: submits the input of an earlier job again, and follows the new job as `run` does.
 *
 * @returns the exit code
 * @throws CliError when there is no such job
 */
export const rerun = async (
  config: ClientConfig,
  job: string,
  flags: RunFlags & { readonly detach?: boolean },
): Promise<number> => {
  const connection = await connect(config);
  const given = (await request(connection, JobInputDocument, { id: await findJobId(connection, job) })).job;
  if (given === null) throw new CliError(`no job with id ${JSON.stringify(job)}`);
  const secrets = given.env.filter(({ secret }) => secret).map(({ name }) => name);
  if (secrets.length > 0)
    throw new CliError(
      `the job had secret variables, whose values are not kept: ${secrets.join(', ')}; submit it again with --secret-env`,
    );
  const input = inputOf(given);
  // What was written to the earlier job is not kept.
  const source = given.openStdin ? fedStdin() : undefined;
  if (!flags.detach) return submitAndFollow(connection, { input, source, files: [] }, flags);
  await using _ = source;
  const { id } = (await request(connection, SubmitJobDocument, { input })).submitJob.job;
  await print(id);
  if (source !== undefined) await feed(connection, id, source);
  return 0;
};

/** Limits that the server cannot enforce are null, and are not requested again. */
const inputOf = ({ limits, inputFiles, ...rest }: NonNullable<JobInputQuery['job']>): SubmitJobInput => ({
  ...rest,
  ...(inputFiles.length > 0 && { files: inputFiles }),
  limits: { ...limits, io: limits.io.length === 0 ? null : limits.io },
});
