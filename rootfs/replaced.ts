/** Trees of images that were replaced while jobs might still run on them. */

import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { absent } from './tree.ts';

/**
 * Puts the tree of an image aside: jobs may still run on it. Their cells hold its inode, so the rename does not
 * affect them; the new name has the time.
 */
export const putAside = async (imagesDir: string, name: string): Promise<void> => {
  await rename(join(imagesDir, name), join(imagesDir, `${prefix(name)}${Date.now()}`)).catch(absent);
};

/**
 * The trees of an image that were put aside before a moment, since 1970.
 *
 * @returns their paths; none if `beforeMs` is undefined
 */
export const findPutAside = async (
  imagesDir: string,
  name: string,
  beforeMs: number | undefined,
): Promise<readonly string[]> => {
  if (beforeMs === undefined) return [];
  const entries = (await readdir(imagesDir).catch(absent)) ?? [];
  return entries
    .filter((entry) => entry.startsWith(prefix(name)))
    .filter((entry) => Number(entry.slice(prefix(name).length)) < beforeMs)
    .map((entry) => join(imagesDir, entry));
};

/** Removes trees, each of which may be gone already; what this process may not remove is logged. */
export const removeTrees = async (trees: readonly string[], log: (line: string) => void): Promise<void> => {
  for (const tree of trees) {
    await rm(tree, { recursive: true, force: true }).catch((error: Error) => {
      log(`${tree}, which nobody uses any more, could not be removed: ${error.message}`);
    });
  }
};

const prefix = (name: string): string => `.${name}.old-`;
