/** The images of this machine: those that come with the server, and those that were added to it. */

import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync, lstatSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { IMAGE_NAMES } from '../../rootfs/catalogue.ts';
import { ensureImage } from '../../rootfs/image.ts';
import { progressOnTerminal } from '../../rootfs/progress.ts';
import type { ImageInfo } from '../../rootfs/record.ts';
import type { ServeConfig } from '../config/config.ts';
import { isDiskFull, saysDiskFull } from '../errno.ts';
import { ImageFault } from '../images/fault.ts';
import { parseReference } from '../images/reference.ts';
import { type FetchOptions, fetchImage } from '../images/registry.ts';
import {
  badInput,
  ClientError,
  imageInUse,
  imagesFull,
  notFound,
  storageFull,
  unavailable,
} from '../jobs/errors.ts';
import {
  type Image,
  type ImageContent,
  type ImageDefaults,
  type ImageName,
  type ImageStore,
  NO_DEFAULTS,
  NONE_SKIPPED,
} from '../jobs/image.ts';
import type { ImageProgress, ImageService, ImportRequest, PullRequest } from '../jobs/images.ts';
import type { Image as OfferedImage } from '../jobs/offer.ts';
import type { Identity } from '../jobs/service.ts';
import { stored } from '../jobs/stored.ts';
import type { Log } from '../log.ts';
import type { CellIds } from '../runtime/ids/index.ts';
import { ImageFiles } from '../runtime/image-files.ts';
import { LAYER_FILES, statePaths } from '../state/paths.ts';
import { ProgressBoard } from './image-progress.ts';
import { Intake } from './intake.ts';
import { type LayerAbout, Layers } from './layers.ts';
import type { LoneCellHost } from './lone-cell.ts';
import { readAbout } from './unpack.ts';

/** Written like a reference of an image; it is not a path. */
const IMAGE_NAME = /^[a-z0-9](?:[a-z0-9._\-/:@]*[a-z0-9])?$/;
const LONGEST_NAME = 255;
/** A registry that sends nothing for this long has stalled. */
const REGISTRY_SILENCE_MS = 30_000;

/** How images are unpacked when a server starts. */
export interface PrepareOptions {
  /** No job uses a tree that was replaced before this time (milliseconds since 1970). Default: unknown. */
  readonly unusedBeforeMs?: number;
  /** Called with lines that report progress to a person. */
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Makes sure that every image that comes with the server is unpacked, with the owners that cells have here.
 *
 * @throws ImageError
 */
export const prepareImages = async (
  config: Pick<ServeConfig, 'stateDir' | 'imageMirror'>,
  ids: CellIds,
  { unusedBeforeMs, log, signal }: PrepareOptions,
): Promise<readonly ImageInfo[]> => {
  const images: ImageInfo[] = [];
  for (const name of IMAGE_NAMES) {
    const image = await ensureImage({
      name,
      imagesDir: statePaths(config.stateDir).images,
      mirror: config.imageMirror,
      owners: { ...ids.owner, count: ids.count },
      // The server's user alone cannot chown files to its subordinate ids. In the cell they follow id 0.
      ...(ids.kind === 'subordinate' && {
        enter: ids.enter,
        ownersInside: { uid: 1, gid: 1, count: ids.count },
      }),
      ...(unusedBeforeMs === undefined ? {} : { unusedBeforeMs }),
      log,
      signal,
      ...(process.stderr.isTTY && { progress: progressOnTerminal(process.stderr) }),
    });
    images.push(image);
  }
  return images;
};

/** What images are kept and unpacked with. */
export interface ImagesOptions {
  readonly store: ImageStore;
  readonly ids: CellIds;
  /** What the cells that unpack archives are made with. */
  readonly host: LoneCellHost;
  /** Where images of registries are fetched from, and with which credentials. */
  readonly registry: Pick<FetchOptions, 'mirror' | 'credentialsFile'>;
  /** Bytes that the files of one image, and those of all that were added, may take. */
  readonly limits: { readonly imageBytes: number; readonly allBytes: number };
  readonly stateDir: string;
  readonly log: Log;
}

/** What a job has changed of its root, of which an image is to be made. */
export interface SaveRequest {
  readonly name: string;
  readonly owner: string;
  /** Its id. */
  readonly job: string;
  readonly image: string;
  readonly imageDigest: string | null;
  /** Where its supervisor has copied that to. */
  readonly folder: string;
}

/** An image that jobs can start from. */
export interface UsableImage {
  readonly digest: string;
  readonly defaults: ImageDefaults;
  readonly files: ImageFiles;
}

/** A content that is on this machine. */
interface Present extends UsableImage {
  readonly content: ImageContent;
}

interface BuiltIn extends UsableImage {
  readonly info: ImageInfo;
}

/**
 * The images of this machine. What they consist of is in memory as well as in the store, so that a request is checked
 * without it.
 */
export class Images implements ImageService {
  readonly #options: ImagesOptions;
  readonly #layers: Layers;
  readonly #intake: Intake;
  readonly #closing = new AbortController();
  readonly #progress = new ProgressBoard();
  /** Images that are being added, one after the other, because each may fill the disk. */
  #additions: Promise<unknown> = Promise.resolve();
  readonly #builtIns = new Map<string, BuiltIn>();
  readonly #sizes = new Map<string, Promise<number>>();
  readonly #names = new Map<string, ImageName>();
  readonly #contents = new Map<string, Present>();
  /** How many uses each content has that are not in the store (yet). */
  readonly #holds = new Map<string, number>();
  #changes: Promise<unknown> = Promise.resolve();
  readonly #removals: (() => void)[] = [];

  private constructor(options: ImagesOptions) {
    this.#options = options;
    this.#layers = new Layers(options);
    this.#intake = new Intake(this.#layers, options.host);
  }

  /**
   * Takes over what an earlier server has left: images whose files are not there any more are forgotten.
   *
   * @param builtIns images that come with the server
   */
  static async open(options: ImagesOptions, builtIns: readonly ImageInfo[]): Promise<Images> {
    const images = new Images(options);
    await images.#open(builtIns);
    return images;
  }

  async #open(builtIns: readonly ImageInfo[]): Promise<void> {
    const { store, ids, log } = this.#options;
    for (const info of builtIns) {
      const files = new ImageFiles(info.root, ids.count);
      const digest = await digestOf(info);
      this.#builtIns.set(info.name, { info, files, digest, defaults: NO_DEFAULTS });
      await store.retarget(info.name, digest);
    }
    for (const content of await store.contents()) {
      const missing = content.layers.find((id) => !this.#layers.has(id));
      if (missing === undefined) this.#add(content);
      else log(`image ${content.digest}: its layer ${missing} is not there: it cannot be used any more`);
    }
    for (const name of await store.names()) {
      if (this.#contents.has(name.digest)) this.#names.set(name.name, name);
      else await store.removeName(name.name);
    }
    await this.#collect();
  }

  #add(content: ImageContent): Present {
    const { digest, defaults } = content;
    const files = new ImageFiles(this.#layers.of(content.layers), this.#options.ids.count);
    const present = { content, digest, defaults, files };
    this.#contents.set(digest, present);
    return present;
  }

  /** The names of the images that everybody may use. */
  get sharedNames(): readonly string[] {
    const added = [...this.#names.values()].filter(({ owner }) => owner === null);
    return [...this.#builtIns.keys(), ...added.map(({ name }) => name)];
  }

  ownerOf(name: string): string | null | undefined {
    return this.#builtIns.has(name) ? null : this.#names.get(name)?.owner;
  }

  /** An image by its name, as requests are checked against it. */
  offered(name: string): OfferedImage | undefined {
    const image = this.#named(name);
    if (image === undefined) return undefined;
    const { digest, defaults, files } = image;
    return {
      digest,
      defaults,
      userForm: files.userForm,
      findUser: (user) => files.findUser(user),
      isFolder: (path) => files.isFolder(path),
    };
  }

  /**
   * What a job starts from.
   *
   * @param digest `null` for a job of an earlier version: then it is what the name is for now
   */
  ofJob(name: string, digest: string | null): UsableImage | undefined {
    if (digest === null) return this.#named(name);
    const builtIn = this.#builtIns.get(name);
    return builtIn?.digest === digest ? builtIn : this.#contents.get(digest);
  }

  #named(name: string): UsableImage | undefined {
    const digest = this.#names.get(name)?.digest;
    return this.#builtIns.get(name) ?? (digest === undefined ? undefined : this.#contents.get(digest));
  }

  /** Calls a listener before what an image consists of is removed. */
  onRemoval(listener: () => void): void {
    this.#removals.push(listener);
  }

  /** Keeps a content until the returned function is called. */
  hold(digest: string): () => void {
    this.#holds.set(digest, (this.#holds.get(digest) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const left = (this.#holds.get(digest) ?? 1) - 1;
      if (left > 0) this.#holds.set(digest, left);
      else this.#holds.delete(digest);
    };
  }

  async list(_identity: Identity): Promise<readonly Image[]> {
    const used = await this.#options.store.used();
    const isUsed = (digest: string): boolean => used.has(digest) || this.#holds.has(digest);
    const builtIns = [...this.#builtIns.values()].map(
      async ({ info, digest, defaults }): Promise<Image> => ({
        name: info.name,
        digest,
        owner: null,
        source: info.source,
        createdAt: new Date(info.unpackedAt),
        sizeBytes: await this.#sizeOf(info.root),
        layers: 1,
        skipped: NONE_SKIPPED,
        defaults,
        builtIn: true,
        inUse: isUsed(digest),
      }),
    );
    const added = [...this.#names.values()].map((name) => this.#describe(name, isUsed(name.digest)));
    return [...(await Promise.all(builtIns)), ...added.sort((a, b) => (a.name < b.name ? -1 : 1))];
  }

  #describe(name: ImageName, inUse: boolean): Image {
    const present = this.#contents.get(name.digest);
    if (present === undefined) throw new Error(`image ${name.name}: its content is not there`);
    const { content, defaults } = present;
    return {
      ...name,
      sizeBytes: content.sizeBytes,
      layers: content.layers.length,
      skipped: this.#layers.skipped(content.layers),
      defaults,
      builtIn: false,
      inUse,
    };
  }

  #sizeOf(root: string): Promise<number> {
    const known = this.#sizes.get(root) ?? treeBytes(root);
    this.#sizes.set(root, known);
    return known;
  }

  import(_identity: Identity, { name, body, source }: ImportRequest): Promise<Image> {
    this.#checkFree(name);
    return this.#addition(name, async (mostBytes) => {
      const { signal } = this.#closing;
      const content = await this.#intake.fromArchive(body, mostBytes, signal, (unpacked, layers) =>
        this.#show(name, { phase: 'UNPACKING', unpacked, layers }),
      );
      return this.#put({ name, owner: null, source, createdAt: new Date() }, content);
    });
  }

  async pull(_identity: Identity, { reference, name = reference }: PullRequest): Promise<Image> {
    this.#checkFree(name);
    try {
      parseReference(reference);
    } catch (error) {
      throw presented(error);
    }
    return this.#addition(name, async (mostBytes) => {
      const { signal } = this.#closing;
      const content = await this.#layers.withFolder(async (folder) => {
        this.#show(name, { phase: 'FETCHING' });
        const source = await fetchImage(reference, {
          ...this.#options.registry,
          folder,
          silenceMs: REGISTRY_SILENCE_MS,
          signal,
          has: (diffId) => this.#layers.has(diffId),
          mostBytes,
          progress: (receivedBytes, totalBytes) =>
            this.#show(name, { phase: 'FETCHING', receivedBytes, totalBytes }),
        });
        return this.#intake.fromSource(source, mostBytes, signal, (unpacked, layers) =>
          this.#show(name, { phase: 'UNPACKING', unpacked, layers }),
        );
      });
      return this.#put({ name, owner: null, source: reference, createdAt: new Date() }, content);
    });
  }

  /**
   * Makes an image of what a job has changed of its own. It does not take turns with images that are added: a long one
   * would delay it.
   *
   * @throws ClientError as `Cells.saveImage`, and `IMAGES_FULL`
   */
  async save({ name, owner, job, image, imageDigest, folder }: SaveRequest): Promise<Image> {
    this.#checkFree(name, 'input.name');
    const base = this.ofJob(image, imageDigest);
    if (base === undefined) throw unavailable('the image of the job is not there any more');
    if (!existsSync(folder))
      throw badInput(
        'input.jobId',
        'a paused job, or one with keepRoot that was not saved yet, and whose changes could be kept: on the disk, in folders ' +
          "at most 256 deep, on a file system with attributes of users; the server's log says what was missing",
        job,
      );
    const end = this.#layers.begin();
    try {
      const about = readAbout(await readFile(join(folder, 'about')));
      const { imageBytes, allBytes } = this.#options.limits;
      if (about.bytes > Math.min(imageBytes, allBytes - this.#layers.bytes())) throw imagesFull(allBytes);
      const lowers = await this.#layersOf(base);
      const id = `saved-${randomUUID()}`;
      await this.#layers.make(id, async (made) => {
        const text = JSON.stringify(about);
        await writeFile(join(made, LAYER_FILES.about), text, { flag: 'wx', mode: 0o600, flush: true });
        await rename(folder, join(made, LAYER_FILES.tree));
      });
      // It identifies the image; what is in its files would take too long to compute.
      const digest = `sha256:${createHash('sha256').update(`${base.digest}\n${id}`).digest('hex')}`;
      const createdAt = new Date();
      const layers: ImageContent['layers'] = [...lowers, id];
      const sizeBytes = layers.reduce((sum, each) => sum + this.#layers.about(each).bytes, 0);
      return await this.#put(
        { name, owner, source: `job ${job}`, createdAt },
        { digest, layers, defaults: base.defaults, sizeBytes, createdAt },
      );
    } catch (error) {
      throw presented(error);
    } finally {
      end();
    }
  }

  /** The ids of the layers of an image; one that comes with the server becomes a layer, as a later version may replace it. */
  async #layersOf(image: UsableImage): Promise<ImageContent['layers']> {
    const own = this.#contents.get(image.digest)?.content.layers;
    if (own !== undefined) return own;
    const { root } = image.files.layers[0];
    const id = `built-in-${image.digest.replace(/^.*:/, '').slice(0, 64)}`;
    const about: LayerAbout = {
      bytes: await this.#sizeOf(root),
      files: 0,
      opaque: [],
      implicit: [],
      skipped: [],
    };
    await this.#layers.make(id, async (made) => {
      await mkdir(join(made, LAYER_FILES.tree), { mode: 0o755 });
      await this.#layers.copy(root, join(made, LAYER_FILES.tree, 'root'));
      await writeFile(join(made, LAYER_FILES.about), JSON.stringify(about), {
        flag: 'wx',
        mode: 0o600,
        flush: true,
      });
    });
    return [id];
  }

  #show(name: string, progress: Partial<ImageProgress> & Pick<ImageProgress, 'phase'>): void {
    this.#progress.set({
      name,
      receivedBytes: 0,
      totalBytes: null,
      unpacked: 0,
      layers: null,
      ...progress,
    });
  }

  follow(_identity: Identity, name: string): AsyncIterableIterator<ImageProgress> {
    return this.#progress.follow(name);
  }

  /** @throws ClientError for a name that cannot be given */
  #checkFree(name: string, field = 'name'): void {
    if (!IMAGE_NAME.test(name) || name.length > LONGEST_NAME)
      throw badInput(field, `1 to ${LONGEST_NAME} lower-case letters, digits and . _ - / : @`, name);
    if (this.#builtIns.has(name)) throw badInput(field, 'a name that no image of the server has', name);
  }

  /**
   * Adds one image after the other.
   *
   * @param add is called with how many bytes its files may have
   * @throws ClientError for a fault of the image, and for a full disk
   */
  #addition<T>(name: string, add: (mostBytes: number) => Promise<T>): Promise<T> {
    this.#show(name, { phase: 'WAITING' });
    const done = this.#additions.then(async () => {
      const { imageBytes, allBytes } = this.#options.limits;
      const left = allBytes - this.#layers.bytes();
      if (left <= 0) throw imagesFull(allBytes);
      const end = this.#layers.begin();
      try {
        return await add(Math.min(imageBytes, left));
      } catch (error) {
        end();
        // Layers that were made for it, and that nothing needs.
        await this.#change(() => this.#collect());
        throw presented(error);
      } finally {
        end();
      }
    });
    this.#additions = done.catch(() => undefined).finally(() => this.#progress.remove(name));
    return done;
  }

  #put(name: Omit<ImageName, 'digest'>, added: ImageContent): Promise<Image> {
    return this.#change(async () => {
      const content = this.#contents.get(added.digest)?.content ?? added;
      const complete = { ...name, digest: content.digest };
      await stored(this.#options.store.put(complete, content));
      if (!this.#contents.has(content.digest)) this.#add(content);
      this.#names.set(name.name, complete);
      await this.#collect();
      return this.#describe(complete, this.#holds.has(content.digest));
    });
  }

  delete(_identity: Identity, name: string): Promise<string> {
    return this.#change(async () => {
      if (this.#builtIns.has(name)) throw badInput('input.name', 'an image that was added', name);
      const { digest } = this.#names.get(name) ?? {};
      if (digest === undefined) throw notFound('input.name', 'image', name);
      const others = [...this.#names.values()].filter((other) => other.digest === digest);
      // Between this look and the end of the change no job can begin to use it: nothing is awaited in between.
      const used = await this.#options.store.used();
      if (others.length === 1 && (used.has(digest) || this.#holds.has(digest)))
        throw imageInUse('input.name', name);
      this.#names.delete(name);
      try {
        await stored(this.#options.store.removeName(name));
      } catch (error) {
        await this.#restoreNames();
        throw error;
      }
      await this.#collect();
      return name;
    });
  }

  async #restoreNames(): Promise<void> {
    for (const name of await this.#options.store.names()) this.#names.set(name.name, name);
  }

  /** Removes what no name and no job needs: contents, then layers. */
  async #collect(): Promise<void> {
    const { store } = this.#options;
    const named = new Set([...this.#names.values()].map(({ digest }) => digest));
    const used = await store.used();
    for (const digest of [...this.#contents.keys()]) {
      if (named.has(digest) || used.has(digest) || this.#holds.has(digest)) continue;
      this.#contents.delete(digest);
      for (const listener of this.#removals) listener();
      await store.removeContent(digest);
    }
    for (const { digest } of await store.contents())
      if (!this.#contents.has(digest) && !used.has(digest)) await store.removeContent(digest);
    const needed = new Set([...this.#contents.values()].flatMap(({ content }) => content.layers));
    await this.#layers.removeExcept(needed);
  }

  /** Removes a folder of files that belong to ids of cells. */
  removeTree(path: string): Promise<void> {
    return this.#layers.removeTree(path);
  }

  /** A job has ended: what it alone needed is removed. */
  released(): void {
    const named = new Set([...this.#names.values()].map(({ digest }) => digest));
    if ([...this.#contents.keys()].every((digest) => named.has(digest))) return;
    void this.#change(() => this.#collect()).catch((error: unknown) => {
      this.#options.log(`images that are not used any more could not be removed: ${String(error)}`);
    });
  }

  /** Makes one change after the other. */
  #change<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  /** Settles when every change that has begun has been made. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the server is closing'));
    await this.#progress.close();
    await this.#additions;
    await this.#changes;
  }
}

/** The text of an error for the person who adds an image. */
const presented = (error: unknown): unknown => {
  if (isDiskFull(error)) return storageFull();
  if (!(error instanceof ImageFault)) return error;
  // As the cell prints it.
  if (saysDiskFull(error.message)) return storageFull();
  const field = error.message.startsWith('input.reference') ? 'input.reference' : 'archive';
  return new ClientError('BAD_USER_INPUT', error.message, field);
};

/** Of the archive; of the program where BusyBox stands in. */
const digestOf = async ({ sha512, root }: ImageInfo): Promise<string> => {
  if (sha512 !== null) return `sha512:${sha512}`;
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(root, 'bin', 'busybox')), hash);
  return `sha256:${hash.digest('hex')}`;
};

/** Bytes of all files of a tree. */
const treeBytes = async (root: string): Promise<number> => {
  let bytes = 0;
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
};
