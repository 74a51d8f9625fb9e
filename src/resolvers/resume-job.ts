import type { Job } from '../store/job.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';

const ResumeJobInput = builder.inputType('ResumeJobInput', {
  fields: (t) => ({ jobId: t.id({ required: true }) }),
});

const ResumeJobPayload = builder
  .objectRef<{ readonly job: Job }>('ResumeJobPayload')
  .implement({ fields: (t) => ({ job: t.field({ type: JobNode, resolve: ({ job }) => job }) }) });

builder.mutationField('resumeJob', (t) =>
  t.field({
    type: ResumeJobPayload,
    description: 'Lets a paused job go on; answered when it does. A job that runs is answered as it is.',
    args: { input: t.arg({ type: ResumeJobInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.resume(identify(context), input.jobId),
    }),
  }),
);
