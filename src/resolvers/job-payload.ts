import type { Job } from '../jobs/job.ts';
import { builder } from './builder.ts';
import { JobNode } from './job.ts';

/** The type of what a mutation of one job answers: that job. */
export const jobPayload = (name: string) =>
  builder
    .objectRef<{ readonly job: Job }>(name)
    .implement({ fields: (t) => ({ job: t.field({ type: JobNode, resolve: ({ job }) => job }) }) });
