import type { Usage } from '../store/job.ts';
import { builder } from './builder.ts';

const milliseconds = (microseconds: number | null): number | null =>
  microseconds === null ? null : microseconds / 1000;

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
    oomKills: t.exposeInt('oomKills', { nullable: true }),
    throttledTime: t.field({
      type: 'Duration',
      nullable: true,
      description: 'Time for which the CPU limit held the job back.',
      resolve: (usage) => milliseconds(usage.throttledTime),
    }),
  }),
});
