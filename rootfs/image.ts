/** Keeps the images of a state folder unpacked and up to date. */

import { execFile } from 'node:child_process';
import { lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual, promisify } from 'node:util';
import { buildBusyboxRoot } from './busybox.ts';
import { findArchive, type ImageArchive } from './catalogue.ts';
import { download } from './download.ts';
import { ImageError, SourceUnavailable } from './errors.ts';
import { makeInside } from './inside.ts';
import { lockFolder } from './lock.ts';
import type { EnsureImageOptions } from './options.ts';
import { progressLines } from './progress.ts';
import { type ImageInfo, readRecord, recordPath, writeRecord } from './record.ts';
import { findPutAside, putAside, removeTrees } from './replaced.ts';
import { describeSource, sourcesOf } from './sources.ts';
import { absent, completeTree, type Owners } from './tree.ts';

const run = promisify(execFile);

/**
 * Unpacks an image unless it is unpacked. Any number of processes may call this at the same time. An existing tree is
 * replaced if `images.json` or `owners` has changed, or if it is the fallback; it is then put aside, since jobs may run on
 * it, and removed by a later call that says that none does.
 *
 * If no source responds, a root file system made of BusyBox takes its place, and `log` says so.
 *
 * @throws ImageError if the image is unknown, a source delivers something other than what is pinned, the archive has an
 *   entry that would leave the folder, or the process may not give files to other owners (root may)
 */
export const ensureImage = (options: EnsureImageOptions): Promise<ImageInfo> =>
  prepareImage(findArchive(options.name), options);

/**
 * `ensureImage` with an archive from the caller instead of `images.json`.
 *
 * @throws ImageError when there is no such image, or the archive is not what it should be
 */
export const prepareImage = async (
  archive: ImageArchive,
  options: EnsureImageOptions,
): Promise<ImageInfo> => {
  const imagesDir = resolve(options.imagesDir);
  const { owners, enter = [], log, signal } = options;
  checkOwners(owners);
  const ready = await inPlace(imagesDir, archive, options);
  const unused = await findPutAside(imagesDir, archive.name, options.unusedBeforeMs);
  if (ready?.current && unused.length === 0) return ready.info;
  if (enter.length > 0) {
    await makeInside(enter, { ...options, imagesDir });
    const made = await inPlace(imagesDir, archive, options);
    if (made === undefined) throw new ImageError(`image ${archive.name}: it is not where it was put`);
    return made.info;
  }
  await checkRights(archive.name, imagesDir, owners);
  await mkdir(imagesDir, { recursive: true, mode: 0o755 });
  const onWait = () => log(`Image ${archive.name}: waiting for another process that prepares it.`);
  await using _lock = await lockFolder(imagesDir, onWait, signal);
  await removeTrees(unused, log);
  const present = await inPlace(imagesDir, archive, options);
  if (present?.current) return present.info;
  await removeLeftovers(imagesDir, archive.name);
  const scratch = await mkdtemp(join(imagesDir, scratchPrefix(archive.name)));
  try {
    return await make({ archive, imagesDir, scratch, present: present?.info, options });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
};

interface Work {
  readonly archive: ImageArchive;
  readonly imagesDir: string;
  readonly scratch: string;
  /** A tree that is not the wanted one but can be used. */
  readonly present: ImageInfo | undefined;
  readonly options: EnsureImageOptions;
}

const make = async (work: Work): Promise<ImageInfo> => {
  const { archive, scratch, present, options } = work;
  const { owners, log, signal } = options;
  const tree = join(scratch, 'root');
  await mkdir(tree, 0o700);
  const source = await fetchArchive(work);
  if (source === undefined && present !== undefined) {
    log(`Image ${archive.name}: no source answered. It stays ${describeImage(present)}.`);
    return present;
  }
  if (source === undefined) {
    log(
      `Image ${archive.name}: no source answered. BUSYBOX STANDS IN FOR IT: cells have a shell and the usual`,
    );
    log(
      '  commands, but no package manager. The next start that finds a source puts the real image in place.',
    );
    const version = await buildBusyboxRoot(tree, owners, scratch, signal);
    return await putInPlace(work, tree, { version, source: 'busybox-static', sha512: null });
  }
  // Only the one start that needs the archive library loads it.
  const { unpack } = await import('./unpack.ts');
  await unpack(join(scratch, 'archive'), tree, owners, signal);
  return await putInPlace(work, tree, { version: archive.version, source, sha512: archive.sha512 });
};

/** Downloads the archive into the scratch folder from the first source that has it; `undefined` if none does. */
const fetchArchive = async ({ archive, scratch, present, options }: Work): Promise<string | undefined> => {
  const { log, mirror, signal } = options;
  // With a usable tree, a machine without a network should not wait long each time it starts.
  const answerTimeoutMs = options.answerTimeoutMs ?? (present === undefined ? 10_000 : 3_000);
  for (const source of await sourcesOf(archive, mirror)) {
    const where = describeSource(source);
    log(`Image ${archive.name} ${archive.version}: getting ${where}`);
    const target = join(scratch, 'archive');
    try {
      const progress = options.progress ?? progressLines(log);
      await download(source, archive, target, { progress, answerTimeoutMs, ...(signal ? { signal } : {}) });
      return where;
    } catch (error) {
      if (!(error instanceof SourceUnavailable)) throw error;
      log(`Image ${archive.name}: not available from ${error.message}`);
      await rm(target, { force: true });
    }
  }
  return undefined;
};

/** Replaces the tree. The record is removed first and written last, so that it never describes a missing tree. */
const putInPlace = async (
  { archive, imagesDir, scratch, options }: Work,
  tree: string,
  origin: Pick<ImageInfo, 'version' | 'source' | 'sha512'>,
): Promise<ImageInfo> => {
  const { name } = archive;
  const root = join(imagesDir, name);
  await completeTree(tree, options.owners);
  // The record survives a power loss, so the files that it describes have to survive as well.
  await run('sync', ['--file-system', tree]);
  options.signal?.throwIfAborted();
  await rm(recordPath(imagesDir, name), { force: true });
  await putAside(imagesDir, name);
  await rename(tree, root);
  await removeTrees(await findPutAside(imagesDir, name, options.unusedBeforeMs), options.log);
  const unpackedAt = new Date().toISOString();
  const info: ImageInfo = { name, root, ...origin, owners: options.hostOwners ?? options.owners, unpackedAt };
  await writeRecord(imagesDir, scratch, info);
  options.log(`Image ${name}: ${describeImage(info)} is in ${root}`);
  return info;
};

const inPlace = async (
  imagesDir: string,
  archive: ImageArchive,
  { owners, hostOwners = owners }: EnsureImageOptions,
) => {
  const info = await readRecord(imagesDir, archive.name, (id) => id - hostOwners.uid + owners.uid);
  if (info === undefined || !isDeepStrictEqual(info.owners, hostOwners)) return undefined;
  return { info, current: info.sha512 === archive.sha512 };
};

const checkOwners = ({ uid, gid, count }: Owners): void => {
  const are = [uid, gid, count].every((number) => Number.isSafeInteger(number) && number >= 0);
  if (!are || count < 1 || Math.max(uid, gid) + count > 0xffff_ffff)
    throw new ImageError(`owners: expected ids with ${count} ids above them, got ${uid} and ${gid}`);
};

/** Whether this process may give files to the owners, and remove what is in their place. */
const checkRights = async (name: string, imagesDir: string, owners: Owners): Promise<void> => {
  const own = process.getuid?.();
  if (own === 0) return;
  if (owners.count > 1 || owners.uid !== own) {
    throw new ImageError(
      `image ${name}: only root can unpack it, because its files belong to the ids of cells. Run this once as root.`,
    );
  }
  const tree = join(imagesDir, name);
  const found = await lstat(tree).catch(absent);
  if (found !== undefined && found.uid !== own) {
    throw new ImageError(
      `image ${name}: ${tree} belongs to user ${found.uid}, because cells had other ids when it was made. ` +
        `Remove it as root: rm -r ${tree}`,
    );
  }
};

/** Removes what a killed process has left. With the lock held, nobody else is working here. */
const removeLeftovers = async (imagesDir: string, name: string): Promise<void> => {
  for (const entry of await readdir(imagesDir)) {
    if (entry.startsWith(scratchPrefix(name))) {
      await rm(join(imagesDir, entry), { recursive: true, force: true });
    }
  }
};

const scratchPrefix = (name: string): string => `.${name}.tmp-`;

const describeImage = (info: ImageInfo): string =>
  info.sha512 === null ? `BusyBox ${info.version}` : `version ${info.version}`;
