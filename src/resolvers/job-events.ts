import type { JobEvent } from '../jobs/store.ts';
import { builder, identify } from './builder.ts';
import { JobNode, JobStatus } from './job.ts';
import { JobFilter, toFilter } from './job-filter.ts';

const JobEventType = builder.objectRef<JobEvent>('JobEvent').implement({
  description: "A change of a job's state, its submission included.",
  fields: (t) => ({
    cursor: t.string({
      description: 'Reading after it goes on behind this event.',
      resolve: ({ number }) => String(number),
    }),
    time: t.expose('time', { type: 'DateTime' }),
    status: t.field({
      type: JobStatus,
      description: 'What the job changed to.',
      resolve: ({ status }) => status,
    }),
    job: t.field({
      type: JobNode,
      description: 'The job as it is now, which may be further on.',
      resolve: ({ job }) => job,
    }),
  }),
});

builder.subscriptionField('jobEvents', (t) =>
  t.field({
    type: JobEventType,
    description:
      'Each change of each job, in one order: those behind `after` ("0" is before all), then what comes; without it, what comes. Goes on until it is ended.',
    args: {
      after: t.arg.string({ description: 'Go on behind this cursor.' }),
      filter: t.arg({
        type: JobFilter,
        description: '`status` is that of the event; the others are about the job.',
      }),
    },
    subscribe: (_root, { after, filter }, context) =>
      context.jobs.events(identify(context), {
        ...(typeof after === 'string' && { after }),
        filter: toFilter(filter),
      }),
    resolve: (event) => event,
  }),
);
