/** What limits are checked against, for tests of settings and requests. */

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

const MIB = 1024 ** 2;

/** A command that takes 200 MiB: what is read into one piece of memory is in it at once, on any machine. */
export const TAKE_MEMORY = 'dd if=/dev/zero of=/dev/null bs=200M count=1';

/** What a server offers on a machine that has all controllers, one disk and no bound. */
export const limitsContext = (change: Partial<LimitsContext> = {}): LimitsContext => ({
  defaults: {
    cpus: 1,
    memoryBytes: 512 * MIB,
    swapBytes: 0,
    pids: 256,
    diskBytes: MIB,
    timeoutMs: 60_000,
    outputBytes: MIB,
  },
  maxima: NO_MAXIMA,
  capacity: { memoryBytes: null, cpus: null },
  missing: () => undefined,
  cpus: () => [0, 1, 2, 3],
  disk: () => ({ device: '8:0' }),
  wholePages: (bytes) => bytes,
  ...change,
});
