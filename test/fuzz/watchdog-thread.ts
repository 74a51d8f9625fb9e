/** The thread of a `Watchdog`: waits to be fed. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { Shared } from './watchdog.ts';

/** Milliseconds that a round may take. */
const PATIENCE = 60_000;

const watch = ({ memory }: Shared): never => {
  const state = new Int32Array(memory);
  for (;;) {
    const fed = Atomics.load(state, 0);
    if (Atomics.wait(state, 0, fed, PATIENCE) !== 'timed-out') continue;
    writeSync(2, `the round of CLOISTER_FUZZ_SEED=${Atomics.load(state, 1)} does not end\n`);
    process.kill(process.pid, 'SIGKILL');
  }
};

watch(workerData);
