/** What the mutations of one job have in common: their payload and the description of `jobId`. */
import type { Job } from '../jobs/job.ts';
import { builder } from './builder.ts';
import { JobNode } from './job.ts';

export const JOB_ID_HELP = 'The id of the job.';

/**
 * The payload type of a mutation that returns one job.
 *
 * @param mutation its name, such as `pauseJob`
 */
export const jobPayload = (mutation: string) =>
  builder
    .objectRef<{ readonly job: Job }>(`${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Payload`)
    .implement({
      description: `The result of \`${mutation}\`.`,
      fields: (t) => ({
        job: t.field({
          type: JobNode,
          description: 'The job after the mutation.',
          resolve: ({ job }) => job,
        }),
      }),
    });
