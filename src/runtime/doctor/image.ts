/** Checks the images. */

import { IMAGE_NAMES } from '../../../rootfs/catalogue.ts';
import { readRecord } from '../../../rootfs/record.ts';
import { type Check, pass, warn } from './check.ts';

/** Whether each image is unpacked, and not a fallback. */
export const checkImages = (imagesDir: string): Promise<readonly Check[]> =>
  Promise.all(
    IMAGE_NAMES.map(async (image) => {
      const name = `image ${image}`;
      const record = await readRecord(imagesDir, image);
      const remedy =
        'start the server where it reaches the source of the image, or give it the archive with CLOISTER_IMAGE_MIRROR';
      if (record === undefined)
        return warn(name, 'not unpacked yet: the server does it when it starts', remedy);
      if (record.sha512 === null) return warn(name, `BusyBox ${record.version} stands in for it`, remedy);
      return pass(name, `${record.version}, from ${record.source}`);
    }),
  );
