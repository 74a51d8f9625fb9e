import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';

// Apart from the other fields of a job, since these answer with jobs.
builder.objectFields(JobNode, (t) => ({
  attempt: t.int({
    description: 'Which attempt this is, from 1 on.',
    resolve: ({ spec }) => spec.attempt,
  }),
  retryOf: t.field({
    type: JobNode,
    nullable: true,
    description: 'The first attempt, for further ones; null when that is gone.',
    resolve: async ({ spec }, _args, context) =>
      spec.retryOf === null ? null : ((await context.jobs.get(identify(context), spec.retryOf)) ?? null),
  }),
  retriedBy: t.field({
    type: JobNode,
    nullable: true,
    description: 'The next attempt, when this one failed and there is another.',
    resolve: async ({ retriedBy }, _args, context) =>
      retriedBy === null ? null : ((await context.jobs.get(identify(context), retriedBy)) ?? null),
  }),
}));
