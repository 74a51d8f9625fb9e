/** Notifies those who wait for a change of a job, from the events of the store alone. */

import type { Log } from '../log.ts';
import type { Job } from './job.ts';
import type { JobStore } from './store.ts';

type Listener = (job: Job) => void;

const PAGE = 100;

/**
 * A single reader of the store's events for all watchers of jobs: it does not matter which part of the server, or which
 * server, made a change.
 */
export class Changes {
  readonly #store: JobStore;
  readonly #log: Log;
  readonly #forget: () => void;
  readonly #listeners = new Map<string, Set<Listener>>();
  /** The last event that was read. */
  #through: number;
  #committed = false;
  #reading: Promise<void> | undefined;

  private constructor(store: JobStore, through: number, log: Log) {
    this.#store = store;
    this.#through = through;
    this.#log = log;
    this.#forget = store.onCommit(() => this.#look());
  }

  /**
   * Begins with the events after the last one of the store.
   *
   * @param log for errors of reading the store, which end no watch
   */
  static async open(store: JobStore, log: Log): Promise<Changes> {
    return new Changes(store, await store.lastEvent(), log);
  }

  /** Calls `listener` with the job after each change from now on, until the returned function is called. */
  listen(id: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(id) === listeners) this.#listeners.delete(id);
    };
  }

  /** Settles when no read is in progress any more; afterwards nothing is reported. */
  async close(): Promise<void> {
    this.#forget();
    await this.#reading;
  }

  #look(): void {
    this.#committed = true;
    this.#reading ??= this.#read()
      .catch((error: unknown) =>
        this.#log(`reading the events of jobs: ${String(error)}`, { level: 'error' }),
      )
      .finally(() => {
        this.#reading = undefined;
      });
  }

  async #read(): Promise<void> {
    while (this.#committed) {
      this.#committed = false;
      if (this.#listeners.size === 0) await this.#skip();
      else await this.#publish();
    }
  }

  /** Without listeners only the position advances, unless one was added meanwhile: new events may be for it. */
  async #skip(): Promise<void> {
    const last = await this.#store.lastEvent();
    if (this.#listeners.size === 0) this.#through = last;
    else this.#committed = true;
  }

  async #publish(): Promise<void> {
    for (let more = true; more; ) {
      const page = await this.#store.events({ after: this.#through, limit: PAGE, filter: {} });
      this.#through = page.through;
      more = page.more;
      for (const { job } of page.events)
        for (const listener of [...(this.#listeners.get(job.id) ?? [])]) listener(job);
    }
  }
}
