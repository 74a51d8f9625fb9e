/** The image that tests run in. */

import { join } from 'node:path';
import { ensureImage } from '../../rootfs/image.ts';
import { ownersFrom } from '../../rootfs/tree.ts';

/** The range of host ids that the cells of tests use: the default of the server. */
export const ID_BASE = 1_879_048_192;

export const IMAGES = join(import.meta.dirname, '..', '..', '.cache', 'images');

let ready: Promise<string> | undefined;

/** The tree of the image that tests run in; unpacked once, and kept between runs. */
export const testImage = (): Promise<string> => {
  ready ??= ensureImage({
    name: 'alpine',
    imagesDir: IMAGES,
    mirror: process.env['CLOISTER_IMAGE_MIRROR'],
    owners: ownersFrom(ID_BASE),
    log: (line) => process.stderr.write(`${line}\n`),
  }).then(({ root }) => root);
  return ready;
};

/**
 * The files and folders of `IMAGES` that make the image of all tests. A copy is made of these and not of the whole
 * folder, in which the servers of other tests make and remove images meanwhile.
 */
export const TEST_IMAGE_PATHS: readonly string[] = [join(IMAGES, 'alpine'), join(IMAGES, 'alpine.json')];
