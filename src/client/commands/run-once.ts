/** The command `cloister run --wait DURATION --json`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { ending } from '../exit-code.ts';
import { duration } from '../flag-values.ts';
import { RunJobDocument } from '../generated/operations.ts';
import { filesInput } from '../local-file.ts';
import { printJson } from '../output.ts';
import { request } from '../request.ts';
import { type CommandWords, type SubmitFlags, submission } from '../submit-input.ts';

/** The flags of `cloister run --wait`, as they were typed. */
export interface RunOnceFlags {
  readonly wait?: string;
  readonly json?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly detach?: boolean;
  readonly artifactDir?: string;
}

/** As timeout(1). */
const STILL_RUNS = 124;

/**
 * `cloister run --wait DURATION --json`: prints the one answer of `runJob`: the job, whether it has finished, and the
 * first MiB of its output. A job that has not finished continues, also when we are interrupted.
 *
 * @returns the exit code of `run`, or 124 when the job has not finished
 * @throws CliError for flags that exclude each other
 */
export const runOnce = async (
  config: ClientConfig,
  words: CommandWords,
  flags: SubmitFlags & RunOnceFlags,
): Promise<number> => {
  if (flags.wait === undefined) throw new CliError('--json: expected together with --wait');
  if (flags.json !== true) throw new CliError('--wait: expected together with --json');
  if (flags.artifactDir !== undefined) throw new CliError('--artifact-dir: expected without --wait');
  for (const name of ['interactive', 'tty', 'detach'] as const)
    if (flags[name] === true) throw new CliError(`--${name}: expected without --wait`);
  const wait = duration('--wait', flags.wait);
  const { input, files } = await submission(words, flags, { own: true, whole: true });
  const parts = { withTime: true, withText: true, withMatched: false, withSize: true };
  const connection = await connect(config);
  const given = await filesInput(connection, files);
  const whole = given === undefined ? input : { ...input, files: given };
  const { runJob } = await request(connection, RunJobDocument, { input: whole, wait, ...parts });
  await printJson(runJob);
  return runJob.finished ? ending(runJob.job).code : STILL_RUNS;
};
