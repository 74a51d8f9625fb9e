/** The command `cloister replay`. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientConfig } from '../../config/config.ts';
import { parseDuration } from '../../units.ts';
import { castHeader, castOutput, castResize } from '../asciicast.ts';
import { type Connection, connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { duration, expected } from '../flag-values.ts';
import { commandLine } from '../format.ts';
import { ReplayJobDocument, type ReplayJobQuery } from '../generated/operations.ts';
import { findJobId } from '../job-id.ts';
import { type LogBatch, readLogs } from '../logs.ts';
import { write } from '../output.ts';
import { request } from '../request.ts';
import { type Pace, Timeline } from '../timeline.ts';

interface ReplayFlags {
  readonly speed?: string;
  readonly from?: string;
  readonly maxIdle?: string;
  readonly cast?: string;
}

type Job = NonNullable<ReplayJobQuery['job']>;
type Entry = LogBatch['entries'][number];

/** The size that players assume for output that was not written to a terminal. */
const USUAL_SIZE = { rows: 24, columns: 80 };

/**
 * Leaves the alternate screen, shows the cursor, and resets colours, since a session that was cut may not have done so.
 */
const RESTORE = '\x1b[?1049l\x1b[?25h\x1b[0m';

/**
 * `cloister replay`: shows the output of a job at the pace at which it was written, or writes it as an asciicast.
 *
 * @throws CliError when the job is deleted meanwhile
 */
export const replay = async (config: ClientConfig, name: string, flags: ReplayFlags): Promise<void> => {
  const pace = paceOf(flags);
  const connection = await connect(config);
  const { job } = await request(connection, ReplayJobDocument, { id: await findJobId(connection, name) });
  if (job === null) throw new CliError('the job was deleted');
  if (flags.cast === undefined) await play(connection, job, pace);
  else await record(connection, job, pace, flags.cast);
};

const paceOf = ({ speed = '1', from, maxIdle }: ReplayFlags): Pace => {
  if (!/^\d+(\.\d+)?$/.test(speed) || !(Number(speed) >= 0.01 && Number(speed) <= 1000))
    throw expected('--speed', 'a number from 0.01 to 1000', speed);
  const ms = (flag: string, text: string | undefined, otherwise: number): number =>
    text === undefined ? otherwise : (parseDuration(duration(flag, text)) ?? otherwise);
  return {
    speed: Number(speed),
    fromMs: ms('--from', from, 0),
    mostIdleMs: ms('--max-idle', maxIdle, Number.POSITIVE_INFINITY),
  };
};

/**
 * The entries that are replayed, and when. Earlier ones are shown at once on a terminal, since the screen depends on
 * them.
 */
async function* placed(
  connection: Connection,
  job: Job,
  pace: Pace,
  withText: boolean,
): AsyncGenerator<readonly [number, Entry], void, void> {
  const timeline = new Timeline(pace, job.startedAt ?? undefined);
  const log = { jobId: job.id, follow: false, withTime: true, withText, withSize: true };
  for await (const { entries } of readLogs(connection, log))
    for (const entry of entries) {
      const atMs = timeline.place(entry.time ?? '');
      if (atMs >= 0 || job.terminal !== null) yield [Math.max(0, atMs), entry];
    }
}

const play = async (connection: Connection, job: Job, pace: Pace): Promise<void> => {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once('SIGINT', interrupt);
  const began = performance.now();
  try {
    for await (const [atMs, { stream, bytes }] of placed(connection, job, pace, false)) {
      await pauseUntil(began + atMs, interrupted.signal);
      if (interrupted.signal.aborted) break;
      await write(stream === 'STDERR' ? process.stderr : process.stdout, Buffer.from(bytes, 'base64'));
    }
  } finally {
    process.removeListener('SIGINT', interrupt);
    if (job.terminal !== null && process.stdout.isTTY) await write(process.stdout, RESTORE);
  }
  if (interrupted.signal.aborted) process.exitCode = 130;
};

/** The longest wait of a Node.js timer, in milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const pauseUntil = async (timeMs: number, signal: AbortSignal): Promise<void> => {
  for (let left = timeMs - performance.now(); left > 0 && !signal.aborted; left = timeMs - performance.now())
    // An abort ends the pause; the caller checks for it.
    await delay(Math.min(left, LONGEST_TIMER_MS), undefined, { signal }).catch(() => undefined);
};

const record = async (connection: Connection, job: Job, pace: Pace, file: string): Promise<void> => {
  const to = file === '-' ? process.stdout : createWriteStream(file);
  if (to !== process.stdout)
    await once(to, 'open').catch((error: Error) => {
      throw new CliError(`--cast: ${error.message}`, 1, { cause: error });
    });
  const { name, startedAt, terminal } = job;
  const size = terminal ?? USUAL_SIZE;
  await write(to, castHeader({ size, startedAt, title: name, command: commandLine(job) }));
  let previous = '';
  for await (const [atMs, { text = '', resized }] of placed(connection, job, pace, true)) {
    if (resized) await write(to, castResize(atMs, resized));
    if (text === '') continue;
    // Without a terminal, newlines have not been translated to CR LF.
    const shown = terminal === null ? asOnTerminal(text, previous) : text;
    previous = text;
    await write(to, castOutput(atMs, shown));
  }
  if (to !== process.stdout) {
    to.end();
    await once(to, 'close');
  }
};

/** @param previous the output before it, which may end between `\r` and `\n` */
const asOnTerminal = (text: string, previous: string): string => {
  const all = text.replace(/(?<!\r)\n/g, '\r\n');
  return text.startsWith('\n') && previous.endsWith('\r') ? all.slice(1) : all;
};
