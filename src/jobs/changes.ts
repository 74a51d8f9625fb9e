import type { Job } from './job.ts';

type Listener = (job: Job) => void;

/** Tells who listens of each change of a job. */
export class Changes {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #general = new Set<() => void>();

  /** Calls `listener` with the job after each change, until the returned function is called. */
  listen(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  /** Calls `listener` after each change of any job, until the returned function is called. */
  listenToAll(listener: () => void): () => void {
    // The same function given twice is two listeners.
    const own = (): void => listener();
    this.#general.add(own);
    return () => {
      this.#general.delete(own);
    };
  }

  tell(job: Job): void {
    for (const listener of [...this.#general]) listener();
    for (const listener of [...(this.#listeners.get(job.id) ?? [])]) listener(job);
  }
}
