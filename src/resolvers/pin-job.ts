import { builder, identify } from './builder.ts';
import { jobPayload } from './job-payload.ts';

const PinJobInput = builder.inputType('PinJobInput', {
  fields: (t) => ({
    jobId: t.id({ required: true }),
    pinned: t.boolean({ defaultValue: true, description: 'False takes the pin away.' }),
  }),
});

const PinJobPayload = jobPayload('PinJobPayload');

builder.mutationField('pinJob', (t) =>
  t.field({
    type: PinJobPayload,
    description: 'Keeps a job: it is neither removed for its age, nor for want of room, nor by deleteJob.',
    args: { input: t.arg({ type: PinJobInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.pin(identify(context), input.jobId, input.pinned ?? true),
    }),
  }),
);
