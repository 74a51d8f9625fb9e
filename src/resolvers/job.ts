import { notFound } from '../jobs/errors.ts';
import { JOB_STATUSES, type Job, LIMIT_KINDS, type OutputCount } from '../jobs/job.ts';
import { builder, identify } from './builder.ts';
import { CapabilityProfile } from './capability-profile.ts';
import { EnvVarType } from './env-var.ts';
import { IsolationType } from './isolation.ts';
import { LabelType } from './label.ts';
import { LimitHitType } from './limit-hit.ts';
import { LimitsType } from './limits.ts';
import { LogBatch, LogStream, logStart, START_HELP } from './log.ts';
import { QueuePlaceType } from './queue-place.ts';
import { wellFormed } from './scalars.ts';
import { UsageType } from './usage.ts';

export const JobStatus = builder.enumType('JobStatus', {
  description: 'Where a job is on its way: QUEUED, then RUNNING, then one of the others, for good.',
  values: JOB_STATUSES,
});

export const LimitKind = builder.enumType('LimitKind', {
  description: 'A limit whose excess ends a job.',
  values: LIMIT_KINDS,
});

const OutputType = builder.objectRef<OutputCount>('JobOutput').implement({
  description: 'Bytes that a job wrote, both streams together.',
  fields: (t) => ({
    kept: t.expose('kept', { type: 'ByteSize', description: 'Those in the log.' }),
    dropped: t.expose('dropped', {
      type: 'ByteSize',
      description: 'Those that were not kept: beyond the limit, or for want of room on the disk.',
    }),
  }),
});

export const JobNode = builder.node(builder.objectRef<Job>('Job'), {
  description: 'A command and what became of it.',
  id: { resolve: (job) => job.id },
  loadOne: (id, context) => context.jobs.get(identify(context), id),
  fields: (t) => ({
    name: t.string({ nullable: true, resolve: ({ spec }) => spec.name }),
    command: t.string({
      nullable: true,
      description: 'The command line, when it was given as one.',
      resolve: ({ spec }) => (spec.command.kind === 'shell' ? spec.command.line : null),
    }),
    argv: t.stringList({
      nullable: true,
      description: 'The argument vector, when it was given as one.',
      resolve: ({ spec }) => (spec.command.kind === 'argv' ? [...spec.command.argv] : null),
    }),
    image: t.string({ resolve: ({ spec }) => spec.image }),
    env: t.field({ type: [EnvVarType], resolve: ({ spec }) => [...spec.env] }),
    workdir: t.string({ nullable: true, resolve: ({ spec }) => spec.workdir }),
    user: t.string({ nullable: true, resolve: ({ spec }) => spec.user }),
    hostname: t.string({ nullable: true, resolve: ({ spec }) => spec.hostname }),
    capabilities: t.field({ type: CapabilityProfile, resolve: ({ spec }) => spec.capabilities }),
    status: t.field({ type: JobStatus, resolve: ({ state }) => state.status }),
    exitCode: t.int({
      nullable: true,
      description: 'The exit code of the command, when it ended by itself.',
      resolve: ({ state }) =>
        'termination' in state && state.termination?.kind === 'exited' ? state.termination.code : null,
    }),
    signal: t.string({
      nullable: true,
      description: 'The signal that ended the command, such as SIGKILL.',
      resolve: ({ state }) =>
        'termination' in state && state.termination?.kind === 'signaled' ? state.termination.signal : null,
    }),
    limitExceeded: t.field({
      type: LimitKind,
      nullable: true,
      resolve: ({ state }) => ('limit' in state ? state.limit : null),
    }),
    error: t.string({
      nullable: true,
      description: 'Why the job did not end by itself, in a sentence.',
      resolve: ({ state }) => ('error' in state ? state.error : null),
    }),
    limitsHit: t.field({
      type: [LimitHitType],
      description: 'The limits that the job ran into, the one that ended it first. Empty while it runs.',
      resolve: ({ state }) => ('hits' in state ? [...state.hits] : []),
    }),
    output: t.field({
      type: OutputType,
      nullable: true,
      description: 'How much it wrote; null while it runs.',
      resolve: ({ state }) => ('output' in state ? state.output : null),
    }),
    owner: t.exposeString('owner'),
    labels: t.field({ type: [LabelType], resolve: ({ spec }) => [...spec.labels] }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ state }) => ('startedAt' in state ? state.startedAt : null),
    }),
    pausedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Since when the job is paused; null when it is not.',
      resolve: ({ state }) => ('pausedAt' in state ? state.pausedAt : null),
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ state }) => ('finishedAt' in state ? state.finishedAt : null),
    }),
    limits: t.field({ type: LimitsType, resolve: ({ spec }) => spec.limits }),
    isolation: t.field({
      type: IsolationType,
      nullable: true,
      description:
        'What holds the command, read from the kernel when it had been executed and not taken from what was asked for. Null before, and where it could not be kept: the job was killed in its first moment, or the disk was full.',
      resolve: (job, _args, { jobs }) => jobs.isolation(job),
    }),
    usage: t.field({
      type: UsageType,
      nullable: true,
      description: 'Live while the job runs, final afterwards.',
      resolve: (job, _args, { jobs }) => jobs.usage(job),
    }),
    pinned: t.exposeBoolean('pinned', {
      description: 'It is kept, however old it is.',
    }),
    priority: t.int({ resolve: ({ spec }) => spec.priority }),
    startAfter: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ spec }) => (spec.startAfter === null ? null : new Date(spec.startAfter)),
    }),
    queue: t.field({
      type: QueuePlaceType,
      nullable: true,
      description: 'Where the job waits for its turn; null when it does not wait.',
      resolve: (job, _args, { jobs }) => jobs.queuePlace(job) ?? null,
    }),
    logs: t.field({
      type: LogBatch,
      description: 'One page of what the job wrote.',
      args: {
        after: t.arg.string({ description: START_HELP.after }),
        first: t.arg({ type: 'ByteSize', description: 'Bytes of output at most. Default 64Ki.' }),
        tail: t.arg.int({ description: START_HELP.tail }),
        since: t.arg({ type: 'DateTime', description: START_HELP.since }),
        offset: t.arg({ type: 'ByteSize', description: START_HELP.offset }),
        stream: t.arg({ type: LogStream, description: START_HELP.stream }),
        grep: t.arg.string({
          description:
            'Only lines that contain this text. A page searches at most 64 MiB: go on behind its cursor until `endOfLog`.',
        }),
      },
      resolve: (job, args, context) => {
        const first = wellFormed('first', args.first);
        return context.jobs.readLog(identify(context), job.id, {
          ...logStart(args),
          ...(first !== undefined && { first }),
          ...(typeof args.grep === 'string' && { grep: args.grep }),
        });
      },
    }),
  }),
});

builder.queryField('job', (t) =>
  t.field({
    type: JobNode,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_root, { id }, context) => {
      const job = await context.jobs.get(identify(context), id);
      if (job === undefined) throw notFound('id', 'job', id);
      return job;
    },
  }),
);
