/** The images that this version knows, with pinned archives: `images.json`. */

import { ImageError } from './errors.ts';
import images from './images.json' with { type: 'json' };

/** One pinned archive of a root file system. */
export interface ImageArchive {
  readonly name: string;
  readonly version: string;
  readonly url: string;
  /** Bytes. */
  readonly size: number;
  /** Hexadecimal, lower case. */
  readonly sha512: string;
}

export const IMAGE_NAMES: readonly string[] = Object.keys(images);

/**
 * The archive that `images.json` pins for an image and a processor.
 *
 * @param machine as Node names it: `x64`, `arm64`
 * @throws ImageError for an image or a processor that has no archive
 */
export const findArchive = (name: string, machine: string = process.arch): ImageArchive => {
  const image = Object.entries(images).find(([known]) => known === name)?.[1];
  if (image === undefined) {
    throw new ImageError(`image: expected one of ${IMAGE_NAMES.join(', ')}, got ${JSON.stringify(name)}`);
  }
  switch (machine) {
    case 'x64':
      return { name, version: image.version, ...image.archives.x86_64 };
    case 'arm64':
      return { name, version: image.version, ...image.archives.aarch64 };
    default:
      throw new ImageError(`image ${name}: expected a machine of type x64 or arm64, got ${machine}`);
  }
};
