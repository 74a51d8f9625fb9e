/** Watches a file for growth. */

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type PathListener, type PathWatch, watchPath } from '../../async/watch-path.ts';
import { hasErrno } from '../../errno.ts';

/** Called after each change of the file, and once with the error when it can no longer be watched. */
export type WatchListener = (failure?: Error) => void;

const watches = new Map<string, FileWatch>();

/**
 * Watches a file for growth, also one that does not exist yet, by inotify(7) as long as there is any (see
 * `watchPath`). All watchers of the same path share one watch, which ends with the last of them. The watch is active when this returns: read the file after
 * that, and no change is missed.
 *
 * @returns the release
 * @throws Error when the system refuses a watch
 */
export const watchFile = (path: string, listener: WatchListener): (() => void) => {
  const shared = watches.get(path) ?? new FileWatch(path);
  watches.set(path, shared);
  return shared.add(listener);
};

class FileWatch {
  readonly #path: string;
  readonly #listeners = new Set<WatchListener>();
  #watcher: PathWatch;

  constructor(path: string) {
    this.#path = path;
    this.#watcher = this.#arm();
  }

  add(listener: WatchListener): () => void {
    // The same function added twice is two listeners.
    const own: WatchListener = (failure) => listener(failure);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
      if (this.#listeners.size === 0) this.#end();
    };
  }

  // Watches the file or, if it does not exist, the nearest folder above it for the next name of the path.
  #arm(): PathWatch {
    for (;;) {
      let target = this.#path;
      let awaited = '';
      const listener: PathListener = {
        change: (event, name) => {
          if (awaited !== '' && name !== null && name !== awaited && name !== basename(target)) return;
          // "rename": something was created, removed or replaced, and this may be the watch of something that is gone.
          if (event === 'rename' || awaited !== '') this.#rearm();
          this.#report();
        },
        error: (error) => this.#fail(error),
      };
      let watcher = tryWatch(target, listener);
      while (watcher === undefined) {
        awaited = basename(target);
        target = dirname(target);
        watcher = tryWatch(target, listener);
      }
      // What was created before the watch of its folder was active is not reported.
      if (awaited !== '' && existsSync(join(target, awaited))) {
        watcher.close();
        continue;
      }
      return watcher;
    }
  }

  #rearm(): void {
    this.#watcher.close();
    try {
      this.#watcher = this.#arm();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #fail(error: Error): void {
    this.#end();
    this.#report(new Error(`cannot watch the log: ${error.message}`, { cause: error }));
  }

  #report(failure?: Error): void {
    for (const listener of [...this.#listeners]) listener(failure);
  }

  #end(): void {
    this.#watcher.close();
    if (watches.get(this.#path) === this) watches.delete(this.#path);
  }
}

const tryWatch = (path: string, listener: PathListener): PathWatch | undefined => {
  try {
    return watchPath(path, listener);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
};
