/** The mutation pinJob. */
import { builder, identify } from './builder.ts';
import { JOB_ID_HELP, jobPayload } from './job-payload.ts';

const PinJobInput = builder.inputType('PinJobInput', {
  description: 'The input of `pinJob`.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: JOB_ID_HELP }),
    pinned: t.boolean({ defaultValue: true, description: 'Whether to pin the job; false unpins it.' }),
  }),
});

const PinJobPayload = jobPayload('pinJob');

builder.mutationField('pinJob', (t) =>
  t.field({
    type: PinJobPayload,
    description:
      'Pins a job, so that neither retention nor `deleteJob` removes it, or unpins it. Works in every state.',
    args: { input: t.arg({ type: PinJobInput, required: true, description: 'Which job to pin or unpin.' }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.pin(identify(context), input.jobId, input.pinned ?? true),
    }),
  }),
);
