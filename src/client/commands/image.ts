/** The commands `cloister image` that talk to a server. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import type { ClientConfig } from '../../config/config.ts';
import { type Connection, connect } from '../connection.ts';
import { CliError, ServerError } from '../errors.ts';
import { age, size } from '../format.ts';
import {
  DeleteImageDocument,
  type ImageDetailsFragment as Image,
  ImageProgressDocument,
  ImagesDocument,
  PullImageDocument,
  SaveImageDocument,
} from '../generated/operations.ts';
import { inert } from '../inert.ts';
import { findJobId } from '../job-id.ts';
import { note, print, printJson } from '../output.ts';
import { request } from '../request.ts';
import { formatOf, type ListFlags, printList } from '../row-format.ts';
import { subscribe } from '../subscribe.ts';
import { type Cell, tableLines } from '../table.ts';
import { TransferProgress } from '../transfer-progress.ts';
import { uploadImage } from '../upload.ts';

interface JsonFlags {
  readonly json?: boolean;
}

const list = async (connection: Connection): Promise<readonly Image[]> =>
  (await request(connection, ImagesDocument, {})).images;

/** `cloister image list`. */
export const listImages = async (config: ClientConfig, flags: ListFlags): Promise<void> => {
  formatOf(flags);
  const images = await list(await connect(config));
  await printList(images, flags, () => imageTable(images, Date.now(), process.stdout.columns));
};

const HEADER = ['NAME', 'DIGEST', 'SIZE', 'AGE', 'USE'].map((text): Cell => ({ text }));

const imageTable = (images: readonly Image[], nowMs: number, width?: number): string =>
  tableLines(
    [
      HEADER,
      ...images.map(({ name, digest, size: bytes, createdAt, inUse, builtIn }): readonly Cell[] => [
        { text: inert(name) },
        { text: digest.replace(/^([a-z0-9]+:.{12}).*$/, '$1') },
        { text: size(bytes) },
        { text: age(nowMs - Date.parse(createdAt)) },
        { text: [...(builtIn ? ['built in'] : []), ...(inUse ? ['in use'] : [])].join(', ') || '-' },
      ]),
    ],
    width,
  );

/**
 * `cloister image inspect`: everything about one image, as JSON.
 *
 * @throws CliError when there is no such image
 */
export const inspectImage = async (config: ClientConfig, name: string): Promise<void> => {
  const found = (await list(await connect(config))).find((image) => image.name === name);
  if (found === undefined) throw new CliError(`there is no image ${JSON.stringify(name)}`);
  await printJson(found);
};

/** `cloister image rm`: prints the names as they are deleted. */
export const removeImages = async (config: ClientConfig, names: readonly string[]): Promise<void> => {
  const connection = await connect(config);
  for (const name of names) {
    const { deleteImage } = await request(connection, DeleteImageDocument, { input: { name } });
    await print(deleteImage.name);
  }
};

/** Codes for images that are skipped: a job uses them by now, or somebody else has deleted them. */
const STAYS = ['IMAGE_IN_USE', 'NOT_FOUND'];

/**
 * `cloister image prune`: deletes the images that no job uses, and prints their names.
 *
 * @throws CliError without `--force`
 */
export const pruneImages = async (
  config: ClientConfig,
  flags: { readonly force?: boolean },
): Promise<void> => {
  if (!flags.force) throw new CliError('--force: expected it: this deletes every image that no job uses');
  const connection = await connect(config);
  let deleted = 0;
  for (const { name, builtIn, inUse } of await list(connection)) {
    if (builtIn || inUse) continue;
    try {
      await request(connection, DeleteImageDocument, { input: { name } });
    } catch (error) {
      if (error instanceof ServerError && STAYS.includes(error.code ?? '')) continue;
      throw error;
    }
    deleted += 1;
    await print(inert(name));
  }
  await note(`${deleted} images deleted`);
};

/** `cloister image pull`: prints the digest, and on a terminal the progress. */
export const pullImage = async (
  config: ClientConfig,
  reference: string,
  flags: JsonFlags & { readonly name?: string },
): Promise<void> => {
  const connection = await connect(config);
  const { name = reference } = flags;
  const stop = process.stderr.isTTY ? showProgress(connection, name) : () => undefined;
  const { pullImage: pulled } = await request(connection, PullImageDocument, {
    input: { reference, name },
  }).finally(stop);
  if (flags.json) return printJson(pulled.image);
  await print(pulled.image.digest);
  await note(`image ${inert(name)}: ${size(pulled.image.size)}`);
  await noteSkipped(pulled.image.skipped);
};

/** Shows the progress of an image until the returned function is called. */
const showProgress = (connection: Connection, name: string): (() => void) => {
  const progress = subscribe(connection, ImageProgressDocument, { name });
  let shown = false;
  const follow = async (): Promise<void> => {
    for await (const { imageProgress } of progress) {
      const { phase, received, total, unpacked, layers } = imageProgress;
      const done =
        phase === 'UNPACKING'
          ? `${unpacked} of ${layers} layers`
          : `${size(received)} of ${size(total ?? 0)}`;
      process.stderr.write(`\r${phase.toLowerCase()} ${done}\u001b[K`);
      shown = true;
    }
  };
  // Only the answer of the mutation counts.
  follow().catch(() => undefined);
  return () => {
    void progress.return();
    if (shown) process.stderr.write('\n');
  };
};

/** `cloister image save`: prints the digest. */
export const saveImage = async (
  config: ClientConfig,
  job: string,
  name: string,
  flags: JsonFlags,
): Promise<void> => {
  const connection = await connect(config);
  const { saveImage: saved } = await request(connection, SaveImageDocument, {
    input: { jobId: await findJobId(connection, job), name },
  });
  await (flags.json ? printJson(saved.image) : print(saved.image.digest));
};

/** `cloister image import`: prints the digest. */
export const importImage = async (
  config: ClientConfig,
  path: string,
  flags: JsonFlags & { readonly name?: string },
): Promise<void> => {
  const archive = await openArchive(path);
  const name = flags.name ?? nameOf(path);
  const connection = await connect(config);
  const image = await sendArchive(connection, name, archive);
  if (flags.json) return printJson(image);
  await print(image.digest);
  await note(`image ${inert(image.name)}: ${size(image.size)}`);
  await noteSkipped(image.skipped);
};

const sendArchive = async (
  connection: Connection,
  name: string,
  archive: Readable,
): Promise<Awaited<ReturnType<typeof uploadImage>>> => {
  using progress = new TransferProgress(name);
  return await uploadImage(connection, name, archive, progress.update);
};

/** Reports what was left out of the archive, if anything. */
const noteSkipped = async ({ count, paths }: Image['skipped']): Promise<void> => {
  if (count === 0) return;
  const [first = '', ...others] = paths.slice(0, 3).map(inert);
  const named = [first, ...others, ...(count > 3 ? ['...'] : [])].join(', ');
  await note(
    `left out, since cells cannot have ${count === 1 ? 'it' : 'them'}: ${count} special files (${named})`,
  );
};

/** The bytes of an archive, or of a tar of a folder. */
const openArchive = async (path: string): Promise<Readable> => {
  if (path === '-') return process.stdin;
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(`${path}: ${error.code === 'ENOENT' ? 'no such file' : error.message}`);
  });
  if (!found.isDirectory()) return createReadStream(path);
  const { create } = await import('tar');
  // Unchanged: with the owners of the files, and links that are neither followed nor made relative.
  return create({ cwd: path, portable: false, preservePaths: true }, ['.']) as unknown as Readable;
};

/** The name of a file without its extension. */
const nameOf = (path: string): string => {
  const name = basename(path === '-' ? '' : path)
    .toLowerCase()
    .replace(/\.(?:tar|tgz|tar\.gz|tar\.zst|tzst|oci)$/, '')
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[._-]+|[._-]+$/g, '');
  if (name === '') throw new CliError('--name: expected the name of the image');
  return name;
};
