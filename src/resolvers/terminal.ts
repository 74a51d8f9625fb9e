/** The size of a terminal, as jobs have it and as it is given. */
import type { TerminalSize } from '../runtime/log/page.ts';
import { builder } from './builder.ts';

export const TerminalSizeType = builder.objectRef<TerminalSize>('TerminalSize').implement({
  description: 'The size of a terminal.',
  fields: (t) => ({
    rows: t.exposeInt('rows', { description: 'Lines.' }),
    columns: t.exposeInt('columns', { description: 'Characters in a line.' }),
  }),
});

export const ROWS_HELP = 'Lines, from 1 to 4096.';
export const COLUMNS_HELP = 'Characters in a line, from 1 to 4096.';

export const TerminalSizeInput = builder.inputType('TerminalSizeInput', {
  description: 'The size of a terminal.',
  fields: (t) => ({
    rows: t.int({ required: true, description: ROWS_HELP }),
    columns: t.int({ required: true, description: COLUMNS_HELP }),
  }),
});
