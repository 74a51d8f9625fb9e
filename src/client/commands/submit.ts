/** The command `cloister submit`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { feed } from '../feed.ts';
import { SubmitJobDocument } from '../generated/operations.ts';
import { filesInput } from '../local-file.ts';
import { print, printJson } from '../output.ts';
import { request } from '../request.ts';
import { type CommandWords, type SubmitFlags, submission } from '../submit-input.ts';

/** `cloister submit`: prints the id of the job, and feeds it input that is too long to be submitted with it. */
export const submit = async (
  config: ClientConfig,
  words: CommandWords,
  flags: SubmitFlags & { readonly json?: boolean },
): Promise<void> => {
  const { input, source, files } = await submission(words, flags, { own: false });
  await using _ = source;
  const connection = await connect(config);
  const given = await filesInput(connection, files);
  const whole = given === undefined ? input : { ...input, files: given };
  const { submitJob } = await request(connection, SubmitJobDocument, { input: whole });
  await (flags.json ? printJson(submitJob.job) : print(submitJob.job.id));
  if (source !== undefined) await feed(connection, submitJob.job.id, source);
};
