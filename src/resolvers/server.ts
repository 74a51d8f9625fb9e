import type { ServerInfo } from '../jobs/service.ts';
import { builder, identify } from './builder.ts';

const CgroupType = builder.objectRef<ServerInfo['cgroup']>('ServerCgroup').implement({
  fields: (t) => ({
    path: t.exposeString('path', {
      nullable: true,
      description:
        'The cgroup that holds those of jobs; null where none may be made, so that nothing limits jobs.',
    }),
    controllers: t.stringList({
      description: 'The cgroup v2 controllers that limit jobs here.',
      resolve: ({ controllers }) => [...controllers],
    }),
  }),
});

const JobCountsType = builder.objectRef<ServerInfo['jobs']>('ServerJobs').implement({
  fields: (t) => ({ queued: t.exposeInt('queued'), running: t.exposeInt('running') }),
});

const ServerType = builder.objectRef<ServerInfo>('Server').implement({
  description: 'What this server is and can.',
  fields: (t) => ({
    version: t.exposeString('version'),
    startedAt: t.expose('startedAt', { type: 'DateTime' }),
    cgroup: t.field({ type: CgroupType, resolve: ({ cgroup }) => cgroup }),
    images: t.stringList({ resolve: ({ images }) => [...images] }),
    jobs: t.field({ type: JobCountsType, resolve: ({ jobs }) => jobs }),
  }),
});

builder.queryField('server', (t) =>
  t.field({
    type: ServerType,
    resolve: (_root, _args, context) => {
      identify(context);
      return context.jobs.info();
    },
  }),
);
