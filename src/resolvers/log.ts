import type { LogStart } from '../jobs/service.ts';
import { LOG_STREAMS, type LogEntry, type LogPage, type LogStream as Stream } from '../runtime/log/page.ts';
import { builder, identify } from './builder.ts';
import { type Malformed, wellFormed } from './scalars.ts';

export const LogStream = builder.enumType('LogStream', { values: LOG_STREAMS });

const LogEntryType = builder.objectRef<LogEntry>('LogEntry').implement({
  description: 'Some output of one stream, as it was read.',
  fields: (t) => ({
    stream: t.field({ type: LogStream, resolve: ({ stream }) => stream }),
    time: t.expose('time', { type: 'DateTime' }),
    text: t.exposeString('text', {
      description:
        'The bytes as UTF-8. A character that is cut between two entries is whole in the second; what is not UTF-8 is U+FFFD.',
    }),
    bytes: t.expose('bytes', { type: 'Base64', description: 'The bytes as the command wrote them.' }),
    cursor: t.exposeString('cursor', { description: 'Reading after it goes on behind this entry.' }),
  }),
});

export const LogBatch = builder.objectRef<LogPage>('LogBatch').implement({
  fields: (t) => ({
    entries: t.field({ type: [LogEntryType], resolve: ({ entries }) => [...entries] }),
    cursor: t.exposeString('cursor', { description: 'Reading after it goes on behind this batch.' }),
    endOfLog: t.exposeBoolean('endOfLog', {
      description: 'The job has ended, and this batch reaches the end of what it wrote.',
    }),
    droppedBytes: t.expose('droppedBytes', {
      type: 'ByteSize',
      description: 'Bytes that were written here and not kept.',
    }),
  }),
});

type Given<T> = T | null | undefined;

/**
 * The arguments that all ways to read a log share, without those that were left out.
 *
 * @throws GraphQLError `BAD_USER_INPUT` for a time or a size that is none
 */
export const logStart = (args: {
  readonly after?: Given<string>;
  readonly tail?: Given<number>;
  readonly since?: Given<Date | Malformed>;
  readonly offset?: Given<number | Malformed>;
  readonly stream?: Given<Stream>;
}): LogStart => {
  const since = wellFormed('since', args.since);
  const offset = wellFormed('offset', args.offset);
  return {
    ...(typeof args.after === 'string' && { after: args.after }),
    ...(typeof args.tail === 'number' && { tail: args.tail }),
    ...(since !== undefined && { since }),
    ...(offset !== undefined && { offset }),
    ...(args.stream && { stream: args.stream }),
  };
};

/** The arguments of `logStart`, as a schema tells them; only one of the first four may be given. */
export const START_HELP = {
  after: 'Go on behind this cursor.',
  tail: 'Begin at the last so many lines.',
  since: 'Begin at the first output of this time or later.',
  offset: 'Begin at this byte of the output, counted from 0; of `stream`, if one is given.',
  stream: 'Only this stream.',
} as const;

builder.subscriptionField('logs', (t) =>
  t.field({
    type: LogBatch,
    description:
      'What a job writes: from the beginning, or from where one of `after`, `tail`, `since` and `offset` says; then what comes. Completes when the job has ended and everything was sent.',
    args: {
      jobId: t.arg.id({ required: true }),
      after: t.arg.string({ description: START_HELP.after }),
      tail: t.arg.int({ description: START_HELP.tail }),
      since: t.arg({ type: 'DateTime', description: START_HELP.since }),
      offset: t.arg({ type: 'ByteSize', description: START_HELP.offset }),
      stream: t.arg({ type: LogStream, description: START_HELP.stream }),
      follow: t.arg.boolean({
        defaultValue: true,
        description: 'Wait for more; otherwise complete at the present end.',
      }),
    },
    subscribe: (_root, args, context) =>
      context.jobs.followLog(identify(context), args.jobId, {
        ...logStart(args),
        follow: args.follow ?? true,
      }),
    resolve: (page) => page,
  }),
);
