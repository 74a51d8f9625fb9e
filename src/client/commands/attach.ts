/** The command `cloister attach`. */

import type { ClientConfig } from '../../config/config.ts';
import { isFinalStatus } from '../../job-status.ts';
import { connect } from '../connection.ts';
import { ending } from '../exit-code.ts';
import { expected } from '../flag-values.ts';
import { AttachedJobDocument } from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { endedJob } from '../job.ts';
import { findJobId, shortId } from '../job-id.ts';
import { rawPrinter } from '../log-output.ts';
import { readLogs } from '../logs.ts';
import { note } from '../output.ts';
import { request } from '../request.ts';
import { DETACH_KEYS, exitOnSignals, ownSize, parseKeys, workWith } from '../terminal-session.ts';

/** The flags of `cloister attach`. */
export interface AttachFlags {
  readonly input?: boolean;
  readonly detachKeys?: string;
}

/**
 * `cloister attach`: shows the last screenful of a job and all further output, passes on input, and exits as the job
 * does. Whatever ends it, the job continues.
 *
 * @returns the exit code
 */
export const attach = async (config: ClientConfig, job: string, flags: AttachFlags): Promise<number> => {
  const detachKeys = keysOf(flags);
  const connection = await connect(config);
  const jobId = await findJobId(connection, job);
  const { job: found } = await request(connection, AttachedJobDocument, { id: jobId });
  const tail = ownSize().rows;
  const isOpen = found !== null && !isFinalStatus(found.status);
  if (isOpen && (found.terminal !== null || found.openStdin)) {
    exitOnSignals();
    const input = found.openStdin && flags.input !== false;
    const redraw = found.terminal !== null && found.status === 'RUNNING';
    const session = { from: { tail }, input, shared: true, detachKeys, redraw };
    if ((await workWith(connection, jobId, session)) === 'detached') return await detached(jobId);
  } else {
    const printer = rawPrinter(false);
    const log = { jobId, tail, follow: true, withTime: false, withText: false };
    for await (const batch of readLogs(connection, log)) await printer.batch(batch);
  }
  const { code, sentence } = ending(await endedJob(connection, jobId));
  if (sentence !== undefined) await note(inert(sentence));
  return code;
};

/** @throws CliError for a malformed sequence of keys */
export const keysOf = ({ detachKeys = DETACH_KEYS }: AttachFlags): Buffer => {
  const keys = detachKeys === '' ? Buffer.alloc(0) : parseKeys(detachKeys);
  if (keys === undefined)
    throw expected('--detach-keys', 'keys such as ctrl-p,ctrl-q or ctrl-a,d', detachKeys);
  return keys;
};

/** Ends the program when a person has detached from a job, and with it the stream of output. */
export const detached = async (jobId: string): Promise<never> => {
  const id = shortId(jobId);
  await note(`detached: job ${id} continues; "cloister attach ${id}" returns to it`);
  process.exit(0);
};
