import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { jobLines } from '../format.ts';
import { SignalJobDocument } from '../generated/operations.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';

/** `cloister signal`: returns when the signal is on its way. */
export const signal = async (
  config: ClientConfig,
  jobId: string,
  name: string,
  flags: { readonly json?: boolean },
): Promise<void> => {
  const input = { jobId, signal: name };
  const { signalJob } = await request(await connect(config), SignalJobDocument, { input });
  await (flags.json ? printJson(signalJob.job) : print(jobLines(signalJob.job)));
};
