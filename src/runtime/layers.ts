/** The layers of an image as an overlay joins them (overlayfs.rst): what a path leads to, without a mount. */

import { lstatSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** A folder with the files of one layer. */
export interface Layer {
  readonly root: string;
  /** Paths of its folders that hide those of the same path in lower layers. Absolute, as in a cell. */
  readonly opaque: ReadonlySet<string>;
}

/** A file of one of the layers: the one that a cell sees. */
export interface Found {
  readonly path: string;
  readonly status: Stats;
}

/**
 * What a path without links is in a cell.
 *
 * @param layers from the uppermost to the lowest
 * @param path absolute, without `.` and `..`
 * @returns `undefined` when it does not exist
 */
export const findInLayers = (layers: readonly Layer[], path: string): Found | undefined => {
  let merged = layers;
  let found = firstOf(merged, '/').found;
  let at = '';
  for (const name of path.split('/').filter((part) => part !== '')) {
    if (!found?.status.isDirectory()) return undefined;
    at += `/${name}`;
    ({ merged, found } = firstOf(merged, at));
  }
  return found;
};

/** The uppermost file at a path, and the layers whose folders of that path are merged. */
const firstOf = (
  layers: readonly Layer[],
  path: string,
): { readonly merged: readonly Layer[]; readonly found: Found | undefined } => {
  const merged: Layer[] = [];
  let found: Found | undefined;
  for (const layer of layers) {
    const own = join(layer.root, path);
    const status = lstatSync(own, { throwIfNoEntry: false });
    if (status === undefined) continue;
    if (isWhiteout(status)) break;
    if (!status.isDirectory()) {
      found ??= { path: own, status };
      break;
    }
    found ??= { path: own, status };
    merged.push(layer);
    if (layer.opaque.has(path)) break;
  }
  return { merged, found };
};

const isWhiteout = (status: Stats): boolean => status.isCharacterDevice() && status.rdev === 0;
