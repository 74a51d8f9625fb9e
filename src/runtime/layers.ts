/** The layers of an image as an overlay joins them (overlayfs.rst): what a path leads to, without a mount. */

import { closeSync, constants, lstatSync, openSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** A folder with the files of one layer. */
export interface Layer {
  readonly root: string;
  /** Paths of its folders that hide those of the same path in lower layers. Absolute, as in a cell. */
  readonly opaque: ReadonlySet<string>;
}

/** A file of one of the layers: the one that a cell sees. */
export interface Found {
  readonly layer: Layer;
  /** Absolute, as in a cell. */
  readonly path: string;
  readonly status: Stats;
  /** If it is a folder: the layers whose folders of this path are one in a cell, from the uppermost to the lowest. */
  readonly merged: readonly Layer[];
}

/** How often layers may be asked for a file until a path leads somewhere. */
export interface Lookups {
  left: number;
}

/**
 * What a path without links is in a cell.
 *
 * @param layers from the uppermost to the lowest
 * @param path absolute, without `.` and `..`
 * @param lookups default: as many as it takes
 * @returns `undefined` when it does not exist
 */
export const findInLayers = (
  layers: readonly Layer[],
  path: string,
  lookups: Lookups = { left: Number.POSITIVE_INFINITY },
): Found | undefined => {
  let found = rootOf(layers, lookups);
  for (const name of path.split('/').filter((part) => part !== ''))
    found = found === undefined ? undefined : childOf(found, name, lookups);
  return found;
};

/** The root of the cells of an image. */
export const rootOf = (layers: readonly Layer[], lookups: Lookups): Found | undefined =>
  firstOf(layers, '/', lookups);

/**
 * What has a name in a folder: looked for only in the layers that the folder is of, so that a path takes no longer than
 * it has names, however long it is.
 *
 * @returns `undefined` when there is none, or `parent` is no folder
 */
export const childOf = (parent: Found, name: string, lookups: Lookups): Found | undefined =>
  Buffer.byteLength(name) <= LONGEST_NAME_BYTES && parent.status.isDirectory()
    ? firstOf(parent.merged, join(parent.path, name), lookups)
    : undefined;

/** The uppermost file at a path, and the layers whose folders of that path are merged. */
const firstOf = (layers: readonly Layer[], path: string, lookups: Lookups): Found | undefined => {
  const merged: Layer[] = [];
  let found: Pick<Found, 'layer' | 'status'> | undefined;
  for (const layer of layers) {
    if (--lookups.left < 0) return undefined;
    const status = atPath(layer.root, path, (own) => lstatSync(own, { throwIfNoEntry: false }));
    if (status === undefined) continue;
    if (isWhiteout(status)) break;
    found ??= { layer, status };
    if (!status.isDirectory()) break;
    merged.push(layer);
    if (layer.opaque.has(path)) break;
  }
  return found && { ...found, path, merged };
};

const isWhiteout = (status: Stats): boolean => status.isCharacterDevice() && status.rdev === 0;

/** NAME_MAX of the file systems that layers are on. */
const LONGEST_NAME_BYTES = 255;
/** PATH_MAX, without the NUL byte. */
const LONGEST_PATH_BYTES = 4095;
/** More than a name has, and so little that two are a path that the system accepts. */
const STEP_BYTES = 2000;
/** Opens a folder as a place and not for reading, which needs no permission on it (open(2)); Node.js has no name for it. */
const O_PATH = 0o10000000;

/**
 * Calls `use` with a path that the system accepts, for one in a cell that may be too long for it together with the path of
 * its layer. It is valid only during the call.
 *
 * @param path in the layer, all names of which but the last are those of folders
 */
export const atPath = <T>(root: string, path: string, use: (own: string) => T): T => {
  const own = join(root, path);
  if (Buffer.byteLength(own) <= LONGEST_PATH_BYTES) return use(own);
  const bytes = Buffer.from(path);
  const end = bytes.lastIndexOf('/', STEP_BYTES);
  const folder = openSync(
    join(root, bytes.toString('utf8', 0, end)),
    O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW,
  );
  try {
    return atPath(`/proc/self/fd/${folder}`, bytes.toString('utf8', end), use);
  } finally {
    closeSync(folder);
  }
};
