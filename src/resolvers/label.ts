/** The types Label and LabelInput: key and value that a client attaches to a job. */
import type { Label } from '../jobs/job.ts';
import { builder } from './builder.ts';

const HELP = {
  key: 'The key, from 1 to 256 bytes; each key occurs once in a job.',
  value: 'The value, at most 256 bytes; may be empty.',
} as const;

export const LabelType = builder.objectRef<Label>('Label').implement({
  description: 'A label of a job: a key and a value that mean something to clients only.',
  fields: (t) => ({
    key: t.exposeString('key', { description: HELP.key }),
    value: t.exposeString('value', { description: HELP.value }),
  }),
});

export const LabelInput = builder.inputType('LabelInput', {
  description: 'A label to attach or to search for.',
  fields: (t) => ({
    key: t.string({ required: true, description: HELP.key }),
    value: t.string({ required: true, description: HELP.value }),
  }),
});
