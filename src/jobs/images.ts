/** The interface of the service of images, which the resolvers call. */

import type { Image } from './image.ts';
import type { Identity } from './service.ts';

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
   * Deletes a name, and its content unless it has another one.
   *
   * @throws ClientError `NOT_FOUND`; `IMAGE_IN_USE` while a job that has not ended uses it; `BAD_USER_INPUT` for an image
   *   that comes with the server
   */
  delete(identity: Identity, name: string): Promise<string>;
}
