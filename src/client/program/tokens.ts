/** The commands that manage tokens. */

import type { Flags } from '../../config/config.ts';
import type { CreateTokenFlags } from '../commands/token.ts';
import { FORMAT_HELP, type ListFlags } from '../row-format.ts';
import { type Add, config } from './add.ts';

type JsonFlags = Flags & { readonly json?: boolean };

/** @param add adds a command below `cloister token` */
export const addTokens = (add: Add): void => {
  add('create', 'create a token; prints its secret, which is shown once', [
    'token create --name laptop --subject alice --role user --expires 90d',
    'token create --name dashboard --subject alice --role viewer > dashboard.token',
  ])
    .requiredOption('--name <name>', 'what it is used for, as a note for people')
    .requiredOption('--subject <subject>', 'name of the caller: the owner of the jobs it submits')
    .requiredOption('--role <role>', 'admin, user or viewer')
    .option(
      '--expires <time>',
      'when it expires, such as 2027-01-31T12:00:00Z or 90d from now; default never',
    )
    .option('--json', 'print the token and its secret as JSON')
    .action(async (flags: Flags & CreateTokenFlags) => {
      const { createToken } = await import('../commands/token.ts');
      await createToken(config(flags), flags);
    });

  add('list', 'list all tokens, without their secrets', ['token list', 'token list --json'])
    .option('--json', 'print the tokens as JSON')
    .option('--format <template>', FORMAT_HELP)
    .action(async (flags: Flags & ListFlags) => {
      const { listTokens } = await import('../commands/token.ts');
      await listTokens(config(flags), flags);
    });

  add('revoke', 'revoke a token; jobs that were submitted with it continue', [
    'token revoke 01a22347-354f-7214-ab23-00f646e51660',
  ])
    .argument('<id>', 'id of the token, from "cloister token list"')
    .option('--json', 'print the token as JSON')
    .action(async (id: string, flags: JsonFlags) => {
      const { revokeToken } = await import('../commands/token.ts');
      await revokeToken(config(flags), id, flags);
    });

  add('rotate-admin', 'replace the admin token in the state folder, and print the new one', [
    'token rotate-admin',
  ]).action(async (flags: Flags) => {
    const { rotateAdminToken } = await import('../commands/token.ts');
    await rotateAdminToken(config(flags));
  });
};
