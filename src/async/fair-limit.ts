/** Limits of how much is done at the same time, for each key. */

import { Fifo } from './fifo.ts';

/**
 * Limits how many callers do something at the same time, separately for each key, in order of arrival. A key in great
 * demand does not delay the callers of another.
 */
export class FairLimit {
  readonly #atOnce: number;
  readonly #queues = new Map<string, Queue>();

  /** @param atOnce how many callers of the same key run at once */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Runs `work` when it is its turn, and returns or throws what it does. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? { taken: 0, waiting: new Fifo() };
    this.#queues.set(key, queue);
    if (queue.taken < this.#atOnce) queue.taken += 1;
    // The turn is handed to the next caller, so it stays counted.
    else await new Promise<void>((resolve) => queue.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = queue.waiting.shift();
      if (next !== undefined) next();
      else queue.taken -= 1;
      if (queue.taken === 0) this.#queues.delete(key);
    }
  }
}

interface Queue {
  taken: number;
  readonly waiting: Fifo<() => void>;
}
