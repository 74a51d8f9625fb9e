/** The enum NetworkMode: which network a job can reach. */
import type { NETWORK_MODES } from '../jobs/job.ts';
import { builder } from './builder.ts';

export const NetworkMode = builder.enumType('NetworkMode', {
  description: 'Which network a job can reach.',
  values: {
    NONE: { description: 'Only a loopback interface of its own.' },
  } as const satisfies Record<(typeof NETWORK_MODES)[number], object>,
});
