/** The query server: what this server is and what it can enforce. */
import type { ServerInfo } from '../jobs/service.ts';
import { builder, identify } from './builder.ts';

const CgroupType = builder.objectRef<ServerInfo['cgroup']>('ServerCgroup').implement({
  description: 'The cgroup v2 setup of this server.',
  fields: (t) => ({
    path: t.exposeString('path', {
      nullable: true,
      description:
        'The cgroup below which each job gets its own; null when the server may not create cgroups, so that none of their limits apply.',
    }),
    controllers: t.stringList({
      description: 'The controllers available to limit jobs, such as "cpu", "memory" and "pids".',
      resolve: ({ controllers }) => [...controllers],
    }),
  }),
});

const JobCountsType = builder.objectRef<ServerInfo['jobs']>('ServerJobs').implement({
  description: 'How many of the jobs that the caller can see are not finished.',
  fields: (t) => ({
    queued: t.exposeInt('queued', { description: 'Jobs with status QUEUED.' }),
    running: t.exposeInt('running', { description: 'Jobs with status RUNNING, paused ones included.' }),
  }),
});

const ServerType = builder.objectRef<ServerInfo>('Server').implement({
  description: 'This server.',
  fields: (t) => ({
    version: t.exposeString('version', { description: 'The version of Cloister, such as "0.1.0".' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      description: 'When this server process started. Jobs may be older.',
    }),
    cgroup: t.field({
      type: CgroupType,
      description: 'What limits can be enforced.',
      resolve: ({ cgroup }) => cgroup,
    }),
    images: t.stringList({
      description: 'The names of the images a job can run in.',
      resolve: ({ images }) => [...images],
    }),
    jobs: t.field({
      type: JobCountsType,
      description: 'How many of the jobs that the caller can see are queued and running.',
      resolve: ({ jobs }) => jobs,
    }),
    eventCursor: t.exposeString('eventCursor', {
      description:
        'The cursor of the newest event: pass it as `after` to `jobEvents` to get every change from now on, also if the connection is lost before the first one arrives.',
    }),
  }),
});

builder.queryField('server', (t) =>
  t.field({
    type: ServerType,
    description: 'What this server is and what it can enforce.',
    resolve: (_root, _args, context) => context.jobs.info(identify(context)),
  }),
);
