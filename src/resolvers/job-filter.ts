import type { JobFilter as Filter } from '../jobs/store.ts';
import { builder } from './builder.ts';
import { JobStatus } from './job.ts';
import { LabelInput } from './label.ts';
import { wellFormed } from './scalars.ts';

export const JobFilter = builder.inputType('JobFilter', {
  description: 'Which jobs: every field that is given must match.',
  fields: (t) => ({
    status: t.field({ type: [JobStatus] }),
    name: t.string(),
    image: t.string(),
    owner: t.string(),
    label: t.field({ type: LabelInput }),
    createdAfter: t.field({ type: 'DateTime' }),
    createdBefore: t.field({ type: 'DateTime' }),
  }),
});

/**
 * The fields that were given.
 *
 * @throws ClientError for a time that is none
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
