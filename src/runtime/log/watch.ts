/** Watches a file for growth. */

import { existsSync, type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Called after each change of the file, and once with the error when it can no longer be watched. */
export type WatchListener = (failure?: Error) => void;

const watches = new Map<string, FileWatch>();

/**
 * Watches a file for growth, also one that does not exist yet, by inotify(7): nothing polls. All watchers of the
 * same path share one watch, which ends with the last of them. The watch is active when this returns: read the file after
 * that, and no change is missed.
 *
 * @returns the release
 * @throws Error when the system refuses a watch (ENOSPC: `fs.inotify.max_user_watches` is used up)
 */
export const watchFile = (path: string, listener: WatchListener): (() => void) => {
  const shared = watches.get(path) ?? new FileWatch(path);
  watches.set(path, shared);
  return shared.add(listener);
};

class FileWatch {
  readonly #path: string;
  readonly #listeners = new Set<WatchListener>();
  #watcher: FSWatcher;

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
  #arm(): FSWatcher {
    for (;;) {
      let target = this.#path;
      let awaited = '';
      let watcher = tryWatch(target);
      while (watcher === undefined) {
        awaited = basename(target);
        target = dirname(target);
        watcher = tryWatch(target);
      }
      // What was created before the watch of its folder was active is not reported.
      if (awaited !== '' && existsSync(join(target, awaited))) {
        watcher.close();
        continue;
      }
      const own = basename(target);
      watcher.on('change', (event, name) => {
        if (awaited !== '' && name !== null && name !== awaited && name !== own) return;
        // "rename": something was created, removed or replaced, and this may be the watch of something that is gone.
        if (event === 'rename' || awaited !== '') this.#rearm();
        this.#tell();
      });
      watcher.on('error', (error) => this.#fail(error));
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
    this.#tell(new Error(`cannot watch the log: ${error.message}`, { cause: error }));
  }

  #tell(failure?: Error): void {
    for (const listener of [...this.#listeners]) listener(failure);
  }

  #end(): void {
    this.#watcher.close();
    if (watches.get(this.#path) === this) watches.delete(this.#path);
  }
}

const tryWatch = (path: string): FSWatcher | undefined => {
  try {
    return watch(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
};
