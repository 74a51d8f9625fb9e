/** The mutation resumeJob. */
import { builder, identify } from './builder.ts';
import { JOB_ID_HELP, jobPayload } from './job-payload.ts';

const ResumeJobInput = builder.inputType('ResumeJobInput', {
  description: 'The input of `resumeJob`.',
  fields: (t) => ({ jobId: t.id({ required: true, description: JOB_ID_HELP }) }),
});

const ResumeJobPayload = jobPayload('resumeJob');

builder.mutationField('resumeJob', (t) =>
  t.field({
    type: ResumeJobPayload,
    description:
      'Thaws a paused job and returns once its processes run. Has no effect on a job that is not paused; fails with JOB_NOT_RUNNING for a job that is not running.',
    args: { input: t.arg({ type: ResumeJobInput, required: true, description: 'Which job to resume.' }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.resume(identify(context), input.jobId),
    }),
  }),
);
