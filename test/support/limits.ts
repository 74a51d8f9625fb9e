/** The absence of limits, for tests of settings and requests. */

import type { LimitsContext } from '../../src/jobs/offer.ts';

/** Maxima of a server that bounds nothing. */
export const NO_MAXIMA: LimitsContext['maxima'] = {
  cpus: null,
  memoryBytes: null,
  swapBytes: null,
  pids: null,
  diskBytes: null,
  timeoutMs: null,
  outputBytes: null,
};
