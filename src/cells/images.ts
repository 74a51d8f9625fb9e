/** Prepares the images that cells start from. */

import { IMAGE_NAMES } from '../../rootfs/catalogue.ts';
import { ensureImage } from '../../rootfs/image.ts';
import { progressOnTerminal } from '../../rootfs/progress.ts';
import type { ServeConfig } from '../config/config.ts';
import type { Log } from '../log.ts';
import type { CellIds } from '../runtime/ids/index.ts';
import { ImageFiles } from '../runtime/image-files.ts';
import { statePaths } from '../state/paths.ts';

export interface PrepareOptions {
  /** No job uses a tree that was replaced before this time (milliseconds since 1970). Default: unknown. */
  readonly unusedBeforeMs?: number;
  /** Called with lines that report progress to a person. */
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Makes sure that every image is unpacked, with the owners that cells have here.
 *
 * @returns the files of each image, by its name
 * @throws ImageError
 */
export const prepareImages = async (
  config: Pick<ServeConfig, 'stateDir' | 'imageMirror'>,
  ids: CellIds,
  { unusedBeforeMs, log, signal }: PrepareOptions,
): Promise<ReadonlyMap<string, ImageFiles>> => {
  const images = new Map<string, ImageFiles>();
  for (const name of IMAGE_NAMES) {
    const { root } = await ensureImage({
      name,
      imagesDir: statePaths(config.stateDir).images,
      mirror: config.imageMirror,
      owners: { ...ids.owner, count: ids.count },
      // The server's user alone cannot chown files to its subordinate ids. In the cell they follow id 0.
      ...(ids.kind === 'subordinate' && {
        enter: ids.enter,
        ownersInside: { uid: 1, gid: 1, count: ids.count },
      }),
      ...(unusedBeforeMs === undefined ? {} : { unusedBeforeMs }),
      log,
      signal,
      ...(process.stderr.isTTY && { progress: progressOnTerminal(process.stderr) }),
    });
    images.set(name, new ImageFiles(root, ids.count));
  }
  return images;
};
