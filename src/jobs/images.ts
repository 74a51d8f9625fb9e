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

/** An image of a registry that is to be added. */
export interface PullRequest {
  /** As docker takes it: `alpine:3.20`. */
  readonly reference: string;
  /** Default: the reference. */
  readonly name?: string;
}

/** The phase of adding an image. */
export const IMAGE_PHASES = ['WAITING', 'FETCHING', 'UNPACKING'] as const;

/** The progress of an image that is being added. */
export interface ImageProgress {
  readonly name: string;
  readonly phase: (typeof IMAGE_PHASES)[number];
  readonly receivedBytes: number;
  /** `null`: not known yet. */
  readonly totalBytes: number | null;
  /** Layers that are unpacked, or were here before. */
  readonly unpacked: number;
  /** `null`: not known yet. */
  readonly layers: number | null;
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
  /**
   * The only subject that may use an image, besides admins; `null`: everybody; `undefined`: there is no image with that
   * name.
   */
  ownerOf(name: string): string | null | undefined;
  /**
   * Adds an image from an archive: an OCI layout, what `docker save` writes, or a root file system; as a tar, perhaps
   * compressed by gzip or zstd. A name that exists stands for the new image then, and jobs keep the one that they have.
   *
   * @throws ClientError `BAD_USER_INPUT` for a bad name or archive, `IMAGES_FULL`, `STORAGE_FULL`; nothing is left then
   */
  import(identity: Identity, request: ImportRequest): Promise<Image>;
  /**
   * Adds an image from a registry. Names are as for `import`.
   *
   * @throws ClientError `BAD_USER_INPUT` also for whatever the registry is not able or willing to do
   */
  pull(identity: Identity, request: PullRequest): Promise<Image>;
  /**
   * The progress of the image that is being added under a name: waits until one is, and completes when it has been
   * added or has failed.
   */
  follow(identity: Identity, name: string): AsyncIterableIterator<ImageProgress>;
  /**
   * Deletes a name, and its content unless it has another one.
   *
   * @throws ClientError `NOT_FOUND`; `IMAGE_IN_USE` while a job that has not ended uses it; `BAD_USER_INPUT` for an image
   *   that comes with the server
   */
  delete(identity: Identity, name: string): Promise<string>;
}
