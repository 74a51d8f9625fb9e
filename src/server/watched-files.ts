/** Files that change while the server runs. */

import { unwatchFile, watchFile } from 'node:fs';

/** Milliseconds between two checks of a file. */
const LOOK_MS = 1000;
/** Milliseconds after a change in which others may follow: a certificate and its key are replaced one after the other. */
const SETTLE_MS = 200;

/**
 * Calls `changed` after any of the files has changed: its content, or which file a path leads to. One call at a time.
 *
 * @param changed settles when the change is handled; must not reject
 * @returns a function that stops watching
 */
export const watchFiles = (paths: readonly string[], changed: () => Promise<void>): (() => void) => {
  let settling: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const look = (): void => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      running = running.then(changed);
    }, SETTLE_MS);
  };
  for (const path of paths) watchFile(path, { interval: LOOK_MS, persistent: false }, look);
  return () => {
    clearTimeout(settling);
    for (const path of paths) unwatchFile(path, look);
  };
};
