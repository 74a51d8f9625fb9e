/** The types EnvVar and EnvVarInput: one environment variable. */
import type { EnvVar } from '../jobs/job.ts';
import { builder } from './builder.ts';

const HELP = {
  name: 'The name, without "=".',
  value: 'The value, taken literally; may be empty.',
} as const;

export const EnvVarType = builder.objectRef<EnvVar>('EnvVar').implement({
  description: 'An environment variable of the command.',
  fields: (t) => ({
    name: t.exposeString('name', { description: HELP.name }),
    value: t.exposeString('value', { description: HELP.value }),
  }),
});

export const EnvVarInput = builder.inputType('EnvVarInput', {
  description: 'An environment variable of the command. Each name may occur once.',
  fields: (t) => ({
    name: t.string({ required: true, description: HELP.name }),
    value: t.string({ required: true, description: `${HELP.value} At most 131071 bytes.` }),
  }),
});
