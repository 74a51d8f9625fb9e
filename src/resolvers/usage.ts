import type { Pressure, Pressures, Usage } from '../jobs/job.ts';
import { builder, identify } from './builder.ts';
import { wellFormed } from './scalars.ts';

const milliseconds = (microseconds: number | null): number | null =>
  microseconds === null ? null : microseconds / 1000;

const PressureType = builder.objectRef<Pressure>('Pressure').implement({
  description: 'For how long processes of a job waited for a resource.',
  fields: (t) => ({
    some: t.field({
      type: 'Duration',
      description: 'At least one of them.',
      resolve: ({ some }) => some / 1000,
    }),
    full: t.field({ type: 'Duration', description: 'All at once.', resolve: ({ full }) => full / 1000 }),
  }),
});

const PressuresType = builder.objectRef<Pressures>('Pressures').implement({
  fields: (t) => ({
    cpu: t.expose('cpu', { type: PressureType }),
    memory: t.expose('memory', { type: PressureType }),
    io: t.expose('io', { type: PressureType }),
  }),
});

export const UsageType = builder.objectRef<Usage>('Usage').implement({
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
    ioReadOperations: t.exposeFloat('ioReadOperations', { nullable: true }),
    ioWriteOperations: t.exposeFloat('ioWriteOperations', { nullable: true }),
    oomKills: t.exposeInt('oomKills', { nullable: true }),
    forksRefused: t.exposeFloat('forksRefused', {
      nullable: true,
      description: 'How often a process or thread could not be started for want of room below a limit.',
    }),
    throttledTime: t.field({
      type: 'Duration',
      nullable: true,
      description: 'Time for which the CPU limit held the job back.',
      resolve: (usage) => milliseconds(usage.throttledTime),
    }),
    pressure: t.expose('pressure', {
      type: PressuresType,
      nullable: true,
      description: 'Null where the kernel does not measure it (PSI).',
    }),
  }),
});

const DEFAULT_INTERVAL_MS = 1000;

builder.subscriptionField('usage', (t) =>
  t.field({
    type: UsageType,
    description:
      'What a job consumes: now, after each interval while it runs, and at its end, with which it completes.',
    args: {
      jobId: t.arg.id({ required: true }),
      interval: t.arg({ type: 'Duration', description: 'From 100ms to 1h. Default 1s.' }),
    },
    subscribe: (_root, { jobId, interval }, context) =>
      context.jobs.followUsage(
        identify(context),
        jobId,
        wellFormed('interval', interval) ?? DEFAULT_INTERVAL_MS,
      ),
    resolve: (usage) => usage,
  }),
);
