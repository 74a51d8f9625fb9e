/** Watches files and folders by inotify(7), and by looking again and again where the system has no more of it. */

import { type FSWatcher, statSync, watch } from 'node:fs';

/** Who is notified of what happens at a path. */
export interface PathListener {
  /**
   * `rename`: what lies there may have been created, removed or replaced. `name`: which file of a folder; `null`: it is
   * not known, look at all of them.
   */
  readonly change: (event: 'rename' | 'change', name: string | null) => void;
  readonly error: (error: Error) => void;
}

/** A watch of a path, as one listener has it. */
export interface PathWatch {
  /** Ends the watch; the listener is not called any more. */
  close(): void;
}

/**
 * Watches a file, or the names in a folder. The watch is active when this returns. inotify instances and watches are
 * limited per user, over all programs: once they are used up, the path is polled every 250 ms, which a process warning
 * reports once (`CLOISTER_NO_INOTIFY`), until one is free again.
 *
 * @throws Error ENOENT and the other errors of fs.watch() about the path
 */
export const watchPath = (path: string, listener: PathListener): PathWatch =>
  tryToWatch(path, listener) ?? new Polling(path, listener);

const POLL_MS = 250;
// inotify_init(2): no more instances. inotify_add_watch(2): no more watches. ENOSYS: a kernel or a filter without both.
const USED_UP = new Set(['EMFILE', 'ENFILE', 'ENOSPC', 'ENOSYS']);

const tryToWatch = (path: string, { change, error }: PathListener): FSWatcher | undefined => {
  try {
    return watch(path).on('change', onChange(change)).on('error', error);
  } catch (failure) {
    if (!(failure instanceof Error && 'code' in failure && USED_UP.has(String(failure.code)))) throw failure;
    warnOnce(failure);
    return undefined;
  }
};

const onChange =
  (change: PathListener['change']) =>
  (event: string, name: string | Buffer | null): void =>
    change(event === 'rename' ? 'rename' : 'change', name === null ? null : String(name));

let warned = false;
const warnOnce = (failure: Error): void => {
  if (warned) return;
  warned = true;
  process.emitWarning(
    `files are polled every ${POLL_MS} ms until inotify is available again (${failure.message}): ` +
      'raise fs.inotify.max_user_instances and fs.inotify.max_user_watches',
    { code: 'CLOISTER_NO_INOTIFY' },
  );
};

/** Reports a change at every poll: timestamps do not show every change of a folder, or of a file of procfs or sysfs. */
class Polling implements PathWatch {
  readonly #path: string;
  readonly #listener: PathListener;
  #inode: bigint | undefined;
  #timer: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;

  constructor(path: string, listener: PathListener) {
    this.#path = path;
    this.#listener = listener;
    this.#inode = statSync(path, { bigint: true }).ino;
    this.#timer = setInterval(() => this.#look(), POLL_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  #look(): void {
    try {
      this.#watcher = tryToWatch(this.#path, this.#listener);
      // In place before the change is reported, which is then the last that could have been missed.
      if (this.#watcher !== undefined) clearInterval(this.#timer);
    } catch (failure) {
      // It is gone: the change says so.
      if (!(failure instanceof Error && 'code' in failure && failure.code === 'ENOENT')) {
        this.#listener.error(failure instanceof Error ? failure : new Error(String(failure)));
        return;
      }
    }
    const inode = statSync(this.#path, { bigint: true, throwIfNoEntry: false })?.ino;
    const replaced = inode !== this.#inode;
    this.#inode = inode;
    this.#listener.change(replaced ? 'rename' : 'change', null);
  }
}
