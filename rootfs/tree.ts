/** The tree of an image: owners and mount points. */

import { chmod, chown, lchown, lstat, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageError } from './errors.ts';

/** How many ids a cell has if enough are available. */
export const IDS_PER_CELL = 65_536;

/**
 * Owners of the files of an image: ids 0 to `count - 1` of the archive become `uid`, `gid` and those after them. With a
 * single id, everything belongs to it, whatever the archive says.
 */
export interface Owners {
  readonly uid: number;
  readonly gid: number;
  readonly count: number;
}

/** Owners that begin with one id, as many as a cell can have. */
export const ownersFrom = (base: number): Owners => ({ uid: base, gid: base, count: IDS_PER_CELL });

/** What the launcher mounts over. They exist in every image, so that no cell has to create them in a shared tree. */
export const MOUNT_POINTS = ['proc', 'sys', 'dev', 'tmp', 'run', 'root'] as const;

const MOUNT_POINT_MODES: Readonly<Record<string, number>> = { tmp: 0o1777, root: 0o700 };

/** Creates a folder of the tree with exactly this mode, owned by root of the cell. Its parent has to exist. */
export const makeFolder = async (path: string, mode: number, owners: Owners): Promise<void> => {
  await mkdir(path);
  await chown(path, owners.uid, owners.gid);
  await chmod(path, mode);
};

/** Creates a symbolic link of the tree, owned by root of the cell. */
export const makeLink = async (target: string, path: string, owners: Owners): Promise<void> => {
  await symlink(target, path);
  await lchown(path, owners.uid, owners.gid);
};

/**
 * Adds what every image has to a tree: the mount points, and a root folder that everybody may enter and root owns.
 *
 * @throws ImageError if a mount point is not a folder: a link would redirect a mount
 */
export const completeTree = async (root: string, owners: Owners): Promise<void> => {
  for (const name of MOUNT_POINTS) {
    const path = join(root, name);
    const found = await lstat(path).catch(absent);
    if (found === undefined) await makeFolder(path, MOUNT_POINT_MODES[name] ?? 0o755, owners);
    else if (!found.isDirectory()) throw new ImageError(`/${name}: expected a folder, got something else`);
  }
  await chown(root, owners.uid, owners.gid);
  await chmod(root, 0o755);
};

/** For `.catch`: `undefined` instead of "no such file"; any other error is thrown again. */
export const absent = (error: unknown): undefined => {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
};
