/** The type Token, and the query tokens. */
import type { Token } from '../access/token.ts';
import { builder, identify } from './builder.ts';
import { Role } from './role.ts';

export const TokenType = builder.objectRef<Token>('Token').implement({
  description: 'A token, with which a caller authenticates. Its secret cannot be read again.',
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Opaque; for `revokeToken`.' }),
    name: t.exposeString('name', { description: 'What it is used for, for people.' }),
    subject: t.exposeString('subject', {
      description: 'The name of the caller: the `owner` of the jobs it submits.',
    }),
    role: t.expose('role', { type: Role, description: 'What its caller may do.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it expires; null when it does not.',
    }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was used last, up to five minutes too early; null when it never was.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null when it was not.',
    }),
  }),
});

builder.queryField('tokens', (t) =>
  t.field({
    type: [TokenType],
    description:
      'All tokens that were created, the oldest first, with those that were revoked or have expired. The admin token in the state folder is not one of them. For an ADMIN only.',
    resolve: (_root, _args, context) => [...context.tokens.list(identify(context))],
  }),
);
