/** The subscription jobUpdated: one job, each time its state changes. */
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';
import { JOB_ID_HELP } from './job-payload.ts';

builder.subscriptionField('jobUpdated', (t) =>
  t.field({
    type: JobNode,
    description:
      'Sends the job in its current state, then again after each state change. Completes after the final state.',
    args: { jobId: t.arg.id({ required: true, description: JOB_ID_HELP }) },
    subscribe: (_root, { jobId }, context) => context.jobs.watch(identify(context), jobId),
    resolve: (job) => job,
  }),
);
