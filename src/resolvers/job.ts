import { notFound } from '../jobs/errors.ts';
import {
  type EnvVar,
  JOB_STATUSES,
  type Job,
  type Label,
  LIMIT_KINDS,
  type Limits,
  type Usage,
} from '../store/job.ts';
import type { Page } from '../store/store.ts';
import { builder, identify } from './builder.ts';
import { LogBatch, LogStream, logArguments } from './log.ts';
import { checkPage } from './page.ts';
import { wellFormed } from './scalars.ts';

export const JobStatus = builder.enumType('JobStatus', {
  description: 'Where a job is on its way: QUEUED, then RUNNING, then one of the others, for good.',
  values: JOB_STATUSES,
});

export const LimitKind = builder.enumType('LimitKind', {
  description: 'A limit whose excess ends a job.',
  values: LIMIT_KINDS,
});

const LabelType = builder.objectRef<Label>('Label').implement({
  fields: (t) => ({ key: t.exposeString('key'), value: t.exposeString('value') }),
});

const EnvVarType = builder.objectRef<EnvVar>('EnvVar').implement({
  fields: (t) => ({ name: t.exposeString('name'), value: t.exposeString('value') }),
});

const LimitsType = builder.objectRef<Limits>('Limits').implement({
  description: 'What bounds a job. A limit that this server cannot enforce is null.',
  fields: (t) => ({
    cpus: t.exposeFloat('cpus', { nullable: true, description: "CPUs' worth of time: 0.5 is half a core." }),
    memory: t.expose('memory', { type: 'ByteSize', nullable: true }),
    swap: t.expose('swap', { type: 'ByteSize', nullable: true }),
    pids: t.exposeInt('pids', { nullable: true, description: 'Processes and threads at a time.' }),
    disk: t.expose('disk', { type: 'ByteSize', description: 'The writable layer of the root.' }),
    timeout: t.expose('timeout', { type: 'Duration', description: 'Wall time.' }),
    output: t.expose('output', {
      type: 'ByteSize',
      description: 'Output that is kept, both streams together.',
    }),
  }),
});

const milliseconds = (microseconds: number | null): number | null =>
  microseconds === null ? null : microseconds / 1000;

const UsageType = builder.objectRef<Usage>('Usage').implement({
  description: 'What a job has consumed, as its cgroup counted. What this server cannot count is null.',
  fields: (t) => ({
    cpuTime: t.field({ type: 'Duration', resolve: (usage) => usage.cpuTime / 1000 }),
    userTime: t.field({ type: 'Duration', nullable: true, resolve: (usage) => milliseconds(usage.userTime) }),
    systemTime: t.field({
      type: 'Duration',
      nullable: true,
      resolve: (usage) => milliseconds(usage.systemTime),
    }),
    memoryCurrent: t.expose('memoryCurrent', { type: 'ByteSize', nullable: true }),
    memoryPeak: t.expose('memoryPeak', { type: 'ByteSize', nullable: true }),
    pidsPeak: t.exposeInt('pidsPeak', { nullable: true }),
    ioRead: t.expose('ioRead', { type: 'ByteSize', nullable: true }),
    ioWritten: t.expose('ioWritten', { type: 'ByteSize', nullable: true }),
    oomKills: t.exposeInt('oomKills', { nullable: true }),
    throttledTime: t.field({
      type: 'Duration',
      nullable: true,
      description: 'Time for which the CPU limit held the job back.',
      resolve: (usage) => milliseconds(usage.throttledTime),
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
    owner: t.exposeString('owner'),
    labels: t.field({ type: [LabelType], resolve: ({ spec }) => [...spec.labels] }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    startedAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ state }) => ('startedAt' in state ? state.startedAt : null),
    }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      resolve: ({ state }) => ('finishedAt' in state ? state.finishedAt : null),
    }),
    limits: t.field({ type: LimitsType, resolve: ({ spec }) => spec.limits }),
    usage: t.field({
      type: UsageType,
      nullable: true,
      description: 'Live while the job runs, final afterwards.',
      resolve: (job, _args, { jobs }) => jobs.usage(job),
    }),
    logs: t.field({
      type: LogBatch,
      description: 'One page of what the job wrote.',
      args: {
        after: t.arg.string({ description: 'Go on behind this cursor.' }),
        first: t.arg({ type: 'ByteSize', description: 'Bytes of output at most. Default 64Ki.' }),
        tail: t.arg.int({ description: 'Begin at the last so many lines.' }),
        stream: t.arg({ type: LogStream, description: 'Only this stream.' }),
      },
      resolve: (job, args, context) => {
        const first = wellFormed('first', args.first);
        return context.jobs.readLog(identify(context), job.id, {
          ...logArguments(args),
          ...(first !== undefined && { first }),
        });
      },
    }),
  }),
});

const LabelInput = builder.inputType('LabelInput', {
  fields: (t) => ({ key: t.string({ required: true }), value: t.string({ required: true }) }),
});

const JobFilter = builder.inputType('JobFilter', {
  description: 'Which jobs: every field that is given must match.',
  fields: (t) => ({
    status: t.field({ type: [JobStatus] }),
    name: t.string(),
    image: t.string(),
    owner: t.string(),
    label: t.field({ type: LabelInput }),
    createdAfter: t.field({ type: 'DateTime' }),
    createdBefore: t.field({ type: 'DateTime' }),
  }),
});

const JobOrder = builder.enumType('JobOrder', {
  description: 'By time of creation.',
  values: ['NEWEST_FIRST', 'OLDEST_FIRST'] as const,
});

const DEFAULT_FIRST = 20;

const JobConnection = builder.connectionObject(
  {
    type: JobNode,
    name: 'JobConnection',
    fields: (t) => ({
      totalCount: t.int({
        description: 'How many jobs match in all.',
        // Pothos keeps what the resolver of `jobs` returned, but its type of a connection has no room for more.
        resolve: (connection) => (connection as unknown as JobPage).total(),
      }),
    }),
  },
  { name: 'JobEdge' },
);

/** A connection that counts only when it is asked to. */
interface JobPage {
  readonly total: () => Promise<number>;
}

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

builder.queryField('jobs', (t) =>
  t.field({
    type: JobConnection,
    args: {
      ...t.arg.connectionArgs(),
      filter: t.arg({ type: JobFilter }),
      orderBy: t.arg({ type: JobOrder, defaultValue: 'NEWEST_FIRST' }),
    },
    resolve: async (_root, args, context) => {
      const identity = identify(context);
      const { filter: asked } = args;
      const createdAfter = wellFormed('filter.createdAfter', asked?.createdAfter);
      const createdBefore = wellFormed('filter.createdBefore', asked?.createdBefore);
      const filter = {
        ...(asked?.status && { status: asked.status }),
        ...(typeof asked?.name === 'string' && { name: asked.name }),
        ...(typeof asked?.image === 'string' && { image: asked.image }),
        ...(typeof asked?.owner === 'string' && { owner: asked.owner }),
        ...(asked?.label && { label: asked.label }),
        ...(createdAfter && { createdAfter }),
        ...(createdBefore && { createdBefore }),
      };
      const window = checkPage(args, DEFAULT_FIRST);
      const page = await context.jobs.list(identity, {
        ...window,
        order: args.orderBy ?? 'NEWEST_FIRST',
        filter,
      });
      return { ...toConnection(page), total: () => context.jobs.count(identity, filter) };
    },
  }),
);

const toConnection = ({ jobs, hasNext, hasPrevious }: Page) => ({
  edges: jobs.map((job) => ({ cursor: job.id, node: job })),
  pageInfo: {
    hasNextPage: hasNext,
    hasPreviousPage: hasPrevious,
    startCursor: jobs[0]?.id ?? null,
    endCursor: jobs.at(-1)?.id ?? null,
  },
});

export { EnvVarType, LabelInput };
