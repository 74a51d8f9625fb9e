/** The service of images as a caller may use it: who may see and change which image is decided here. */

import { forbidden, notFound } from '../jobs/errors.ts';
import type { Image } from '../jobs/image.ts';
import type { ImageProgress, ImageService, ImportRequest, PullRequest } from '../jobs/images.ts';
import type { Identity } from '../jobs/service.ts';

/** Whether a caller may see and use the image with this owner. */
export const mayUseImage = ({ role, subject }: Identity, owner: string | null): boolean =>
  role === 'ADMIN' || owner === null || owner === subject;

/**
 * A service of images that allows each caller what its role permits: an ADMIN everything; others see and use the images
 * that everybody may use and those of their own subject, and a USER may delete the latter. Other images do not exist
 * for them.
 */
export class AuthorizedImages implements ImageService {
  readonly #images: ImageService;

  constructor(images: ImageService) {
    this.#images = images;
  }

  get sharedNames(): readonly string[] {
    return this.#images.sharedNames;
  }

  async list(identity: Identity): Promise<readonly Image[]> {
    return (await this.#images.list(identity)).filter(({ owner }) => mayUseImage(identity, owner));
  }

  ownerOf(name: string): string | null | undefined {
    return this.#images.ownerOf(name);
  }

  async import(identity: Identity, request: ImportRequest): Promise<Image> {
    checkAdmin(identity);
    return this.#images.import(identity, request);
  }

  async pull(identity: Identity, request: PullRequest): Promise<Image> {
    checkAdmin(identity);
    return this.#images.pull(identity, request);
  }

  follow(identity: Identity, name: string): AsyncIterableIterator<ImageProgress> {
    checkAdmin(identity);
    return this.#images.follow(identity, name);
  }

  async delete(identity: Identity, name: string): Promise<string> {
    if (identity.role === 'VIEWER') throw forbidden(['ADMIN', 'USER'], identity.role);
    const owner = this.#images.ownerOf(name);
    if (owner !== undefined && !mayUseImage(identity, owner)) throw notFound('input.name', 'image', name);
    if (owner === null) checkAdmin(identity);
    return this.#images.delete(identity, name);
  }
}

/** Images that everybody may use are changed by admins. */
const checkAdmin = ({ role }: Identity): void => {
  if (role !== 'ADMIN') throw forbidden(['ADMIN'], role);
};
