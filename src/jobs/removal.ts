/** Deletes jobs with all that is kept of them. */

import { FairLimit } from '../async/fair-limit.ts';
import type { Log } from '../log.ts';
import type { Cells } from './cells.ts';
import type { LogReaders } from './readers.ts';
import type { JobStore } from './store.ts';

/**
 * Folders that are removed at the same time. Node.js has four threads for files, and what clients wait for needs them too:
 * each commit is synced in one.
 */
const AT_ONCE = 2;

/** What jobs are removed from. */
export interface RemovalOptions {
  readonly store: JobStore;
  readonly cells: Pick<Cells, 'remove'>;
  readonly readers: LogReaders;
  readonly log: Log;
}

/**
 * Removes jobs that have ended: first the row, which leaves a note that the folder still exists, then the folder, when
 * nobody reads its log any more, and then the note. The next server finishes what one that dies leaves undone.
 */
export class Removal {
  readonly #options: RemovalOptions;
  readonly #pending = new Set<Promise<void>>();
  readonly #turns = new FairLimit(AT_ONCE);
  readonly #listeners = new Set<(ids: readonly string[]) => void>();
  #closed = false;

  constructor(options: RemovalOptions) {
    this.#options = options;
  }

  /**
   * Removes the rows, and the folders in the background.
   *
   * @returns ids of the removed jobs: pinned and running ones stay
   * @throws StoreFullError
   */
  async remove(ids: readonly string[]): Promise<readonly string[]> {
    const gone = await this.#options.store.remove(ids);
    for (const id of gone) this.#finish(id);
    if (gone.length > 0) for (const listener of this.#listeners) listener(gone);
    return gone;
  }

  /** Calls `listener` with the ids of jobs whose rows are gone, until the returned function is called. */
  onRemoved(listener: (ids: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Finishes the removals that an earlier server left undone. */
  async recover(): Promise<void> {
    for (const id of await this.#options.store.removals()) this.#finish(id);
  }

  #finish(id: string): void {
    const work = this.#removeFolder(id)
      .catch((error: unknown) =>
        this.#options.log(`the folder of a deleted job could not be removed: ${error}`, {
          level: 'error',
          jobId: id,
        }),
      )
      .finally(() => this.#pending.delete(work));
    this.#pending.add(work);
  }

  async #removeFolder(id: string): Promise<void> {
    const { readers, cells, store } = this.#options;
    await readers.none(id);
    const isGone = await this.#turns.take('', async () => {
      // The next server finds the note.
      if (this.#closed) return false;
      await cells.remove(id);
      return true;
    });
    if (isGone) await store.removed([id]);
  }

  /** Settles when removals in progress are done; those that wait for readers are left to the next server. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#pending);
  }
}
