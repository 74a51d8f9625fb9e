/** The enum StopScope: which processes the signal of a stop reaches. */
import type { STOP_SCOPES } from '../jobs/job.ts';
import { builder } from './builder.ts';

export const StopScope = builder.enumType('StopScope', {
  description:
    'The processes that `stopJob` sends the stop signal to. The job ends when they have ended, at the latest after the grace period; whatever is left is killed.',
  values: {
    COMMAND: {
      description:
        'The command alone, as `docker stop` does: for a program that ends its own processes. When it has ended, the others are killed at once.',
    },
    GROUP: {
      description:
        'The process group of the command, as Ctrl-C on a terminal does: a shell and the programs that it runs, each of which can clean up.',
    },
    CELL: {
      description: 'Every process of the cell, also those that made process groups or sessions of their own.',
    },
  } as const satisfies Record<(typeof STOP_SCOPES)[number], object>,
});
