import type { Job } from '../store/job.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';
import { wellFormed } from './scalars.ts';

const DEFAULT_GRACE_MS = 10_000;

const StopJobInput = builder.inputType('StopJobInput', {
  fields: (t) => ({
    jobId: t.id({ required: true }),
    gracePeriod: t.field({
      type: 'Duration',
      description: 'Between SIGTERM to the command and the end of the whole cell. Default 10s.',
    }),
  }),
});

const StopJobPayload = builder
  .objectRef<{ readonly job: Job }>('StopJobPayload')
  .implement({ fields: (t) => ({ job: t.field({ type: JobNode, resolve: ({ job }) => job }) }) });

builder.mutationField('stopJob', (t) =>
  t.field({
    type: StopJobPayload,
    description: 'Ends a job; answered when it has ended. A job that has ended already is answered as it is.',
    args: { input: t.arg({ type: StopJobInput, required: true }) },
    resolve: async (_root, { input }, context) => {
      const grace = wellFormed('input.gracePeriod', input.gracePeriod) ?? DEFAULT_GRACE_MS;
      return { job: await context.jobs.stop(identify(context), input.jobId, grace) };
    },
  }),
);
