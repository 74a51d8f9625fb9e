/** Settings as flags of a command. */

import type { Command } from 'commander';
import type { Named } from './config.ts';

/** Joins the values of a flag that is given several times. */
const joined = (value: string, before?: string): string =>
  before === undefined ? value : `${before},${value}`;

/** Gives a command a flag for each setting; the help names the environment variable and the default. */
export const withSettings = (
  command: Command,
  settings: Readonly<Record<string, Named<unknown>>>,
): Command => {
  for (const { flag, help, env, shown, repeatable } of Object.values(settings)) {
    const text = `${help}${repeatable ? ', or given several times' : ''} (${env}; default: ${shown})`;
    if (repeatable) command.option(flag, text, joined);
    else command.option(flag, text);
  }
  return command;
};
