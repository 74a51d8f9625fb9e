/** The type Usage, and the subscription that samples it. */
import type { Pressure, Pressures, Usage } from '../jobs/job.ts';
import { builder, identify } from './builder.ts';
import { wellFormed } from './scalars.ts';

/** The cgroup counts in microseconds, a Duration in milliseconds. */
const milliseconds = (microseconds: number | null): number | null =>
  microseconds === null ? null : microseconds / 1000;

const PressureType = builder.objectRef<Pressure>('Pressure').implement({
  description:
    'How long processes were stalled on a resource (PSI, Documentation/accounting/psi.rst), in total since the start of the job.',
  fields: (t) => ({
    some: t.field({
      type: 'Duration',
      description: 'The time in which at least one process was stalled.',
      resolve: ({ someUs }) => someUs / 1000,
    }),
    full: t.field({
      type: 'Duration',
      description: 'The time in which all processes were stalled at once.',
      resolve: ({ fullUs }) => fullUs / 1000,
    }),
  }),
});

const PressuresType = builder.objectRef<Pressures>('Pressures').implement({
  description: 'Pressure stall information of a job, by resource.',
  fields: (t) => ({
    cpu: t.expose('cpu', { type: PressureType, description: 'Waiting for a CPU.' }),
    memory: t.expose('memory', { type: PressureType, description: 'Waiting for memory to be reclaimed.' }),
    io: t.expose('io', { type: PressureType, description: 'Waiting for disks.' }),
  }),
});

const NOT_COUNTED = 'null where the host does not count it';

export const UsageType = builder.objectRef<Usage>('Usage').implement({
  description: "Resource usage of a job, as counted by its cgroup. Cloister's own overhead is not included.",
  fields: (t) => ({
    cpuTime: t.field({
      type: 'Duration',
      description: 'CPU time of all processes, in user and kernel mode.',
      resolve: (usage) => usage.cpuTimeUs / 1000,
    }),
    userTime: t.field({
      type: 'Duration',
      nullable: true,
      description: `CPU time in user mode; ${NOT_COUNTED}.`,
      resolve: (usage) => milliseconds(usage.userTimeUs),
    }),
    systemTime: t.field({
      type: 'Duration',
      nullable: true,
      description: `CPU time in kernel mode; ${NOT_COUNTED}.`,
      resolve: (usage) => milliseconds(usage.systemTimeUs),
    }),
    memoryCurrent: t.expose('memoryCurrentBytes', {
      type: 'ByteSize',
      nullable: true,
      description: `Memory in use now; null once the job has ended, and ${NOT_COUNTED}.`,
    }),
    memoryPeak: t.expose('memoryPeakBytes', {
      type: 'ByteSize',
      nullable: true,
      description: `The most memory in use at any time; ${NOT_COUNTED}.`,
    }),
    pidsPeak: t.exposeInt('pidsPeak', {
      nullable: true,
      description: `The most processes and threads at any time; ${NOT_COUNTED}.`,
    }),
    ioRead: t.expose('ioReadBytes', {
      type: 'ByteSize',
      nullable: true,
      description: `Bytes read from disks; ${NOT_COUNTED}.`,
    }),
    ioWritten: t.expose('ioWrittenBytes', {
      type: 'ByteSize',
      nullable: true,
      description: `Bytes written to disks; ${NOT_COUNTED}.`,
    }),
    ioReadOperations: t.exposeFloat('ioReadOperations', {
      nullable: true,
      description: `Read operations on disks; ${NOT_COUNTED}.`,
    }),
    ioWriteOperations: t.exposeFloat('ioWriteOperations', {
      nullable: true,
      description: `Write operations on disks; ${NOT_COUNTED}.`,
    }),
    oomKills: t.exposeInt('oomKills', {
      nullable: true,
      description: `Processes that the kernel killed for lack of memory; ${NOT_COUNTED}.`,
    }),
    forksRefused: t.exposeFloat('forksRefused', {
      nullable: true,
      description: `How often a process or thread could not be created because of the \`pids\` limit; ${NOT_COUNTED}.`,
    }),
    throttledTime: t.field({
      type: 'Duration',
      nullable: true,
      description: `Time for which the \`cpus\` limit throttled the job (\`throttled_usec\`); ${NOT_COUNTED}.`,
      resolve: (usage) => milliseconds(usage.throttledTimeUs),
    }),
    pressure: t.expose('pressure', {
      type: PressuresType,
      nullable: true,
      description: 'Pressure stall information; null on a kernel without it.',
    }),
  }),
});

const DEFAULT_INTERVAL_MS = 1000;

builder.subscriptionField('usage', (t) =>
  t.field({
    type: UsageType,
    description:
      'The usage of a job: now, after each interval while it runs, and a final value when it ends. Then completes.',
    args: {
      jobId: t.arg.id({ required: true, description: 'The id of the job.' }),
      interval: t.arg({
        type: 'Duration',
        description: 'Time between two samples, from 100ms to 1h. Default 1s.',
      }),
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
