/** The mutation resizeTerminal. */
import { builder, identify } from './builder.ts';
import { JOB_ID_HELP, jobPayload } from './job-payload.ts';
import { COLUMNS_HELP, ROWS_HELP } from './terminal.ts';

const ResizeTerminalInput = builder.inputType('ResizeTerminalInput', {
  description: 'The input of `resizeTerminal`.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: JOB_ID_HELP }),
    rows: t.int({ required: true, description: ROWS_HELP }),
    columns: t.int({ required: true, description: COLUMNS_HELP }),
  }),
});

const ResizeTerminalPayload = jobPayload('resizeTerminal');

builder.mutationField('resizeTerminal', (t) =>
  t.field({
    type: ResizeTerminalPayload,
    description:
      'Changes the size of the terminal of a running job: the processes in its foreground get SIGWINCH, and the log has the new size before the output that follows. Fails with JOB_NOT_RUNNING in any other state.',
    args: {
      input: t.arg({ type: ResizeTerminalInput, required: true, description: 'Which job, and which size.' }),
    },
    resolve: async (_root, { input: { jobId, rows, columns } }, context) => ({
      job: await context.jobs.resizeTerminal(identify(context), jobId, { rows, columns }),
    }),
  }),
);
