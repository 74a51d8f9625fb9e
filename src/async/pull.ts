/** Asynchronous iterators that work only when asked, and a bell to wait for. */

/**
 * The reason of every abort here. Nobody learns of it: what a step throws after that is dropped. Without a reason Node.js
 * makes an exception with a stack each time, which takes longer than all else that the end of an iterator does.
 */
const OVER = new Error('nobody waits any more');

/** Produces the result of one `next()`. `signal` is aborted when nobody waits for it any more. */
export type Step<T> = (signal: AbortSignal) => Promise<IteratorResult<T, undefined>>;

/**
 * An asynchronous iterator made by hand: `step` runs only when `next()` is called, one at a time, and `return()`
 * settles at once, also while a step is parked. (An async generator that is parked on an await does not see
 * `return()` until that settles: ECMA-262, AsyncGeneratorResumeNext queues it.)
 *
 * @param step produces the next value, or says `done`; what it throws ends the iterator and rejects that `next()`
 * @param release called exactly once, when the iterator is over: exhausted, failed, returned or thrown into. It
 *   should not throw; if it does, that becomes a process warning, so that the closing of a socket cannot end the
 *   process
 */
export const pull = <T>(step: Step<T>, release: () => void): AsyncIterableIterator<T, undefined> => {
  const over = new AbortController();
  const { signal } = over;
  let previous: Promise<unknown> = Promise.resolve();

  const finish = (): void => {
    if (signal.aborted) return;
    over.abort(OVER);
    try {
      release();
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : new Error(String(error)));
    }
  };

  const take = (): Promise<IteratorResult<T, undefined>> =>
    new Promise((resolve, reject) => {
      const abandoned = (): void => resolve({ done: true, value: undefined });
      if (signal.aborted) return abandoned();
      signal.addEventListener('abort', abandoned, { once: true });
      // After an abort this promise has settled already: what the step still returns is dropped.
      const run = async (): Promise<IteratorResult<T, undefined>> => step(signal);
      run().then(
        (result) => {
          signal.removeEventListener('abort', abandoned);
          if (result.done === true) finish();
          resolve(result);
        },
        (error: unknown) => {
          signal.removeEventListener('abort', abandoned);
          finish();
          reject(error);
        },
      );
    });

  return {
    next() {
      const result = previous.then(take);
      // A failed step fails its own `next()`; for later ones the iterator is done.
      previous = result.catch(() => undefined);
      return result;
    },
    async return() {
      finish();
      return { done: true, value: undefined };
    },
    async throw(error: unknown) {
      finish();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};

/**
 * Signals waiters that something has changed. Count the rings, read the state, then wait for a ring after that count: a
 * change between reading and waiting is not missed.
 */
export class Bell {
  #rings = 0;
  readonly #waiters = new Set<() => void>();

  /** How often it has rung. */
  get rings(): number {
    return this.#rings;
  }

  /** Wakes everybody who waits. */
  ring(): void {
    this.#rings += 1;
    for (const wake of [...this.#waiters]) wake();
  }

  /**
   * Resolves once the bell has rung more than `seen` times, immediately if it already has.
   *
   * @param atMostMs after which it resolves in any case; without it, never
   * @throws the signal's reason when that is aborted first
   */
  wait(seen: number, signal: AbortSignal, atMostMs?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#rings > seen) return resolve();
      const leave = (): void => {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', abort);
        clearTimeout(timer);
      };
      const wake = (): void => {
        leave();
        resolve();
      };
      const abort = (): void => {
        leave();
        reject(signal.reason);
      };
      const timer = atMostMs === undefined ? undefined : setTimeout(wake, atMostMs);
      this.#waiters.add(wake);
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}
