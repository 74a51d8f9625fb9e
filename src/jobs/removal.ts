/** Deletes jobs with all that is kept of them. */

import type { Cells } from './cells.ts';
import type { LogReaders } from './readers.ts';
import type { JobStore } from './store.ts';

export interface RemovalOptions {
  readonly store: JobStore;
  readonly cells: Pick<Cells, 'remove'>;
  readonly readers: LogReaders;
  readonly log: (line: string) => void;
}

/**
 * Removes jobs that have ended: first the row, in whose place a note stays that the folder is still there, then the
 * folder, when nobody reads its log any more, and then the note. What a server that dies leaves of that, the next one
 * finishes.
 */
export class Removal {
  readonly #options: RemovalOptions;
  readonly #pending = new Set<Promise<void>>();
  #closed = false;

  constructor(options: RemovalOptions) {
    this.#options = options;
  }

  /**
   * Removes the rows, and the folders behind the back of the caller.
   *
   * @returns ids of those that are gone: pinned ones and those that run stay
   * @throws StoreFullError
   */
  async remove(ids: readonly string[]): Promise<readonly string[]> {
    const gone = await this.#options.store.remove(ids);
    for (const id of gone) this.#finish(id);
    return gone;
  }

  /** Takes up what an earlier server did not come to. */
  async recover(): Promise<void> {
    for (const id of await this.#options.store.removals()) this.#finish(id);
  }

  #finish(id: string): void {
    const work = this.#removeFolder(id)
      .catch((error: unknown) => this.#options.log(`the folder of job ${id} could not be removed: ${error}`))
      .finally(() => this.#pending.delete(work));
    this.#pending.add(work);
  }

  async #removeFolder(id: string): Promise<void> {
    const { readers, cells, store } = this.#options;
    await readers.none(id);
    // The next server finds the note.
    if (this.#closed) return;
    await cells.remove(id);
    await store.removed([id]);
  }

  /** Settles when what is under way is done; what waits for readers is left to the next server. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#pending);
  }
}
