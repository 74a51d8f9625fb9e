import type { Job, JobState } from '../store/job.ts';

type Listener = (job: Job) => void;

/** Tells who listens of each change of a job. */
export class Changes {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** Calls `listener` with the job after each change, until the returned function is called. */
  listen(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  tell(job: Job): void {
    for (const listener of [...(this.#listeners.get(job.id) ?? [])]) listener(job);
  }
}

export const isFinal = (state: JobState): boolean => state.status !== 'QUEUED' && state.status !== 'RUNNING';
