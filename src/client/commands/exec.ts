/** The command `cloister exec`. */

import type { ClientConfig } from '../../config/config.ts';
import { connect } from '../connection.ts';
import { environment } from '../environment.ts';
import { ExecInJobDocument, type ExecInJobInput } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { print } from '../output.ts';
import { request } from '../request.ts';
import { ownStdin, readStdin } from '../stdin.ts';
import { type CommandWords, commandFields, stdinInput } from '../submit-input.ts';
import { ownSize } from '../terminal-session.ts';
import { keysOf } from './attach.ts';
import { followStarted, type RunFlags } from './run.ts';

/** The flags of `cloister exec`, as they were typed. */
export interface ExecFlags extends RunFlags {
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly detach?: boolean;
}

/**
 * `cloister exec`: runs another command in the cell of a job, follows it as `run` does, and exits as it does.
 *
 * @returns the exit code
 */
export const exec = async (
  config: ClientConfig,
  job: string,
  words: CommandWords,
  flags: ExecFlags,
): Promise<number> => {
  const detachKeys = keysOf(flags);
  const connection = await connect(config);
  const jobId = await findJobId(connection, job);
  const env = await environment(flags.envFile ?? [], flags.env ?? [], process.env);
  const base = { ...commandFields(words), jobId, env, workdir: flags.workdir, user: flags.user };
  const { input, source } = await withStdin(base, flags);
  const start = async () => (await request(connection, ExecInJobDocument, { input })).execInJob.job;
  if (flags.detach === true) {
    await print((await start()).id);
    return 0;
  }
  return followStarted(connection, start, source, { ...flags, keys: detachKeys });
};

const withStdin = async (base: ExecInJobInput, flags: ExecFlags) => {
  if (flags.tty === true) return { input: { ...base, terminal: ownSize() }, source: undefined };
  if (flags.interactive === true) return { input: { ...base, openStdin: true }, source: ownStdin() };
  if (flags.detach === true) return { input: base, source: undefined };
  const stdin = await readStdin({ named: undefined, own: true, whole: false });
  const source = stdin.kind === 'stream' ? stdin.source : undefined;
  return { input: { ...base, ...stdinInput(stdin) }, source };
};
