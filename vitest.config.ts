/** Settings of Vitest for the tests of this machine. */

import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { ProgressReporter, sequencerBy } from './test/support/progress.ts';

const COSTS = join(import.meta.dirname, 'test', 'costs.json');

export default defineConfig({
  resolve: {
    // Vite would hand our sources graphql's .mjs files while the packages in node_modules load its .js ones: two
    // graphql packages in one process, which do not know each other's errors.
    alias: [{ find: /^graphql$/, replacement: createRequire(import.meta.url).resolve('graphql') }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/vm/**', 'test/limits/**'],
    // What a server or a client has compiled is found by the next one: hundreds are started, and compiling takes half of
    // what a start costs. bin/cloister does the same.
    env: {
      NODE_COMPILE_CACHE:
        process.env['NODE_COMPILE_CACHE'] ?? join(import.meta.dirname, '.cache', 'compiled'),
    },
    // Tests wait more than they compute: one CPU less, which is the default, leaves two cores half idle.
    maxWorkers: availableParallelism(),
    reporters: [new ProgressReporter({ costs: COSTS })],
    sequence: { sequencer: sequencerBy(COSTS) },
    // They end tests that hang, and say nothing about speed: on a busy machine a test takes twenty times as long as alone.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 250_000 } },
  },
});
