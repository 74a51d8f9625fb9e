/** Undoes what a test has made. */

import { afterEach } from 'vitest';

type Disposer = () => unknown;

/**
 * A list of what a test file has to undo, run in reverse after each of its tests.
 *
 * @returns the function that adds to it
 */
export const disposers = (): ((dispose: Disposer) => void) => {
  const list: Disposer[] = [];
  afterEach(async () => {
    for (let dispose = list.pop(); dispose !== undefined; dispose = list.pop()) await dispose();
  });
  return (dispose) => list.push(dispose);
};
