/** Reads an image from an archive: an OCI layout, what `docker save` writes, or a plain root file system. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { NO_DEFAULTS } from '../jobs/image.ts';
import { fault, ImageFault } from './fault.ts';
import {
  choosePlatform,
  type Descriptor,
  digestOfBytes,
  type ImageSource,
  isIndex,
  LARGEST_DOCUMENT_BYTES,
  listOf,
  parseDocument,
  readConfig,
  readManifest,
} from './oci.ts';
import { indexArchive, type Place } from './tar-index.ts';

/**
 * The image in an archive, which is a tar that is not compressed.
 *
 * @param path of the archive, which `file` has open
 * @throws ImageFault if the archive has none of these formats, is damaged, or is not for this machine
 */
export const openArchive = async (path: string, file: FileHandle): Promise<ImageSource> => {
  const files = await indexArchive(file);
  if (files === undefined) return rootFileSystem(path);
  const archive = new Archive(path, file, files);
  if (files.has('index.json')) return archive.layout();
  if (files.has('manifest.json')) return archive.saved();
  throw fault('archive', 'an OCI layout, an archive of "docker save" or a root file system', [
    ...files.keys(),
  ]);
};

/** An archive of nothing but files: an image of one layer without settings. */
const rootFileSystem = async (path: string): Promise<ImageSource> => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  const diffId = hash.digest('hex');
  return {
    // The digest that its configuration would have, with nothing but this layer.
    digest: digestOfBytes(JSON.stringify({ rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] } })),
    defaults: NO_DEFAULTS,
    layers: [{ diffId, digest: null, open: () => createReadStream(path) }],
  };
};

class Archive {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #files: ReadonlyMap<string, Place>;

  constructor(path: string, file: FileHandle, files: ReadonlyMap<string, Place>) {
    this.#path = path;
    this.#file = file;
    this.#files = files;
  }

  async layout(): Promise<ImageSource> {
    const index = parseDocument('index.json', await this.#text('index.json'));
    let descriptor = choosePlatform('index.json', index);
    let document = await this.#document(descriptor);
    if (isIndex(document)) {
      descriptor = choosePlatform(descriptor.digest, document);
      document = await this.#document(descriptor);
    }
    const { config, layers } = readManifest(descriptor.digest, document);
    const { defaults, diffIds } = readConfig(config.digest, await this.#document(config), layers.length);
    return {
      digest: descriptor.digest,
      defaults,
      layers: layers.map(({ digest }, at) => ({
        diffId: diffIds[at] ?? '',
        digest,
        open: () => this.#stream(blobPath(digest)),
      })),
    };
  }

  async saved(): Promise<ImageSource> {
    const text = await this.#text('manifest.json');
    const manifests = listOf('manifest.json', parseList('manifest.json', text));
    const [manifest, ...more] = manifests;
    if (manifest === undefined || more.length > 0)
      throw fault('manifest.json', 'one image', `${manifests.length} images`);
    const { Config: configPath, Layers: paths } = parseDocument('manifest.json', JSON.stringify(manifest));
    if (typeof configPath !== 'string') throw fault('manifest.json', 'a configuration', configPath);
    const layers = listOf('manifest.json', paths).map(String);
    const configText = await this.#text(configPath);
    const config = parseDocument(configPath, configText);
    const { defaults, diffIds } = readConfig(configPath, config, layers.length);
    for (const path of layers) this.#place(path);
    return {
      digest: digestOfBytes(configText),
      defaults,
      layers: layers.map((path, at) => ({
        diffId: diffIds[at] ?? '',
        digest: null,
        open: () => this.#stream(path),
      })),
    };
  }

  async #document({ digest, sizeBytes }: Descriptor): Promise<Readonly<Record<string, unknown>>> {
    const text = await this.#text(blobPath(digest));
    const actual = digestOfBytes(text);
    if (actual !== digest || Buffer.byteLength(text) !== sizeBytes)
      throw fault(digest, 'the content of this digest', actual);
    return parseDocument(digest, text);
  }

  #place(path: string): Place {
    const place = this.#files.get(path.replace(/^\.\//, ''));
    if (place === undefined) throw new ImageFault(`archive: ${JSON.stringify(path)} is missing in it`);
    return place;
  }

  async #text(path: string): Promise<string> {
    const { offset, sizeBytes } = this.#place(path);
    if (sizeBytes > LARGEST_DOCUMENT_BYTES)
      throw fault(path, `at most ${LARGEST_DOCUMENT_BYTES} bytes`, sizeBytes);
    const content = Buffer.alloc(sizeBytes);
    await this.#file.read(content, 0, sizeBytes, offset);
    return content.toString('utf8');
  }

  #stream(path: string): AsyncIterable<Uint8Array> {
    const { offset, sizeBytes } = this.#place(path);
    if (sizeBytes === 0) throw new ImageFault(`archive: ${JSON.stringify(path)} is empty`);
    return createReadStream(this.#path, { start: offset, end: offset + sizeBytes - 1 });
  }
}

const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

const parseList = (what: string, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw fault(what, 'JSON', text.slice(0, 40));
  }
};
