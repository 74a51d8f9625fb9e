/** The commands that manage profiles. */

import type { Flags } from '../../config/config.ts';
import { FORMAT_HELP, type ListFlags } from '../row-format.ts';
import { type Add, config } from './add.ts';

/** @param add adds a command of the program */
export const addLogin = (add: Add): void => {
  add('login', 'sign in to a server, and keep it as a profile', [
    'login https://jobs.example/graphql',
    'login jobs.example --profile work < token',
    'login https://jobs.example --ca ca.pem --cert me.pem --key me.key',
  ])
    .argument('<url>', 'where the server is')
    .action(async (url: string, flags: Flags) => {
      const { login } = await import('../commands/login.ts');
      await login(config(flags), url);
    });

  add('logout', 'forget a profile: that of --profile, or the default one', [
    'logout',
    'logout --profile work',
  ]).action(async (flags: Flags) => {
    const { logout } = await import('../commands/login.ts');
    await logout(config(flags));
  });
};

/** @param add adds a command below `cloister profile` */
export const addProfiles = (add: Add): void => {
  add('list', 'list the profiles', ['profile list'])
    .option('--json', 'print the profiles as JSON')
    .option('--format <template>', FORMAT_HELP)
    .action(async (flags: Flags & ListFlags) => {
      const { listProfiles } = await import('../commands/login.ts');
      await listProfiles(config(flags), flags);
    });

  add('use', 'use a profile from now on when none is named', ['profile use work'])
    .argument('<name>', 'name of the profile')
    .action(async (name: string, flags: Flags) => {
      const { useProfile } = await import('../commands/login.ts');
      await useProfile(config(flags), name);
    });
};
