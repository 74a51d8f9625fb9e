/** Prepares the images that cells start from. */

import { IMAGE_NAMES } from '../../rootfs/catalogue.ts';
import { ensureImage } from '../../rootfs/image.ts';
import { progressOnTerminal } from '../../rootfs/progress.ts';
import type { ServeConfig } from '../config/config.ts';
import type { CellIds } from '../runtime/ids/index.ts';
import { ImageFiles } from '../runtime/image-files.ts';
import { statePaths } from '../state/paths.ts';

export interface PrepareOptions {
  /** No job runs on a tree replaced before then (milliseconds since 1970). Default: nothing is known of that. */
  readonly unusedBeforeMs?: number;
  /** Takes the lines that tell a person what is going on. */
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Sees to it that every image is unpacked, with the owners that cells have here.
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
      // Subordinate ids are nothing that the server's user could give files to by itself. Inside they follow id 0.
      ...(ids.kind === 'subordinate' && {
        enter: ids.enter,
        ownersInside: { uid: 1, gid: 1, count: ids.count },
      }),
      ...(unusedBeforeMs === undefined ? {} : { unusedBefore: unusedBeforeMs }),
      log,
      signal,
      ...(process.stderr.isTTY && { progress: progressOnTerminal(process.stderr) }),
    });
    images.set(name, new ImageFiles(root, ids.count));
  }
  return images;
};
