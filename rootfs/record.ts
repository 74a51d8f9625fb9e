/** The record of an unpacked image: what it was made from, and for which owners. */

import { lstat, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { absent, type Owners } from './tree.ts';

/** An unpacked image. Stored as `<images>/<name>.json` next to the tree. */
export interface ImageInfo {
  readonly name: string;
  /** The tree itself: `<images>/<name>`. */
  readonly root: string;
  readonly version: string;
  /** The URL or path that it came from. */
  readonly source: string;
  /** Of the archive; `null` for the BusyBox fallback, which has none. */
  readonly sha512: string | null;
  /** Who owns its files, on the host. A server whose cells have other ids unpacks it again. */
  readonly owners: Owners;
  /** RFC 3339, UTC. */
  readonly unpackedAt: string;
}

/**
 * The record of the current tree; `undefined` if there is no tree, or none that can be relied on.
 *
 * @param seen maps an id of the host to the one that this process sees: another one in a user namespace
 */
export const readRecord = async (
  imagesDir: string,
  name: string,
  seen = (id: number) => id,
): Promise<ImageInfo | undefined> => {
  const root = join(imagesDir, name);
  const tree = await lstat(root).catch(absent);
  const text = await readFile(recordPath(imagesDir, name), 'utf8').catch(absent);
  if (text === undefined || !tree?.isDirectory()) return undefined;
  const record = parseRecord(text, name, root);
  return record !== undefined && seen(record.owners.uid) === tree.uid ? record : undefined;
};

/** Writes the record to another file and renames it, so that it is never incomplete. */
export const writeRecord = async (imagesDir: string, scratch: string, info: ImageInfo): Promise<void> => {
  const aside = join(scratch, 'record');
  const { root: _, ...kept } = info;
  {
    await using file = await open(aside, 'wx', 0o644);
    await file.writeFile(`${JSON.stringify(kept, null, 2)}\n`);
    await file.sync();
  }
  await rename(aside, recordPath(imagesDir, info.name));
};

/** Path of the file that says what an unpacked image was made from. */
export const recordPath = (imagesDir: string, name: string): string => join(imagesDir, `${name}.json`);

const parseRecord = (text: string, name: string, root: string): ImageInfo | undefined => {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { version, source, sha512, owners, unpackedAt } = value as Partial<Record<keyof ImageInfo, unknown>>;
  if (typeof version !== 'string' || typeof source !== 'string' || typeof unpackedAt !== 'string')
    return undefined;
  if (!isOwners(owners) || (typeof sha512 !== 'string' && sha512 !== null)) return undefined;
  return { name, root, version, source, sha512, owners, unpackedAt };
};

const isOwners = (value: unknown): value is Owners =>
  typeof value === 'object' &&
  value !== null &&
  ['uid', 'gid', 'count'].every((key) => Number.isInteger(Reflect.get(value, key)));

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    // A record that cannot be read counts as none: the image is unpacked again.
    return undefined;
  }
};
