/** The command `cloister run`. */

import type { ClientConfig } from '../../config/config.ts';
import { type Connection, connect } from '../connection.ts';
import { OutputLost } from '../errors.ts';
import { ending } from '../exit-code.ts';
import { SubmitJobDocument, type SubmitJobInput } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { endedJob, type Job } from '../job.ts';
import { shortId } from '../job-id.ts';
import { rawPrinter } from '../log-output.ts';
import { readLogs } from '../logs.ts';
import { aside, note } from '../output.ts';
import { request } from '../request.ts';
import { Stopper } from '../stopper.ts';
import { type CommandWords, type SubmitFlags, submitInput } from '../submit-input.ts';

/** The flags that only `run` has. */
export interface RunFlags {
  readonly quiet?: boolean;
}

/**
 * `cloister run`: submits a job, follows its output and exits as it does. A signal that would end us stops the job, and
 * so does the loss of the reader of our output, as either would end a command of one's own shell.
 *
 * @returns the exit code
 */
export const run = async (
  config: ClientConfig,
  words: CommandWords,
  flags: SubmitFlags & RunFlags,
): Promise<number> => {
  const input = await submitInput(words, flags, { ownStdin: true });
  const connection = await connect(config);
  return submitAndFollow(connection, input, flags);
};

/**
 * Submits a job and follows it, and each further attempt, to the end.
 *
 * @returns the exit code
 */
export const submitAndFollow = async (
  connection: Connection,
  input: SubmitJobInput,
  { quiet = false }: RunFlags,
): Promise<number> => {
  const remark = quiet ? async () => undefined : aside;
  using stopper = new Stopper(connection, remark);
  const { job } = (await request(connection, SubmitJobDocument, { input })).submitJob;
  await remark(introduction(job));
  for (let jobId = job.id; ; ) {
    stopper.submitted(jobId);
    const printer = rawPrinter(false);
    try {
      const log = { jobId, follow: true, withTime: false, withText: false, reached: true };
      for await (const batch of readLogs(connection, log)) await printer.batch(batch);
    } catch (error) {
      if (error instanceof OutputLost) await stopper.stop();
      throw error;
    }
    const ended = await endedJob(connection, jobId);
    const { code, sentence } = ending(ended);
    if (sentence !== undefined) await note(inert(sentence));
    if (ended.retriedBy === null) return code;
    await note(`attempt ${ended.attempt} failed (${sentence ?? `exit code ${code}`}): trying again`);
    jobId = ended.retriedBy.id;
  }
};

/** Which job it is, and what it waits for. */
const introduction = ({ id, name, queue }: Job): string => {
  const job = `job ${shortId(id)}${name === null ? '' : ` (${inert(name)})`}`;
  if (queue === null) return job;
  const place = queue.position === null ? 'waits' : `is number ${queue.position} in the queue`;
  return `${job} ${place}: ${inert(queue.reason)}`;
};
