/** The interface of the service of images, which the resolvers call. */

import type { Image } from './image.ts';
import type { Identity } from './service.ts';

/** An archive of an image, as it arrives. */
export interface ImportRequest {
  readonly name: string;
  readonly body: AsyncIterable<Uint8Array>;
  /** Where it is from, for people. */
  readonly source: string;
}

/**
 * Everything that can be done with images. Every method throws `ClientError` for the caller's mistakes; any other error
 * that it throws is the server's fault.
 */
export interface ImageService {
  /** All images by their names, those that come with the server first. */
  list(identity: Identity): Promise<readonly Image[]>;
  /** The names of the images that everybody may use. */
  readonly sharedNames: readonly string[];
  /** Who alone may use an image, besides admins; `null`: everybody; `undefined`: there is no image of that name. */
  ownerOf(name: string): string | null | undefined;
  /**
   * Adds an image from an archive: an OCI layout, what `docker save` writes, or a root file system; as a tar, perhaps
   * compressed by gzip or zstd. A name that exists stands for the new image then, and jobs keep the one that they have.
   *
   * @throws ClientError `BAD_USER_INPUT` for a bad name or archive, `IMAGES_FULL`, `STORAGE_FULL`; nothing is left then
   */
  import(identity: Identity, request: ImportRequest): Promise<Image>;
  /**
   * Deletes a name, and its content unless it has another one.
   *
   * @throws ClientError `NOT_FOUND`; `IMAGE_IN_USE` while a job that has not ended uses it; `BAD_USER_INPUT` for an image
   *   that comes with the server
   */
  delete(identity: Identity, name: string): Promise<string>;
}
