/** The type Quota, and the query quotas. */

import { QUOTA_FIELDS, type Quota } from '../access/quotas.ts';
import { builder, identify } from './builder.ts';

export const QuotaType = builder.objectRef<Quota>('Quota').implement({
  description: 'What one subject may have. A value of null is no bound.',
  fields: (t) => ({
    subject: t.exposeString('subject', {
      nullable: true,
      description: 'Whose quotas these are; null: the defaults, of everybody for whom nothing else is set.',
    }),
    runningJobs: t.int({
      nullable: true,
      description: 'Jobs that run at the same time. Further ones wait, and let those of others pass.',
      resolve: ({ values }) => values.runningJobs,
    }),
    queuedJobs: t.int({
      nullable: true,
      description: 'Jobs that wait. Further ones are refused.',
      resolve: ({ values }) => values.queuedJobs,
    }),
    cpus: t.float({
      nullable: true,
      description: 'CPUs that the limits of its running jobs may add up to. Further ones wait.',
      resolve: ({ values }) => values.cpus,
    }),
    memory: t.field({
      type: 'ByteSize',
      nullable: true,
      description: 'Bytes of memory that the limits of its running jobs may add up to. Further ones wait.',
      resolve: ({ values }) => values.memoryBytes,
    }),
    submissionsPerMinute: t.int({
      nullable: true,
      description: 'Submissions in a minute, all at once or spread over it. Further ones are refused.',
      resolve: ({ values }) => values.submissionsPerMinute,
    }),
    storage: t.field({
      type: 'ByteSize',
      nullable: true,
      description:
        'Bytes that its jobs that have ended may take on the disk. With more, submissions are refused.',
      resolve: ({ values }) => values.storageBytes,
    }),
    subscriptions: t.int({
      nullable: true,
      description: 'Subscriptions at the same time. Further ones are refused.',
      resolve: ({ values }) => values.subscriptions,
    }),
    connections: t.int({
      nullable: true,
      description: 'Connections at the same time. Further ones are refused.',
      resolve: ({ values }) => values.connections,
    }),
    overrides: t.stringList({
      description: 'The names of the fields that were set for this subject; the others are the defaults.',
      resolve: ({ set }) => set.map((name) => QUOTA_FIELDS[name]),
    }),
  }),
});

builder.queryField('quotas', (t) =>
  t.field({
    type: [QuotaType],
    description:
      'The default quotas, then those of every subject for which something else is set, by name. For an ADMIN only.',
    resolve: (_root, _args, context) => [...context.quotas.list(identify(context))],
  }),
);
