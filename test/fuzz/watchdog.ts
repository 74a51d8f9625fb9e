/** Ends a round that loops forever. */

import { Worker } from 'node:worker_threads';

export interface Shared {
  /** Two numbers: how often the watchdog was fed, and the seed of the present round. */
  readonly memory: SharedArrayBuffer;
}

/**
 * Ends the process, with the seed, when a round does not end: what loops without ever waiting leaves no time for a
 * time limit in its own thread.
 */
export class Watchdog {
  readonly #state = new Int32Array(new SharedArrayBuffer(8));
  readonly #thread: Worker;

  constructor() {
    const shared: Shared = { memory: this.#state.buffer };
    this.#thread = new Worker(new URL('watchdog-thread.ts', import.meta.url), { workerData: shared });
  }

  /** To be called when a round begins. */
  feed(seed: number): void {
    Atomics.store(this.#state, 1, seed);
    Atomics.add(this.#state, 0, 1);
    Atomics.notify(this.#state, 0);
  }

  async end(): Promise<void> {
    await this.#thread.terminate();
  }
}
