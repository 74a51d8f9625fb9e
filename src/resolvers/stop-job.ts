/** The mutation stopJob. */
import { builder, identify } from './builder.ts';
import { JOB_ID_HELP, jobPayload } from './job-payload.ts';
import { wellFormed } from './scalars.ts';

/** How long a command may take to end after the signal where the client does not say. */
export const STOP_GRACE_MS = 10_000;

const StopJobInput = builder.inputType('StopJobInput', {
  description: 'The input of `stopJob`.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: JOB_ID_HELP }),
    gracePeriod: t.field({
      type: 'Duration',
      description:
        'How long the processes may take to end after the signal, before every process of the cell is killed. Default 10s.',
    }),
  }),
});

const StopJobPayload = jobPayload('stopJob');

builder.mutationField('stopJob', (t) =>
  t.field({
    type: StopJobPayload,
    description:
      'Stops a job and returns once it has ended: sends its `stopSignal` to the processes of its `stopScope`, and SIGKILL to every process of the cell when those have ended or the grace period is over. A queued job is removed from the queue. Has no effect on a finished job.',
    args: { input: t.arg({ type: StopJobInput, required: true, description: 'Which job to stop.' }) },
    resolve: async (_root, { input }, context) => {
      const gracePeriodMs = wellFormed('input.gracePeriod', input.gracePeriod) ?? STOP_GRACE_MS;
      return { job: await context.jobs.stop(identify(context), input.jobId, gracePeriodMs) };
    },
  }),
);
