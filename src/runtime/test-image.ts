/** The image of a test cell. */

import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE_NAMES } from '../../rootfs/catalogue.ts';
import { errnoName } from '../errno.ts';

/** An image with one program, on the file system of the images. */
export interface TestImage {
  readonly root: string;
  /** Its path in the image. */
  readonly program: string;
  /** Removes what was made for it. */
  dispose(): void;
}

const REFUSALS = new Set(['EROFS', 'EACCES', 'EPERM']);

/**
 * Makes an image of a single program: the launcher, which needs nothing but the kernel. It is made in the folder of the
 * images, because the kernel's abilities depend on the file system. If nothing can be written there, an image that is
 * unpacked already is used as it is.
 *
 * @param imagesDir folder of the images; made if it does not exist
 * @param owner names the maker, so that the next one of that name removes what a killed process left
 * @throws Error of mkdir(2), when the folder cannot be made and no image is unpacked
 */
export const openTestImage = (imagesDir: string, launcher: string, owner: string): TestImage => {
  const hash = createHash('sha256').update(owner).digest('hex').slice(0, 16);
  const root = join(imagesDir, `.test-cell-${hash}`);
  try {
    return makeImage(imagesDir, root, launcher);
  } catch (error) {
    const unpacked = IMAGE_NAMES.map((name) => join(imagesDir, name)).find((path) => existsSync(path));
    if (unpacked === undefined || !REFUSALS.has(errnoName(error) ?? '')) throw error;
    return { root: unpacked, program: '/bin/true', dispose: () => {} };
  }
};

const makeImage = (imagesDir: string, root: string, launcher: string): TestImage => {
  const dispose = (): void => rmSync(root, { recursive: true, force: true });
  mkdirSync(imagesDir, { recursive: true, mode: 0o755 });
  dispose();
  for (const path of ['', 'proc', 'sys', 'dev']) {
    mkdirSync(join(root, path));
    chmodSync(join(root, path), 0o755);
  }
  copyFileSync(launcher, join(root, 'cell'));
  chmodSync(join(root, 'cell'), 0o755);
  return { root, program: '/cell', dispose };
};
