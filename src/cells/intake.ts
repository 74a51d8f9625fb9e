/** Imports images, from an archive or another source of layers, into the layers of this machine. */

import { createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openArchive } from '../images/archive.ts';
import { BASE_LAYER, MOUNTED_FOLDERS } from '../images/base.ts';
import { decompressed } from '../images/decompress.ts';
import { fault } from '../images/fault.ts';
import type { ImageSource } from '../images/oci.ts';
import type { ImageContent } from '../jobs/image.ts';
import { findInLayers } from '../runtime/layers.ts';
import type { Layers } from './layers.ts';
import type { LoneCellHost } from './lone-cell.ts';
import { unpackLayer } from './unpack.ts';

/** Entries of one layer, and names in a path of it. */
const MOST_FILES = 1_000_000;
const MOST_DEPTH = 256;

/** The progress of an import. */
export type Progress = (unpacked: number, layers: number) => void;

/** Makes the layers of images. */
export class Intake {
  readonly #layers: Layers;
  readonly #host: LoneCellHost;

  constructor(layers: Layers, host: LoneCellHost) {
    this.#layers = layers;
    this.#host = host;
  }

  /**
   * Imports the image of an archive as it arrives.
   *
   * @param mostBytes of its files, and of the archive
   * @throws ImageFault
   */
  async fromArchive(
    body: AsyncIterable<Uint8Array>,
    mostBytes: number,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ImageContent> {
    return this.#layers.withFolder(async (folder) => {
      const path = join(folder, 'archive');
      const written = createWriteStream(path, { flags: 'wx', mode: 0o600 });
      await pipeline(decompressed(body, 2 * mostBytes), written, { signal });
      await using file = await open(path);
      return this.fromSource(await openArchive(path, file), mostBytes, signal, progress);
    });
  }

  /**
   * Imports an image: unpacks those of its layers that are not here.
   *
   * @param mostBytes of its files
   * @throws ImageFault
   */
  async fromSource(
    { digest, defaults, layers }: ImageSource,
    mostBytes: number,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ImageContent> {
    let left = mostBytes;
    const placed: string[] = [];
    for (const [index, layer] of layers.entries()) {
      progress(index, layers.length);
      const limits = { bytes: Math.max(0, left), files: MOST_FILES, depth: MOST_DEPTH };
      await this.#layers.make(layer.diffId, (folder) =>
        unpackLayer(layer, folder, limits, this.#host, signal),
      );
      left -= this.#layers.about(layer.diffId).bytes;
      if (left < 0) throw fault('image', `at most ${mostBytes} bytes of files`, 'more');
      placed.push(await this.#layers.above(layer.diffId, placed));
    }
    const ids = await this.#withBase(placed, signal);
    this.#layers.forget(layers.map(({ diffId }) => diffId).filter((id) => !ids.includes(id)));
    progress(layers.length, layers.length);
    return { digest, defaults, layers: ids, sizeBytes: mostBytes - left, createdAt: new Date() };
  }

  /** Adds the folders that cells mount something on, where an image lacks one. */
  async #withBase(ids: readonly string[], signal: AbortSignal): Promise<ImageContent['layers']> {
    const whole = ids as ImageContent['layers'];
    const found = MOUNTED_FOLDERS.map(
      (name) => [name, findInLayers(this.#layers.of(whole), `/${name}`)] as const,
    );
    // A link would redirect a mount.
    for (const [name, place] of found)
      if (place !== undefined && !place.status.isDirectory())
        throw fault(`/${name}`, 'a folder', 'something else');
    if (found.every(([, place]) => place !== undefined)) return whole;
    const limits = { bytes: 0, files: MOUNTED_FOLDERS.length, depth: 1 };
    await this.#layers.make(BASE_LAYER.diffId, (folder) =>
      unpackLayer(BASE_LAYER, folder, limits, this.#host, signal),
    );
    const based: ImageContent['layers'] = [BASE_LAYER.diffId, ...ids];
    for (const name of MOUNTED_FOLDERS)
      if (findInLayers(this.#layers.of(based), `/${name}`) === undefined)
        throw fault(`/${name}`, 'a folder', 'one that a layer removes');
    return based;
  }
}
