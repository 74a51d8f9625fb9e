/** The configuration of vitest in the test machine. */

import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { ProgressReporter, sequencerBy } from '../support/progress.ts';

// The emulated machine is ten to twenty times slower than the host, and measurements of one test are not to be
// disturbed by another.
const COSTS = join(import.meta.dirname, 'costs.json');
const TIME_LIMIT = 300_000;

export default defineConfig({
  root: join(import.meta.dirname, '..', '..'),
  test: {
    // The probes find another kernel here; the third has tests that other machines skip; the others find limits in
    // force, and there are fewer jobs.
    include: [
      'test/limits/**/*.test.ts',
      'test/escape/**/*.test.ts',
      'test/runtime/cgroup/tree.test.ts',
      'test/e2e/churn.test.ts',
      'test/e2e/confinement.test.ts',
      'test/e2e/exec.test.ts',
    ],
    env: { CLOISTER_CHURN_JOBS: '40' },
    fileParallelism: false,
    reporters: [new ProgressReporter({ costs: COSTS })],
    sequence: { sequencer: sequencerBy(COSTS) },
    testTimeout: TIME_LIMIT,
    hookTimeout: TIME_LIMIT,
    // What is waited for comes late on a busy machine: a second, the default, is too short.
    expect: { poll: { timeout: 120_000 } },
    teardownTimeout: TIME_LIMIT,
  },
});
