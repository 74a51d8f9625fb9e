/** Settings as flags of a command. */

import type { Command } from 'commander';
import type { Named } from './config.ts';

/** Gives a command a flag for each setting; the help names the environment variable and the default. */
export const withSettings = (
  command: Command,
  settings: Readonly<Record<string, Named<unknown>>>,
): Command => {
  for (const { flag, help, env, shown } of Object.values(settings)) {
    command.option(flag, `${help} (${env}; default: ${shown})`);
  }
  return command;
};
