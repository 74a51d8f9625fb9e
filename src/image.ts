/** The commands `cloister image`: fetch the images before the first start of a server, and list them. */

import { IMAGE_NAMES } from '../rootfs/catalogue.ts';
import { ImageError } from '../rootfs/errors.ts';
import { type ImageInfo, readRecord } from '../rootfs/record.ts';
import { prepareImages } from './cells/images.ts';
import { print, printJson } from './client/output.ts';
import type { ServeConfig } from './config/config.ts';
import { findCellIds } from './runtime/ids/index.ts';
import { statePaths } from './state/paths.ts';

/**
 * Downloads and unpacks the images into the state folder, unless they are there, as the server does when it starts.
 *
 * @throws ImageError, IdsError
 */
export const fetchImages = async (config: ServeConfig): Promise<void> => {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interrupted.abort(new ImageError(`interrupted by ${signal}`)));
  const ids = await findCellIds(config);
  const log = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  await prepareImages(config, ids, { log, signal: interrupted.signal });
};

/** Prints each image, and which version of it is unpacked in the state folder. */
export const listImages = async (stateDir: string, json: boolean): Promise<void> => {
  const { images } = statePaths(stateDir);
  const found = await Promise.all(
    IMAGE_NAMES.map(async (name) => ({ name, unpacked: (await readRecord(images, name)) ?? null })),
  );
  if (json) await printJson(found);
  else await print(found.map(({ name, unpacked }) => `${name}  ${describe(unpacked, images)}`).join('\n'));
};

const describe = (image: ImageInfo | null, folder: string): string => {
  if (image === null) return `not unpacked yet in ${folder}`;
  if (image.sha512 === null) return `BusyBox ${image.version} in its place, unpacked ${image.unpackedAt}`;
  return `${image.version}, from ${image.source}, unpacked ${image.unpackedAt}`;
};
