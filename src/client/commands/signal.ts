/** The command `cloister signal`. */

import type { ClientConfig } from '../../config/config.ts';
import { signalNumber } from '../../signals.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { SignalJobDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { printJob } from '../print-job.ts';
import { request } from '../request.ts';

/**
 * `cloister signal`: returns when the signal has been sent.
 *
 * @throws CliError for a name or number that is not a signal
 */
export const signal = async (
  config: ClientConfig,
  job: string,
  name: string,
  flags: { readonly json?: boolean },
): Promise<void> => {
  if (signalNumber(name) === undefined)
    throw new CliError(
      `signal: expected a signal by its name or number, such as SIGHUP or 1, got ${JSON.stringify(name)}`,
    );
  const connection = await connect(config);
  const input = { jobId: await findJobId(connection, job), signal: name };
  const { signalJob } = await request(connection, SignalJobDocument, { input });
  await printJob(signalJob.job, flags);
};
