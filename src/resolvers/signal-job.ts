import { builder, identify } from './builder.ts';
import { jobPayload } from './job-payload.ts';

const SignalJobInput = builder.inputType('SignalJobInput', {
  fields: (t) => ({
    jobId: t.id({ required: true }),
    signal: t.string({
      required: true,
      description: 'By name or number: "SIGHUP", "HUP", "1"; real-time signals are "SIGRTMIN+1" and so on.',
    }),
  }),
});

const SignalJobPayload = jobPayload('SignalJobPayload');

builder.mutationField('signalJob', (t) =>
  t.field({
    type: SignalJobPayload,
    description:
      'Sends a signal to the command of a running job; answered when it is on its way. A paused job gets it when it goes on.',
    args: { input: t.arg({ type: SignalJobInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.signal(identify(context), input.jobId, input.signal),
    }),
  }),
);
