/** The type Quota, and the query quotas. */

import { QUOTA_FIELDS, type Quota } from '../access/quotas.ts';
import type { JobsInUse } from '../jobs/quota.ts';
import { builder, identify } from './builder.ts';

/** The current use of a subject. What is not in memory is looked up when it is selected. */
interface InUse extends JobsInUse {
  readonly subject: string;
}

const QuotaUseType = builder.objectRef<InUse>('QuotaUse').implement({
  description: 'The current use of what quotas limit, by one subject.',
  fields: (t) => ({
    runningJobs: t.exposeInt('runningJobs', { description: 'Jobs that run.' }),
    queuedJobs: t.exposeInt('queuedJobs', { description: 'Jobs that wait.' }),
    cpus: t.exposeFloat('cpus', { description: 'CPUs that the limits of its running jobs add up to.' }),
    memory: t.expose('memoryBytes', {
      type: 'ByteSize',
      description: 'Bytes of memory that the limits of its running jobs add up to.',
    }),
    submissionsPerMinute: t.exposeInt('submissionsPerMinute', {
      nullable: true,
      description:
        'Submissions used up of those allowed in a minute; they become available again one by one. Null without that quota.',
    }),
    storage: t.field({
      type: 'ByteSize',
      nullable: true,
      description: 'Bytes that its jobs that have ended take on the disk.',
      resolve: async ({ subject }, _args, context) =>
        (await context.jobs.storedBytes(identify(context), subject)) ?? null,
    }),
    files: t.field({
      type: 'ByteSize',
      description: 'Bytes of files that it has uploaded for jobs and that are kept.',
      resolve: ({ subject }, _args, { files }) => files.bytesOf(subject),
    }),
    subscriptions: t.int({
      description: 'Subscriptions that are open.',
      resolve: ({ subject }, _args, { open }) => open.subscriptions.of(subject),
    }),
    connections: t.int({
      description: 'Connections that are open.',
      resolve: ({ subject }, _args, { open }) => open.connections.of(subject),
    }),
  }),
});

export const QuotaType = builder.objectRef<Quota>('Quota').implement({
  description: 'The quotas of one subject. Null: not limited.',
  fields: (t) => ({
    subject: t.exposeString('subject', {
      nullable: true,
      description:
        'The subject that these quotas are for; null for the defaults, which apply to everybody without quotas of their own.',
    }),
    runningJobs: t.int({
      nullable: true,
      description: 'Jobs that run at the same time. Further ones wait, without delaying those of others.',
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
    files: t.field({
      type: 'ByteSize',
      nullable: true,
      description: 'Bytes of files that it may have uploaded for jobs. Further uploads are refused.',
      resolve: ({ values }) => values.filesBytes,
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
    inUse: t.field({
      type: QuotaUseType,
      nullable: true,
      description: 'The current use by the subject; null for the defaults.',
      resolve: ({ subject }, _args, context) => {
        const used = subject === null ? undefined : context.jobs.inUse(identify(context), subject);
        return subject === null || used === undefined ? null : { subject, ...used };
      },
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
      'The default quotas, then those of every subject that has quotas of its own, running or waiting jobs, subscriptions or connections, sorted by name. For an ADMIN only.',
    resolve: (_root, _args, context) => {
      const identity = identify(context);
      const { subscriptions, connections } = context.open;
      return [
        ...context.quotas.list(identity, [
          ...context.jobs.activeSubjects(identity),
          ...subscriptions.subjects(),
          ...connections.subjects(),
        ]),
      ];
    },
  }),
);
