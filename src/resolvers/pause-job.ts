import { builder, identify } from './builder.ts';
import { jobPayload } from './job-payload.ts';

const PauseJobInput = builder.inputType('PauseJobInput', {
  fields: (t) => ({ jobId: t.id({ required: true }) }),
});

const PauseJobPayload = jobPayload('PauseJobPayload');

builder.mutationField('pauseJob', (t) =>
  t.field({
    type: PauseJobPayload,
    description:
      'Brings a running job to a stand; answered when it has come to one. Its deadline does not run meanwhile. A paused job is answered as it is.',
    args: { input: t.arg({ type: PauseJobInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.pause(identify(context), input.jobId),
    }),
  }),
);
