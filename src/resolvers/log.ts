import { LOG_STREAMS, type LogEntry, type LogPage, type LogStream as Stream } from '../runtime/log/page.ts';
import { builder, identify } from './builder.ts';

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

interface Window {
  readonly after?: string;
  readonly tail?: number;
  readonly stream?: Stream;
}

/** The arguments that all ways to read a log share, without those that were left out. */
export const logArguments = (args: {
  readonly after?: string | null | undefined;
  readonly tail?: number | null | undefined;
  readonly stream?: Stream | null | undefined;
}): Window => ({
  ...(typeof args.after === 'string' && { after: args.after }),
  ...(typeof args.tail === 'number' && { tail: args.tail }),
  ...(args.stream && { stream: args.stream }),
});

builder.subscriptionField('logs', (t) =>
  t.field({
    type: LogBatch,
    description:
      'What a job writes: from the beginning, or behind `after`, or from the last `tail` lines; then what comes. Completes when the job has ended and everything was sent.',
    args: {
      jobId: t.arg.id({ required: true }),
      after: t.arg.string({ description: 'Go on behind this cursor.' }),
      tail: t.arg.int({ description: 'Begin at the last so many lines.' }),
      stream: t.arg({ type: LogStream, description: 'Only this stream.' }),
      follow: t.arg.boolean({
        defaultValue: true,
        description: 'Wait for more; otherwise complete at the present end.',
      }),
    },
    subscribe: (_root, args, context) =>
      context.jobs.followLog(identify(context), args.jobId, {
        ...logArguments(args),
        follow: args.follow ?? true,
      }),
    resolve: (page) => page,
  }),
);
