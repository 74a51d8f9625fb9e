/** The command `cloister usage`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { duration } from '../flag-values.ts';
import { usageLine } from '../format.ts';
import { FollowUsageDocument } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { print } from '../output.ts';
import { reconnecting } from '../reconnect.ts';
import { formatOf, type ListFlags } from '../row-format.ts';
import { subscribe } from '../subscribe.ts';

/** `cloister usage`: a line for each sample, until the job has ended. */
export const usage = async (
  config: ClientConfig,
  job: string,
  flags: ListFlags & { readonly interval?: string },
): Promise<void> => {
  const format = formatOf(flags);
  const interval = flags.interval === undefined ? undefined : duration('--interval', flags.interval);
  const connection = await connect(config);
  const variables = { jobId: await findJobId(connection, job), interval };
  for await (const sample of reconnecting(connection, () =>
    subscribe(connection, FollowUsageDocument, variables),
  ))
    await print(flags.json ? JSON.stringify(sample.usage) : (format ?? usageLine)(sample.usage));
};
