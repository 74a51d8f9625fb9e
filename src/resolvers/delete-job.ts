import type { Job } from '../jobs/job.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';

const DeleteJobInput = builder.inputType('DeleteJobInput', {
  fields: (t) => ({ jobId: t.id({ required: true }) }),
});

const DeleteJobPayload = builder.objectRef<{ readonly job: Job }>('DeleteJobPayload').implement({
  fields: (t) => ({
    job: t.field({ type: JobNode, description: 'As it was.', resolve: ({ job }) => job }),
  }),
});

builder.mutationField('deleteJob', (t) =>
  t.field({
    type: DeleteJobPayload,
    description:
      'Deletes a job that has ended and is not pinned, with its log and its events. Whoever reads the log at that time can read it to its end.',
    args: { input: t.arg({ type: DeleteJobInput, required: true }) },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.delete(identify(context), input.jobId),
    }),
  }),
);
