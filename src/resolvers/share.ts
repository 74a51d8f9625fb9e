/** The type Share, and the links to a job. */
import type { Share } from '../access/share.ts';
import { builder, identify } from './builder.ts';
import { JobNode } from './job.ts';

export const ShareType = builder.objectRef<Share>('Share').implement({
  description:
    'A link that shows one job and its log to everybody who has the link. Its secret cannot be read again.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Opaque; for `revokeShare`.' }),
    createdBy: t.exposeString('createdBy', { description: 'The subject of the caller that made it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When it expires.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null when it was not.',
    }),
  }),
});

builder.objectField(JobNode, 'shares', (t) =>
  t.field({
    type: [ShareType],
    description:
      'The links to this job that `shareJob` has made, the oldest first, until they expire. Empty for those who see the job through a link.',
    resolve: (job, _args, context) => [...context.jobs.shares(identify(context), job)],
  }),
);
