/** The types EnvVar and EnvVarInput: one environment variable. */

import { bytesOfText, isUnicode, textOfBytes } from '../byte-text.ts';
import { badInput } from '../jobs/errors.ts';
import type { Faults } from '../jobs/faults.ts';
import type { EnvVar } from '../jobs/job.ts';
import type { EnvVarRequest } from '../jobs/service.ts';
import { builder } from './builder.ts';
import { type Malformed, wellFormed } from './scalars.ts';

const HELP = {
  name: 'The name, without "=".',
  value: 'The value, taken literally; may be empty.',
} as const;

export const EnvVarType = builder.objectRef<EnvVar>('EnvVar').implement({
  description: 'An environment variable of the command.',
  fields: (t) => ({
    name: t.exposeString('name', { description: HELP.name }),
    value: t.string({
      description:
        'The value, taken literally; may be empty, and always is for a secret. If it is not UTF-8, `valueBytes` has it, and here each byte that belongs to no character is U+FFFD.',
      resolve: ({ value }) => value.toWellFormed(),
    }),
    valueBytes: t.field({
      type: 'Base64',
      nullable: true,
      description: 'The value, if it is not UTF-8; otherwise null.',
      resolve: ({ value }) => (isUnicode(value) ? null : bytesOfText(value)),
    }),
    secret: t.boolean({
      description: 'Whether the value is secret: it is never returned, so that `value` is empty.',
      resolve: ({ secret }) => secret ?? false,
    }),
  }),
});

export const EnvVarInput = builder.inputType('EnvVarInput', {
  description:
    'An environment variable of the command. Each name may occur once. `value` or `valueBytes` is required; both may be given as they were read from a job.',
  fields: (t) => ({
    name: t.string({ required: true, description: HELP.name }),
    value: t.string({ description: `${HELP.value} At most 131071 bytes.` }),
    valueBytes: t.field({
      type: 'Base64',
      description: 'The value as bytes, for one that is not UTF-8. At most 131071 bytes.',
    }),
    secret: t.boolean({
      description:
        'Whether the value is secret: it is never returned, not even to its owner, and is removed when the job has ended. It may not be empty. Default false.',
    }),
  }),
});

/**
 * The variables that an input stands for.
 *
 * @param faults collects the variables whose value is missing, malformed or given twice; they are left out
 */
export const envRequest = (
  variables: readonly (typeof EnvVarInput.$inferInput)[],
  faults: Faults,
): readonly EnvVarRequest[] =>
  variables.flatMap((variable, index) => {
    const value = faults.collect(() => variableValue(variable, `input.env[${index}]`));
    return value === undefined
      ? []
      : [{ name: variable.name, value, ...(variable.secret && { secret: true }) }];
  });

const variableValue = (
  {
    value,
    valueBytes,
  }: {
    readonly value?: string | null | undefined;
    readonly valueBytes?: Uint8Array | Malformed | null | undefined;
  },
  field: string,
): string | Uint8Array => {
  const bytes = wellFormed(`${field}.valueBytes`, valueBytes);
  const text = value ?? undefined;
  if (bytes === undefined && text === undefined) throw badInput(field, 'value or valueBytes', 'neither');
  if (bytes === undefined) return text ?? '';
  if (text !== undefined && text !== textOfBytes(bytes).toWellFormed())
    throw badInput(`${field}.value`, 'the text of valueBytes, or no value', text);
  return bytes;
};
