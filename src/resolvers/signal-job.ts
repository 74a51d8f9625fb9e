/** The mutation signalJob. */
import { builder, identify } from './builder.ts';
import { JOB_ID_HELP, jobPayload } from './job-payload.ts';

const SignalJobInput = builder.inputType('SignalJobInput', {
  description: 'The input of `signalJob`.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: JOB_ID_HELP }),
    signal: t.string({
      required: true,
      description:
        'The signal by name or number: "SIGHUP", "HUP" or "1". Real-time signals are "SIGRTMIN+1" and so on.',
    }),
  }),
});

const SignalJobPayload = jobPayload('signalJob');

builder.mutationField('signalJob', (t) =>
  t.field({
    type: SignalJobPayload,
    description:
      'Sends a signal to the command of a running job and returns once it has been sent. A paused job receives it when it is resumed. Fails with JOB_NOT_RUNNING in any other state.',
    args: {
      input: t.arg({ type: SignalJobInput, required: true, description: 'Which job, and which signal.' }),
    },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.signal(identify(context), input.jobId, input.signal),
    }),
  }),
);
