/** The mutation rotateAdminToken. */
import { builder, identify } from './builder.ts';

const RotateAdminTokenPayload = builder
  .objectRef<{ readonly secret: string }>('RotateAdminTokenPayload')
  .implement({
    description: 'The result of `rotateAdminToken`.',
    fields: (t) => ({
      secret: t.exposeString('secret', {
        description:
          'The new admin token, which is now in the file `token` of the state folder. The old one is no longer accepted.',
      }),
    }),
  });

builder.mutationField('rotateAdminToken', (t) =>
  t.field({
    type: RotateAdminTokenPayload,
    description:
      'Replaces the admin token in the state folder with a new one, and closes everything opened with the old one. For an ADMIN only.',
    resolve: async (_root, _args, context) => ({
      secret: await context.tokens.rotateAdmin(identify(context)),
    }),
  }),
);
