/** The mutation createToken. */
import type { Token } from '../access/token.ts';
import { builder, identify } from './builder.ts';
import { Role } from './role.ts';
import { wellFormed } from './scalars.ts';
import { TokenType } from './token.ts';

const CreateTokenInput = builder.inputType('CreateTokenInput', {
  description: 'The input of `createToken`.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description: 'What it is used for, for people: 1 to 128 printable characters.',
    }),
    subject: t.string({
      required: true,
      description:
        'The name of the caller, such as an e-mail address: 1 to 128 printable characters. Tokens of the same subject share its jobs.',
    }),
    role: t.field({ type: Role, required: true, description: 'What its caller may do.' }),
    expiresAt: t.field({
      type: 'DateTime',
      description: 'When it expires. Default: never.',
    }),
  }),
});

const CreateTokenPayload = builder
  .objectRef<{ readonly token: Token; readonly secret: string }>('CreateTokenPayload')
  .implement({
    description: 'The result of `createToken`.',
    fields: (t) => ({
      token: t.field({ type: TokenType, description: 'The new token.', resolve: ({ token }) => token }),
      secret: t.exposeString('secret', {
        description:
          'What the caller sends as `Authorization: Bearer <secret>`. It is shown only here: the server keeps just a hash.',
      }),
    }),
  });

builder.mutationField('createToken', (t) =>
  t.field({
    type: CreateTokenPayload,
    description: 'Creates a token for a caller. For an ADMIN only.',
    args: {
      input: t.arg({
        type: CreateTokenInput,
        required: true,
        description: 'Who the token is for, and when it expires.',
      }),
    },
    resolve: (_root, { input }, context) => {
      const expiresAt = wellFormed('input.expiresAt', input.expiresAt);
      const { name, subject, role } = input;
      return context.tokens.create(identify(context), {
        name,
        subject,
        role,
        ...(expiresAt !== undefined && { expiresAt }),
      });
    },
  }),
);
