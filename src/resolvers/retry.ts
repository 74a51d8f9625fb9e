/** The fields of Job that link the attempts of a job that is retried. */
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';

// Apart from the other fields of a job, since these return jobs.
builder.objectFields(JobNode, (t) => ({
  attempt: t.int({
    description: 'The number of this attempt, from 1. Each attempt is a job of its own.',
    resolve: ({ spec }) => spec.attempt,
  }),
  retryOf: t.field({
    type: JobNode,
    nullable: true,
    description:
      'The job of the first attempt, on every later attempt; null on the first, and once that job has been deleted.',
    resolve: async ({ spec }, _args, context) =>
      spec.retryOf === null ? null : ((await context.jobs.get(identify(context), spec.retryOf)) ?? null),
  }),
  retriedBy: t.field({
    type: JobNode,
    nullable: true,
    description: 'The job of the next attempt; null when there is none, and once that job has been deleted.',
    resolve: async ({ retriedBy }, _args, context) =>
      retriedBy === null ? null : ((await context.jobs.get(identify(context), retriedBy)) ?? null),
  }),
}));
