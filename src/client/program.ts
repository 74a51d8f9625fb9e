/** The commands that talk to a server. Each is loaded when it is called. */

import type { Command } from 'commander';
import { clientSettings } from '../config/config.ts';
import { withSettings } from '../config/flags.ts';
import type { Add } from './program/add.ts';
import { addChanging } from './program/changing.ts';
import { addImages } from './program/images.ts';
import { addLogin, addProfiles } from './program/profiles.ts';
import { addQuotas } from './program/quotas.ts';
import { addReading } from './program/reading.ts';
import { addStarting } from './program/starting.ts';
import { addTokens } from './program/tokens.ts';
import { addTools } from './program/tools.ts';

/** Adds the commands to the program. */
export const addClientCommands = (program: Command): void => {
  const add = addTo(program);
  addStarting(add);
  addReading(add);
  addChanging(add);
  addTools(add, program);
  addImages(addTo(program.command('image').description('the images that jobs start from')));
  addLogin(add);
  addProfiles(addTo(program.command('profile').description('the profiles that "cloister login" has stored')));
  addTokens(addTo(program.command('token').description('the tokens of callers, for admins')));
  addQuotas(addTo(program.command('quota').description('the quotas of subjects, for admins')));
};

const addTo =
  (parent: Command): Add =>
  (name, description, examples) =>
    withSettings(parent.command(name).description(description), clientSettings).addHelpText(
      'after',
      ['', 'Examples:', ...examples.map((line) => `  cloister ${line}`)].join('\n'),
    );
