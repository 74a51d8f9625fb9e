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
      'Takes a link to a job back: from then on it is not accepted any more, and what is open with it is ended. Has no effect on one that was revoked before.',
    args: { input: t.arg({ type: RevokeShareInput, required: true, description: 'Which link to revoke.' }) },
    resolve: async (_root, { input }, context) => ({
      share: await context.jobs.revokeShare(identify(context), input.id),
    }),
  }),
);
