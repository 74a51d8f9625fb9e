/** The command `cloister logs`. */

import type { ClientConfig } from '../../config/config.ts';
import { type Connection, connect } from '../connection.ts';
import { CliError } from '../errors.ts';
import { moment, oneOf, whole } from '../flag-values.ts';
import type { LogStream } from '../generated/operations.ts';
import { findJobId, shortLength } from '../job-id.ts';
import { jsonPrinter, type LogPrinter, prefixedPrinter, rawPrinter } from '../log-output.ts';
import { before, type LogBatch, type LogRequest, readLogs } from '../logs.ts';
import { styled } from '../style.ts';

interface LogFlags {
  readonly follow?: boolean;
  readonly line?: string;
  readonly tail?: string;
  readonly since?: string;
  readonly until?: string;
  readonly grep?: string;
  readonly regex?: boolean;
  readonly context?: string;
  readonly stream?: string;
  readonly timestamps?: boolean;
  readonly raw?: boolean;
  readonly json?: boolean;
}

/**
 * `cloister logs`: for one job the bytes as the command wrote them, its stdout on ours and its stderr on ours; for
 * several the lines of each with a prefix, interleaved when they are followed and one job after the other otherwise.
 *
 * @throws CliError for flags that exclude each other
 */
export const logs = async (config: ClientConfig, jobs: readonly string[], flags: LogFlags): Promise<void> => {
  const { json = false, timestamps = false, follow = false } = flags;
  if (flags.raw && flags.stream === undefined) throw new CliError('--raw: expected together with --stream');
  for (const name of ['json', 'timestamps'] as const)
    if (flags.raw && flags[name]) throw new CliError(`--${name}: expected without --raw, got both`);
  if (flags.raw && jobs.length > 1) throw new CliError('--raw: expected one job, got several');
  const read = reader(flags);
  const connection = await connect(config);
  const ids = await Promise.all(jobs.map((job) => findJobId(connection, job)));
  const length = shortLength(ids);
  const print = async (jobId: string, index: number): Promise<void> => {
    const printer = ((): LogPrinter => {
      if (json) return jsonPrinter(ids.length > 1 ? jobId : undefined);
      if (ids.length === 1) return rawPrinter(timestamps, flags.raw ? () => process.stdout : undefined);
      return prefixedPrinter((stream) => prefix(jobId.slice(0, length), index, stream), timestamps);
    })();
    for await (const batch of read(connection, jobId)) await printer.batch(batch);
    await printer.end();
  };
  if (follow) await Promise.all(ids.map(print));
  else for (const [index, id] of ids.entries()) await print(id, index);
};

const COLOURS = ['cyan', 'yellow', 'green', 'magenta', 'blue'] as const;

const prefix = (name: string, index: number, stream: NodeJS.WriteStream): string =>
  `${styled(COLOURS[index % COLOURS.length] ?? 'cyan', `${name} |`, stream)} `;

/** The reader of one log, as the flags request. */
const reader = (flags: LogFlags): ((connection: Connection, jobId: string) => AsyncIterable<LogBatch>) => {
  const { line, tail, since, until, grep, regex, context, stream, json = false, follow = false } = flags;
  const [first, second] = Object.entries({ line, tail, since }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  if (second !== undefined) throw new CliError(`--${second}: expected without --${first}, got both`);
  for (const [name, value] of Object.entries({ regex, context }))
    if (value !== undefined && grep === undefined)
      throw new CliError(`--${name}: expected together with --grep`);
  if (grep !== undefined && !/^[^\n]+$/.test(grep))
    throw new CliError('--grep: expected a text within one line');
  const now = Date.now();
  const end = until === undefined ? undefined : moment('--until', 'ago', until, now);
  const request: Omit<LogRequest, 'jobId'> = {
    line: line === undefined ? undefined : whole('--line', line, 1),
    tail: tail === undefined ? undefined : whole('--tail', tail),
    since: since === undefined ? undefined : moment('--since', 'ago', since, now),
    stream:
      stream === undefined
        ? undefined
        : oneOf<LogStream>('--stream', ['STDOUT', 'STDERR', 'TERMINAL'], stream),
    grep,
    regex,
    context: context === undefined ? undefined : whole('--context', context, 0, 100),
    follow,
    withTime: (flags.timestamps ?? false) || json || end !== undefined,
    withText: json,
  };
  return (connection, jobId) => {
    const batches = readLogs(connection, { jobId, ...request });
    return end === undefined ? batches : before(batches, end);
  };
};
