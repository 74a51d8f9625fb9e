import type { EnvVar } from '../jobs/job.ts';
import { builder } from './builder.ts';

export const EnvVarType = builder.objectRef<EnvVar>('EnvVar').implement({
  fields: (t) => ({ name: t.exposeString('name'), value: t.exposeString('value') }),
});

export const EnvVarInput = builder.inputType('EnvVarInput', {
  fields: (t) => ({ name: t.string({ required: true }), value: t.string({ required: true }) }),
});
