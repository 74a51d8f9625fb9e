/** The mutation submitJob. */
import { Faults } from '../jobs/faults.ts';
import { builder, identify } from './builder.ts';
import { jobPayload } from './job-payload.ts';
import { SubmitJobInput, submitRequest } from './submit-job-input.ts';

const SubmitJobPayload = jobPayload('submitJob');

builder.mutationField('submitJob', (t) =>
  t.field({
    type: SubmitJobPayload,
    description:
      'Runs a command in a cell of its own. Returns once the job is stored on disk, usually while it is still QUEUED.',
    args: { input: t.arg({ type: SubmitJobInput, required: true, description: 'What to run, and how.' }) },
    resolve: async (_root, { input }, context) => {
      const identity = identify(context);
      const malformed = new Faults();
      const request = submitRequest(input, malformed);
      return { job: await context.jobs.submit(identity, request, malformed.found) };
    },
  }),
);
