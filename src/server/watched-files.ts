/** Files that change while the server runs. */

import { stat } from 'node:fs/promises';

/** Milliseconds between two checks of the files. */
const LOOK_MS = 1000;
/** Milliseconds after a change in which others may follow: a certificate and its key are replaced one after the other. */
const SETTLE_MS = 200;

/** Detects changes of files. Created before they are read for the first time, so that no change is missed in between. */
export class WatchedFiles {
  readonly #paths: readonly string[];
  /** The state of each at the last check. */
  #seen: readonly string[];

  private constructor(paths: readonly string[], seen: readonly string[]) {
    this.#paths = paths;
    this.#seen = seen;
  }

  /** Remembers the current state of files, which need not exist. */
  static async at(paths: readonly string[]): Promise<WatchedFiles> {
    return new WatchedFiles(paths, await stateOf(paths));
  }

  /**
   * Calls `changed` after any of the files has changed since this object was created: its content, or which file a path
   * leads to. One call at a time. May be called once.
   *
   * @param changed settles when the change is handled; must not reject
   * @returns a function that stops watching
   */
  follow(changed: () => Promise<void>): () => void {
    let ended = false;
    let timer: NodeJS.Timeout;
    const wait = (milliseconds: number, then: () => Promise<void>): void => {
      // Watching keeps no process running.
      if (!ended) timer = setTimeout(() => void then(), milliseconds).unref();
    };
    const compare = async (): Promise<void> => {
      const now = await stateOf(this.#paths);
      if (isEqual(now, this.#seen)) return wait(LOOK_MS, compare);
      this.#seen = now;
      wait(SETTLE_MS, settle);
    };
    const settle = async (): Promise<void> => {
      const now = await stateOf(this.#paths);
      if (!isEqual(now, this.#seen)) {
        this.#seen = now;
        return wait(SETTLE_MS, settle);
      }
      if (ended) return;
      await changed();
      wait(LOOK_MS, compare);
    };
    wait(LOOK_MS, compare);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }
}

const isEqual = (some: readonly string[], others: readonly string[]): boolean =>
  some.every((one, index) => one === others[index]);

/** For each path a text that differs when the file is another one or has another content. */
const stateOf = (paths: readonly string[]): Promise<string[]> =>
  Promise.all(
    paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
        return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
      } catch (error) {
        // Reading the file fails the same way, and that is reported.
        return error instanceof Error && 'code' in error ? String(error.code) : String(error);
      }
    }),
  );
