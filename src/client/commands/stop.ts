import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { duration } from '../flag-values.ts';
import { jobLines } from '../format.ts';
import { StopJobDocument } from '../generated/operations.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';

/** `cloister stop`: returns when the job has ended, with what became of it. */
export const stop = async (
  config: ClientConfig,
  jobId: string,
  flags: { readonly grace?: string; readonly json?: boolean },
): Promise<void> => {
  const input = {
    jobId,
    gracePeriod: flags.grace === undefined ? undefined : duration('--grace', flags.grace),
  };
  const { stopJob } = await request(await connect(config), StopJobDocument, { input });
  await (flags.json ? printJson(stopJob.job) : print(jobLines(stopJob.job)));
};
