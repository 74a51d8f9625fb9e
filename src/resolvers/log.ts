/** The types LogBatch and LogEntry, the subscription logs, and the arguments that all ways to read a log share. */
import { checkAll } from '../jobs/faults.ts';
import type {
  LogBatch as Batch,
  LOG_STREAMS,
  LogEntry,
  LogGrep,
  LogStart,
  LogStream as Stream,
} from '../runtime/log/page.ts';
import { builder, identify, SHARED } from './builder.ts';
import { type Malformed, wellFormed } from './scalars.ts';
import { TerminalSizeType } from './terminal.ts';

export const LogStream = builder.enumType('LogStream', {
  description: 'The stream that a command wrote to.',
  values: {
    STDOUT: { description: 'Standard output (descriptor 1).' },
    STDERR: { description: 'Standard error (descriptor 2).' },
    TERMINAL: { description: 'The terminal of a job that has one, instead of the other two.' },
  } as const satisfies Record<(typeof LOG_STREAMS)[number], object>,
});

const LogEntryType = builder.objectRef<LogEntry>('LogEntry').implement({
  description: 'A piece of output as it was read from one stream: not necessarily a line, nor whole lines.',
  fields: (t) => ({
    stream: t.field({
      type: LogStream,
      description: 'The stream it was written to.',
      resolve: ({ stream }) => stream,
    }),
    time: t.expose('timeNs', {
      type: 'DateTime',
      description: 'When it was read, in nanoseconds of the wall clock.',
    }),
    text: t.exposeString('text', {
      description:
        'The bytes decoded as UTF-8. A character split between two entries is whole in the second; invalid bytes become U+FFFD.',
    }),
    bytes: t.expose('bytes', { type: 'Base64', description: 'The bytes exactly as the command wrote them.' }),
    resized: t.field({
      type: TerminalSizeType,
      nullable: true,
      description:
        'The size that the terminal has from here on, in an entry without bytes; null for an entry of output.',
      resolve: ({ resized }) => resized,
    }),
    matched: t.boolean({
      nullable: true,
      description:
        'Whether the entry belongs to a line that matched, rather than to its context; null unless `grep` was given.',
      resolve: ({ matched }) => matched ?? null,
    }),
    cursor: t.exposeString('cursor', { description: 'Pass as `after` to continue with the next entry.' }),
  }),
});

export const LogBatch = builder.objectRef<Batch>('LogBatch').implement({
  description: 'Consecutive entries of a log.',
  extensions: { [SHARED]: true },
  fields: (t) => ({
    entries: t.field({
      type: [LogEntryType],
      description: 'The entries in the order in which they were read. May be empty.',
      resolve: ({ entries }) => [...entries],
    }),
    cursor: t.exposeString('cursor', {
      description: 'Pass as `after` to continue after this batch: no gap, no duplicate.',
    }),
    endOfLog: t.exposeBoolean('endOfLog', {
      description: 'Whether the job has ended and this batch reaches the end of its output.',
    }),
    droppedBytes: t.expose('droppedBytes', {
      type: 'ByteSize',
      description:
        'Bytes that the command wrote within this batch and that were not kept: beyond the output limit, or because the disk was full. Includes `damagedBytes`.',
    }),
    damagedBytes: t.expose('damagedBytes', {
      type: 'ByteSize',
      description:
        'Bytes of the stored log within this batch that are damaged (a failing disk, a changed file) and were passed over; the output that was in them is missing. 0 for a sound log.',
    }),
  }),
});

type Given<T> = T | null | undefined;

/**
 * The arguments that all ways to read a log share, without those that were left out.
 *
 * @throws ClientError `BAD_USER_INPUT` for a malformed time or size
 */
export const logStart = (args: {
  readonly after?: Given<string>;
  readonly line?: Given<number>;
  readonly tail?: Given<number>;
  readonly since?: Given<Date | Malformed>;
  readonly offset?: Given<number | Malformed>;
  readonly stream?: Given<Stream>;
}): LogStart => {
  const { since, offset } = checkAll({
    since: () => wellFormed('since', args.since),
    offset: () => wellFormed('offset', args.offset),
  });
  return {
    ...(typeof args.after === 'string' && { after: args.after }),
    ...(typeof args.line === 'number' && { line: args.line }),
    ...(typeof args.tail === 'number' && { tail: args.tail }),
    ...(since !== undefined && { sinceNs: BigInt(since.getTime()) * 1_000_000n }),
    ...(offset !== undefined && { offset }),
    ...(args.stream && { stream: args.stream }),
  };
};

/** The arguments that say which lines are read, without those that were left out. */
export const logGrep = (args: {
  readonly grep?: Given<string>;
  readonly regex?: Given<boolean>;
  readonly context?: Given<number>;
}): LogGrep => ({
  ...(typeof args.grep === 'string' && { grep: args.grep }),
  ...(typeof args.regex === 'boolean' && { regex: args.regex }),
  ...(typeof args.context === 'number' && { context: args.context }),
});

/** Descriptions of the arguments of `logGrep`. */
export const GREP_HELP = {
  regex:
    'Whether `grep` is a regular expression, in the syntax of RE2: without back-references and look-around, so that the time grows only with what is searched. It is applied to each line, without its newline; a line of more than 64 KiB is searched in parts that overlap. Default false.',
  context:
    'Lines to return before and after each line that is found, from 0 to 100; `LogEntry.matched` distinguishes the two. At most 64 KiB of them before a line. Default 0.',
} as const;

/** Descriptions of the arguments of `logStart`; at most one of the first five may be given. */
export const START_HELP = {
  after: 'Start after this cursor.',
  line: 'Start at the line of this number, counted from 1; with `stream`, counted in that stream alone. Beyond the last line: the current end.',
  tail: 'Start at the last N lines, from 0 to 1000000.',
  since: 'Start at the first output written at this time or later.',
  offset: 'Start at this byte of the output, counted from 0; with `stream`, counted in that stream alone.',
  stream: 'Only the output of this stream. Default: both.',
} as const;

builder.subscriptionField('logs', (t) =>
  t.field({
    type: LogBatch,
    description:
      'The output of a job from the beginning, or from where `after`, `line`, `tail`, `since` or `offset` says (at most one of them), then live. Completes when the job has ended and everything has been sent.',
    args: {
      jobId: t.arg.id({ required: true, description: 'The id of the job.' }),
      after: t.arg.string({ description: START_HELP.after }),
      line: t.arg.int({ description: START_HELP.line }),
      tail: t.arg.int({ description: START_HELP.tail }),
      since: t.arg({ type: 'DateTime', description: START_HELP.since }),
      offset: t.arg({ type: 'ByteSize', description: START_HELP.offset }),
      stream: t.arg({ type: LogStream, description: START_HELP.stream }),
      grep: t.arg.string({
        description:
          'Only lines that contain this text, of 1 to 1024 bytes without newline, each once it is complete.',
      }),
      regex: t.arg.boolean({ description: GREP_HELP.regex }),
      context: t.arg.int({ description: GREP_HELP.context }),
      follow: t.arg.boolean({
        defaultValue: true,
        description: 'Whether to wait for more output; otherwise completes at the current end of the log.',
      }),
    },
    subscribe: (_root, args, context) =>
      context.jobs.followLog(identify(context), args.jobId, {
        ...logStart(args),
        ...logGrep(args),
        follow: args.follow ?? true,
      }),
    resolve: (page) => page,
  }),
);
