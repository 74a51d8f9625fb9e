/** The mutation rotateAdminToken. */
import { builder, identify } from './builder.ts';

const RotateAdminTokenPayload = builder
  .objectRef<{ readonly secret: string }>('RotateAdminTokenPayload')
  .implement({
    description: 'The result of `rotateAdminToken`.',
    fields: (t) => ({
      secret: t.exposeString('secret', {
        description:
          'The new admin token, which is now in the file `token` of the state folder. The old one is not accepted any more.',
      }),
    }),
  });

builder.mutationField('rotateAdminToken', (t) =>
  t.field({
    type: RotateAdminTokenPayload,
    description:
      'Replaces the admin token in the state folder by a new one, and closes what was opened with the old one. For an ADMIN only.',
    resolve: async (_root, _args, context) => ({
      secret: await context.tokens.rotateAdmin(identify(context)),
    }),
  }),
);
