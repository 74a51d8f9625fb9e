/**
 * Turns at something that many want at once, told apart by a key: of one key so many at a time, first come first
 * served. Whoever wants a key that few want waits behind few.
 */
export class Turns {
  readonly #atOnce: number;
  readonly #queues = new Map<string, Queue>();

  /** @param atOnce how many have a turn of the same key at a time */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Does `work` when its turn has come; what becomes of it is the result. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const queue = this.#queues.get(key) ?? { taken: 0, waiting: [] };
    this.#queues.set(key, queue);
    if (queue.taken < this.#atOnce) queue.taken += 1;
    // Whoever ends hands the turn on, so it stays counted.
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
  readonly waiting: (() => void)[];
}
