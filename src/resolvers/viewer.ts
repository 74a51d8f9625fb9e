/** The query viewer: the caller, as the server sees it. */
import type { Identity, SIGN_IN_METHODS } from '../jobs/service.ts';
import { builder, identify } from './builder.ts';
import { QuotaType } from './quota.ts';
import { Role } from './role.ts';
import { TokenType } from './token.ts';

const SignInMethod = builder.enumType('SignInMethod', {
  description: 'How a caller proved who it is.',
  values: {
    TOKEN: { description: 'With a bearer token.' },
    CERTIFICATE: { description: 'With a client certificate (mutual TLS).' },
    PROXY: { description: 'To a proxy in front of the server, which names the caller (single sign-on).' },
    SHARE: { description: 'With the secret of a link to one job (`shareJob`).' },
  } as const satisfies Record<(typeof SIGN_IN_METHODS)[number], object>,
});

const ViewerType = builder.objectRef<Identity>('Viewer').implement({
  description: 'The caller, as the server sees it.',
  fields: (t) => ({
    subject: t.exposeString('subject', {
      description: 'The name of the caller: the `owner` of the jobs it submits.',
    }),
    role: t.expose('role', { type: Role, description: 'What the caller may do.' }),
    method: t.expose('method', { type: SignInMethod, description: 'How the caller proved who it is.' }),
    token: t.field({
      type: TokenType,
      nullable: true,
      description:
        'The token that this request carries; null for the admin token in the state folder, and without a token.',
      resolve: (identity, _args, { tokens }) => tokens.of(identity),
    }),
    quota: t.field({
      type: QuotaType,
      description: 'The quotas of the caller.',
      resolve: (identity, _args, { quotas }) => quotas.own(identity),
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerType,
    description: 'The caller of this request: who it is, and what it may do.',
    resolve: (_root, _args, context) => identify(context),
  }),
);
