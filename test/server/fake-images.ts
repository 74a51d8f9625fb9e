/** A service of images, and a record of them, in memory. */

import { notFound } from '../../src/jobs/errors.ts';
import {
  type Image,
  type ImageContent,
  type ImageName,
  type ImageStore,
  NO_DEFAULTS,
  NONE_SKIPPED,
} from '../../src/jobs/image.ts';
import type { ImageProgress, ImageService, ImportRequest, PullRequest } from '../../src/jobs/images.ts';
import type { Identity } from '../../src/jobs/service.ts';

export const fakeImage = (name: string, owner: string | null = null): Image => ({
  name,
  digest: `sha256:${Buffer.from(name).toString('hex')}`,
  owner,
  source: `where ${name} is from`,
  createdAt: new Date(0),
  sizeBytes: 7,
  layers: 1,
  skipped: NONE_SKIPPED,
  defaults: NO_DEFAULTS,
  builtIn: false,
  inUse: false,
});

/** Images in memory: they behave as the test says, and calls are recorded. */
export class FakeImages implements ImageService {
  readonly images = new Map<string, Image>([['alpine', fakeImage('alpine')]]);
  readonly calls: string[] = [];

  get sharedNames(): readonly string[] {
    return [...this.images.values()].filter(({ owner }) => owner === null).map(({ name }) => name);
  }

  async list(): Promise<readonly Image[]> {
    return [...this.images.values()];
  }

  ownerOf(name: string): string | null | undefined {
    return this.images.get(name)?.owner;
  }

  async import(_identity: Identity, { name, body }: ImportRequest): Promise<Image> {
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.length;
    this.calls.push(`import ${name} ${bytes}`);
    const image = fakeImage(name);
    this.images.set(name, image);
    return image;
  }

  async pull(_identity: Identity, { reference, name = reference }: PullRequest): Promise<Image> {
    this.calls.push(`pull ${reference} ${name}`);
    const image = fakeImage(name);
    this.images.set(name, image);
    return image;
  }

  async *follow(_identity: Identity, name: string): AsyncIterableIterator<ImageProgress> {
    yield { name, phase: 'FETCHING', receivedBytes: 1, totalBytes: 2, unpacked: 0, layers: null };
  }

  async delete(_identity: Identity, name: string): Promise<string> {
    this.calls.push(`delete ${name}`);
    if (!this.images.delete(name)) throw notFound('input.name', 'image', name);
    return name;
  }
}

/** A record of images in memory. */
export class FakeImageStore implements ImageStore {
  readonly #contents = new Map<string, ImageContent>();
  readonly #names = new Map<string, ImageName>();

  async contents(): Promise<readonly ImageContent[]> {
    return [...this.#contents.values()];
  }

  async names(): Promise<readonly ImageName[]> {
    return [...this.#names.values()];
  }

  async put(name: ImageName, content: ImageContent): Promise<void> {
    this.#contents.set(content.digest, content);
    this.#names.set(name.name, name);
  }

  async removeName(name: string): Promise<void> {
    this.#names.delete(name);
  }

  async removeContent(digest: string): Promise<void> {
    this.#contents.delete(digest);
  }

  async used(): Promise<ReadonlySet<string>> {
    return new Set();
  }

  async retarget(): Promise<void> {}
}
