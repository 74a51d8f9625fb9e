/** The input JobFilter: which jobs a list or a stream is about. */
import type { JobFilter as Filter } from '../jobs/store.ts';
import { builder } from './builder.ts';
import { JobStatus } from './job.ts';
import { LabelInput } from './label.ts';
import { wellFormed } from './scalars.ts';

export const JobFilter = builder.inputType('JobFilter', {
  description: 'Selects jobs: every field that is given must match. An empty filter matches all jobs.',
  fields: (t) => ({
    status: t.field({ type: [JobStatus], description: 'Jobs in one of these states.' }),
    name: t.string({ description: 'Jobs with exactly this name.' }),
    image: t.string({ description: 'Jobs that run in the image of this name.' }),
    owner: t.string({ description: 'Jobs that this subject submitted.' }),
    label: t.field({ type: LabelInput, description: 'Jobs with this label, key and value.' }),
    createdAfter: t.field({ type: 'DateTime', description: 'Jobs submitted after this time.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Jobs submitted before this time.' }),
  }),
});

/**
 * The fields that were given.
 *
 * @throws ClientError `BAD_USER_INPUT` for a malformed time
 */
export const toFilter = (asked: typeof JobFilter.$inferInput | null | undefined): Filter => {
  const createdAfter = wellFormed('filter.createdAfter', asked?.createdAfter);
  const createdBefore = wellFormed('filter.createdBefore', asked?.createdBefore);
  return {
    ...(asked?.status && { status: asked.status }),
    ...(typeof asked?.name === 'string' && { name: asked.name }),
    ...(typeof asked?.image === 'string' && { image: asked.image }),
    ...(typeof asked?.owner === 'string' && { owner: asked.owner }),
    ...(asked?.label && { label: asked.label }),
    ...(createdAfter && { createdAfter }),
    ...(createdBefore && { createdBefore }),
  };
};
