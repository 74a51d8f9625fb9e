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
          'The link, a page for browsers. Its secret, after `#`, is shown here only, and is also a token for programs, as `Authorization: Bearer <secret>`, which sees this job alone.',
      }),
      share: t.field({ type: ShareType, description: 'The new link.', resolve: ({ share }) => share }),
    }),
  });

builder.mutationField('shareJob', (t) =>
  t.field({
    type: ShareJobPayload,
    description:
      'Makes a link that shows a job and its log to everybody who has it, and nothing else: no environment, no standard input, and nothing can be changed with it. `revokeShare` takes it back.',
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
