/** The progress of images that are being added. */

import { Bell, pull } from '../async/pull.ts';
import type { ImageProgress } from '../jobs/images.ts';

/** The progress of each name that an image is being added to. */
export class ProgressBoard {
  readonly #now = new Map<string, ImageProgress>();
  readonly #bell = new Bell();
  readonly #open = new Set<AsyncIterableIterator<ImageProgress>>();

  /** Shows the progress of an image. */
  set(progress: ImageProgress): void {
    this.#now.set(progress.name, progress);
    this.#bell.ring();
  }

  /** The image was added, or is not going to be. */
  remove(name: string): void {
    this.#now.delete(name);
    this.#bell.ring();
  }

  /** Waits until an image is added to the name, follows that, and completes when it is over. */
  follow(name: string): AsyncIterableIterator<ImageProgress> {
    let last: ImageProgress | undefined;
    const iterator = pull<ImageProgress>(
      async (signal) => {
        for (;;) {
          const seen = this.#bell.rings;
          const now = this.#now.get(name);
          if (now === undefined && last !== undefined) return { done: true, value: undefined };
          if (now !== undefined && now !== last) {
            last = now;
            return { done: false, value: now };
          }
          await this.#bell.wait(seen, signal);
        }
      },
      () => this.#open.delete(iterator),
    );
    this.#open.add(iterator);
    return iterator;
  }

  /** Completes everything that is followed. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((iterator) => iterator.return?.()));
  }
}
