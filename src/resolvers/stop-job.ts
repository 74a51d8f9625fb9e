import { builder, identify } from './builder.ts';
import { jobPayload } from './job-payload.ts';
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

const StopJobPayload = jobPayload('StopJobPayload');

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
