import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { jobLines } from '../format.ts';
import { PinJobDocument } from '../generated/operations.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';

/** `cloister pin` and `cloister unpin`. */
export const pin = async (
  config: ClientConfig,
  jobId: string,
  pinned: boolean,
  flags: { readonly json?: boolean },
): Promise<void> => {
  const { pinJob } = await request(await connect(config), PinJobDocument, { input: { jobId, pinned } });
  await (flags.json ? printJson(pinJob.job) : print(jobLines(pinJob.job)));
};
