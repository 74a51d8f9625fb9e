import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';

builder.subscriptionField('jobUpdated', (t) =>
  t.field({
    type: JobNode,
    description: 'A job as it is now, then after each change of its state. Completes when it has ended.',
    args: { jobId: t.arg.id({ required: true }) },
    subscribe: (_root, { jobId }, context) => context.jobs.watch(identify(context), jobId),
    resolve: (job) => job,
  }),
);
