/** The command `cloister run`. */

import type { ClientConfig } from '../../config/config.ts';
import { type Connection, connect } from '../connection.ts';
import { CliError, InputLost, OutputLost } from '../errors.ts';
import { ending } from '../exit-code.ts';
import { feed } from '../feed.ts';
import { SubmitJobDocument } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { endedJob, type Job } from '../job.ts';
import { shortId } from '../job-id.ts';
import { filesInput } from '../local-file.ts';
import { rawPrinter } from '../log-output.ts';
import { readLogs } from '../logs.ts';
import { aside, note } from '../output.ts';
import { request } from '../request.ts';
import type { StdinSource } from '../stdin.ts';
import { Stopper } from '../stopper.ts';
import { type CommandWords, type Submission, type SubmitFlags, submission } from '../submit-input.ts';
import { workWith } from '../terminal-session.ts';
import { takeArtifacts } from './artifacts.ts';
import { detached, keysOf } from './attach.ts';

/** The flags that only `run` has. */
export interface RunFlags {
  readonly quiet?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly detachKeys?: string;
  /** The folder for its artifacts when it has ended. */
  readonly artifactDir?: string;
}

/**
 * `cloister run`: submits a job, follows its output and exits as it does. A signal that would end this program stops
 * the job, and so does losing the reader of its output, as either would end a local command.
 *
 * @returns the exit code
 * @throws CliError for flags that exclude each other
 */
export const run = async (
  config: ClientConfig,
  words: CommandWords,
  flags: SubmitFlags & RunFlags,
): Promise<number> => {
  const keys = keysOf(flags);
  if (
    flags.artifactDir !== undefined &&
    [flags.artifact, flags.optionalArtifact].every((each) => !each?.length)
  )
    throw new CliError('--artifact-dir: expected together with --artifact');
  const given = await submission(words, flags, { own: true });
  return submitAndFollow(await connect(config), given, { ...flags, keys });
};

/** How a job that was started is followed. */
export interface FollowOptions extends RunFlags {
  /** It has artifacts. */
  readonly hasArtifacts?: boolean;
  /** The keys that detach from a terminal. */
  readonly keys?: Buffer;
}

/**
 * Submits a job, feeds it, and follows it, and each further attempt, to the end.
 *
 * @returns the exit code
 */
export const submitAndFollow = (
  connection: Connection,
  { input, source, files }: Submission,
  options: FollowOptions,
): Promise<number> => {
  const start = async () => {
    const given = await filesInput(connection, files);
    const whole = given === undefined ? input : { ...input, files: given };
    return (await request(connection, SubmitJobDocument, { input: whole })).submitJob.job;
  };
  return followStarted(connection, start, source, { ...options, hasArtifacts: !!input.artifacts?.length });
};

/**
 * Starts a job and follows it, on our terminal if it has one.
 *
 * @param source its standard input
 * @returns the exit code
 */
export const followStarted = async (
  connection: Connection,
  start: () => Promise<Job>,
  source: StdinSource | undefined,
  options: FollowOptions,
): Promise<number> => {
  const { quiet = false, tty = false, interactive = false, keys = Buffer.alloc(0) } = options;
  const remark = quiet ? async () => undefined : aside;
  // Reading stops when the job has ended.
  await using _ = source;
  using stopper = new Stopper(connection, remark);
  const job = await start();
  await remark(introduction(job));
  if (tty) {
    stopper.submitted(job.id);
    const session = { from: {}, input: interactive, shared: false, detachKeys: keys, redraw: false };
    if ((await workWith(connection, job.id, session)) === 'detached') return await detached(job.id);
    const { code, sentence } = ending(await endedJob(connection, job.id));
    if (sentence !== undefined) await note(inert(sentence));
    return withArtifacts(connection, job.id, code, options);
  }
  const followed = follow(connection, job.id, stopper, options);
  if (source === undefined) return await followed;
  // The command may end without reading all of its input, and may run on when it has.
  const fed = feedOrStop(connection, job.id, source, stopper).then(() => followed);
  for (const either of [followed, fed]) either.catch(() => undefined);
  return await Promise.race([followed, fed]);
};

/** Feeds a job, and stops it when the input cannot be read to its end: its result would be that of different input. */
const feedOrStop = async (
  connection: Connection,
  jobId: string,
  source: StdinSource,
  stopper: Stopper,
): Promise<void> => {
  try {
    await feed(connection, jobId, source);
  } catch (error) {
    if (error instanceof InputLost) await stopper.stop();
    throw error;
  }
};

/** Prints the output of a job, and of each further attempt. */
const follow = async (
  connection: Connection,
  firstId: string,
  stopper: Stopper,
  options: FollowOptions,
): Promise<number> => {
  for (let jobId = firstId; ; ) {
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
    if (ended.retriedBy === null) return withArtifacts(connection, jobId, code, options);
    await note(`attempt ${ended.attempt} failed (${sentence ?? `exit code ${code}`}): trying again`);
    jobId = ended.retriedBy.id;
  }
};

/** Says what could not be kept, and downloads the rest: that one is missing does not change the exit code. */
const withArtifacts = async (
  connection: Connection,
  jobId: string,
  code: number,
  { hasArtifacts, artifactDir }: FollowOptions,
): Promise<number> => {
  if (hasArtifacts) await takeArtifacts(connection, jobId, artifactDir);
  return code;
};

/** Prints which job it is, and what it waits for. */
const introduction = ({ id, name, queue }: Job): string => {
  const job = `job ${shortId(id)}${name === null ? '' : ` (${inert(name)})`}`;
  if (queue === null) return job;
  const place = queue.position === null ? 'waits' : `is number ${queue.position} in the queue`;
  return `${job} ${place}: ${inert(queue.reason)}`;
};
