import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { BrokenPipe } from '../errors.ts';
import { ending } from '../exit-code.ts';
import { SubmitJobDocument } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { endedJob } from '../job.ts';
import { rawPrinter } from '../log-output.ts';
import { readLogs } from '../logs.ts';
import { note } from '../output.ts';
import { request } from '../request.ts';
import { Stopper } from '../stopper.ts';
import { type CommandWords, type SubmitFlags, submitInput } from '../submit-input.ts';

/**
 * `cloister run`: submits a job, follows its output and ends as it ends. SIGINT or SIGTERM stops the job, and a
 * reader of our output that goes away does too, as it would end a command of one's own shell.
 *
 * @returns the exit code
 */
export const run = async (config: ClientConfig, words: CommandWords, flags: SubmitFlags): Promise<number> => {
  const input = await submitInput(words, flags, { ownStdin: true });
  const connection = await connect(config);
  using stopper = new Stopper(connection);
  const { job } = (await request(connection, SubmitJobDocument, { input })).submitJob;
  for (let jobId = job.id; ; ) {
    stopper.submitted(jobId);
    const printer = rawPrinter(false);
    try {
      const batches = readLogs(connection, { jobId, follow: true, withTime: false, withText: false });
      for await (const batch of batches) await printer.batch(batch);
    } catch (error) {
      if (error instanceof BrokenPipe) await stopper.stop();
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
