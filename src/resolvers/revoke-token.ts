/** The mutation revokeToken. */
import type { Token } from '../access/token.ts';
import { builder, identify } from './builder.ts';
import { TokenType } from './token.ts';

const RevokeTokenInput = builder.inputType('RevokeTokenInput', {
  description: 'The input of `revokeToken`.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The id of the token.' }) }),
});

const RevokeTokenPayload = builder.objectRef<{ readonly token: Token }>('RevokeTokenPayload').implement({
  description: 'The result of `revokeToken`.',
  fields: (t) => ({
    token: t.field({
      type: TokenType,
      description: 'The token after the mutation.',
      resolve: ({ token }) => token,
    }),
  }),
});

builder.mutationField('revokeToken', (t) =>
  t.field({
    type: RevokeTokenPayload,
    description:
      'Revokes a token: it is no longer accepted. Jobs that were submitted with it continue. Has no effect on a token that is already revoked. For an ADMIN only.',
    args: { input: t.arg({ type: RevokeTokenInput, required: true, description: 'Which token to revoke.' }) },
    resolve: async (_root, { input }, context) => ({
      token: await context.tokens.revoke(identify(context), input.id),
    }),
  }),
);
