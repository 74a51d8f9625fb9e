/** The mutation revokeShare. */
import type { Share } from '../access/share.ts';
import { builder, identify } from './builder.ts';
import { ShareType } from './share.ts';

const RevokeShareInput = builder.inputType('RevokeShareInput', {
  description: 'The input of `revokeShare`.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The id of the share.' }) }),
});

const RevokeSharePayload = builder.objectRef<{ readonly share: Share }>('RevokeSharePayload').implement({
  description: 'The result of `revokeShare`.',
  fields: (t) => ({
    share: t.field({
      type: ShareType,
      description: 'The share after the mutation.',
      resolve: ({ share }) => share,
    }),
  }),
});

builder.mutationField('revokeShare', (t) =>
  t.field({
    type: RevokeSharePayload,
    description:
      'Revokes a link to a job: it is no longer accepted, and everything opened with it is closed. Has no effect on a link that is already revoked.',
    args: { input: t.arg({ type: RevokeShareInput, required: true, description: 'Which link to revoke.' }) },
    resolve: async (_root, { input }, context) => ({
      share: await context.jobs.revokeShare(identify(context), input.id),
    }),
  }),
);
