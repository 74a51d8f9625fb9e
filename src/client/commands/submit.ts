/** The command `cloister submit`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { SubmitJobDocument } from '../generated/operations.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';
import { type CommandWords, type SubmitFlags, submitInput } from '../submit-input.ts';

/** `cloister submit`: prints the id of the job. */
export const submit = async (
  config: ClientConfig,
  words: CommandWords,
  flags: SubmitFlags & { readonly json?: boolean },
): Promise<void> => {
  const input = await submitInput(words, flags, { ownStdin: false });
  const { submitJob } = await request(await connect(config), SubmitJobDocument, { input });
  await (flags.json ? printJson(submitJob.job) : print(submitJob.job.id));
};
