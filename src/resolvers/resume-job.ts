import { builder, identify } from './builder.ts';
import { jobPayload } from './job-payload.ts';

const ResumeJobInput = builder.inputType('ResumeJobInput', {
  fields: (t) => ({ jobId: t.id({ required: true }) }),
});

const ResumeJobPayload = jobPayload('ResumeJobPayload');

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
