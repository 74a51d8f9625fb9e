/** The subscription jobEvents: the changes of all jobs. */
import type { JobEvent } from '../jobs/store.ts';
import { builder, identify } from './builder.ts';
import { JobNode, JobStatus } from './job.ts';
import { JobFilter, toFilter } from './job-filter.ts';

const JobEventType = builder.objectRef<JobEvent>('JobEvent').implement({
  description: 'A change of a job: its submission, a new status, a pause or a resume.',
  fields: (t) => ({
    cursor: t.string({
      description: 'Pass as `after` to continue with the next event.',
      resolve: ({ number }) => String(number),
    }),
    time: t.expose('time', { type: 'DateTime', description: 'When the change was stored.' }),
    status: t.field({
      type: JobStatus,
      description: 'The status after this change.',
      resolve: ({ status }) => status,
    }),
    job: t.field({
      type: JobNode,
      description: 'The job in its current state, which may be newer than this event.',
      resolve: ({ job }) => job,
    }),
  }),
});

builder.subscriptionField('jobEvents', (t) =>
  t.field({
    type: JobEventType,
    description:
      'Every state change of every job, in commit order. With `after`, first replays later events ("0" replays all), then continues live; otherwise starts with the next change: use `server { eventCursor }` to be able to resume before the first one. Never completes.',
    args: {
      after: t.arg.string({
        description: 'The cursor of the last event already seen, or "0". Default: only new events.',
      }),
      filter: t.arg({
        type: JobFilter,
        description:
          'Only events that match: `status` is compared with the event, everything else with the job.',
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
