/** The mutation deleteJob. */
import type { Job } from '../jobs/job.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';
import { JOB_ID_HELP } from './job-payload.ts';

const DeleteJobInput = builder.inputType('DeleteJobInput', {
  description: 'The input of `deleteJob`.',
  fields: (t) => ({ jobId: t.id({ required: true, description: JOB_ID_HELP }) }),
});

const DeleteJobPayload = builder.objectRef<{ readonly job: Job }>('DeleteJobPayload').implement({
  description: 'The result of `deleteJob`.',
  fields: (t) => ({
    job: t.field({
      type: JobNode,
      description: 'The job as it was before it was deleted.',
      resolve: ({ job }) => job,
    }),
  }),
});

builder.mutationField('deleteJob', (t) =>
  t.field({
    type: DeleteJobPayload,
    description:
      'Deletes a finished job that is not pinned, with its log and its events. Clients that are reading the log at that moment can read it to the end. Fails with JOB_NOT_ENDED or JOB_PINNED otherwise.',
    args: {
      input: t.arg({ type: DeleteJobInput, required: true, description: 'Which job to delete.' }),
    },
    resolve: async (_root, { input }, context) => ({
      job: await context.jobs.delete(identify(context), input.jobId),
    }),
  }),
);
