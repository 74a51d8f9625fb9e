/** The mutation shareJob. */
import type { Share } from '../access/share.ts';
import { builder, identify } from './builder.ts';
import { wellFormed } from './scalars.ts';
import { ShareType } from './share.ts';

const ShareJobInput = builder.inputType('ShareJobInput', {
  description: 'The input of `shareJob`.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: 'Which job to show.' }),
    expiresIn: t.field({
      type: 'Duration',
      description: 'For how long: from 1m to 365d. Default: 7d.',
    }),
  }),
});

const ShareJobPayload = builder
  .objectRef<{ readonly share: Share; readonly url: string }>('ShareJobPayload')
  .implement({
    description: 'The result of `shareJob`.',
    fields: (t) => ({
      url: t.exposeString('url', {
        description:
          'The link, a page for browsers. Its secret, after `#`, is shown only here. Programs can use it as a token (`Authorization: Bearer <secret>`), which gives access to this job only.',
      }),
      share: t.field({ type: ShareType, description: 'The new link.', resolve: ({ share }) => share }),
    }),
  });

builder.mutationField('shareJob', (t) =>
  t.field({
    type: ShareJobPayload,
    description:
      'Creates a link that shows a job and its log to everybody who has the link, and nothing else: neither environment nor standard input, and nothing can be changed with it. `revokeShare` revokes it.',
    args: {
      input: t.arg({ type: ShareJobInput, required: true, description: 'Which job, and for how long.' }),
    },
    resolve: async (_root, { input }, context) => {
      const expiresInMs = wellFormed('input.expiresIn', input.expiresIn);
      const { share, secret } = await context.jobs.share(identify(context), input.jobId, expiresInMs);
      return { share, url: `${context.baseUrl}/share/${share.jobId}#${secret}` };
    },
  }),
);
