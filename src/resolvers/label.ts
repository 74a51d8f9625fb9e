import type { Label } from '../jobs/job.ts';
import { builder } from './builder.ts';

export const LabelType = builder.objectRef<Label>('Label').implement({
  fields: (t) => ({ key: t.exposeString('key'), value: t.exposeString('value') }),
});

export const LabelInput = builder.inputType('LabelInput', {
  fields: (t) => ({ key: t.string({ required: true }), value: t.string({ required: true }) }),
});
