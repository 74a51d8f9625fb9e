/** The mutation pauseJob. */
import { builder, identify } from './builder.ts';
import { JOB_ID_HELP, jobPayload } from './job-payload.ts';

const PauseJobInput = builder.inputType('PauseJobInput', {
  description: 'The input of `pauseJob`.',
  fields: (t) => ({ jobId: t.id({ required: true, description: JOB_ID_HELP }) }),
});

const PauseJobPayload = jobPayload('pauseJob');

builder.mutationField('pauseJob', (t) =>
  t.field({
    type: PauseJobPayload,
    description:
      'Freezes every process of a running job and returns once all are frozen. The timeout does not advance while paused. Has no effect on a paused job; fails with JOB_NOT_RUNNING in any other state.',
    args: { input: t.arg({ type: PauseJobInput, required: true, description: 'Which job to pause.' }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.pause(identify(context), input.jobId),
    }),
  }),
);
