/** The files that jobs are given, in the state folder: each content under its digest, once for each subject. */

import { createHash, type Hash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  createReadStream,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { constants, copyFile, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno, isDiskFull } from '../errno.ts';
import type { FreeSpace } from '../jobs/cells.ts';
import { badInput, type ClientError, filesFull, storageFull, unavailable } from '../jobs/errors.ts';
import { type FileContent, type FileStore, isDigest } from '../jobs/file.ts';
import type { InputFile } from '../jobs/job.ts';
import { QuotaError } from '../jobs/quota.ts';
import { ROOM_BYTES } from '../jobs/room.ts';
import { StoreFullError } from '../jobs/store.ts';
import { stored } from '../jobs/stored.ts';
import {
  BrokenUpload,
  type ClaimedFile,
  type FileService,
  type JobFiles,
  type TicketRequest,
  type Uploaded,
  type UploadRange,
  type UploadRequest,
  type UploadTicket,
} from '../jobs/uploads.ts';
import type { Log } from '../log.ts';
import { statePaths } from '../state/paths.ts';
import { syncFolder } from '../state/whole-file.ts';

/** How much content is kept, and for how long. */
export interface FileLimits {
  /** Bytes of one file. */
  readonly fileBytes: number;
  /** Bytes of all that were uploaded. */
  readonly allBytes: number;
  /** Milliseconds for which content that no job needs is kept after its last use; `null`: forever. */
  readonly keptMs: number | null;
}

/** Where uploaded contents are kept, and how many bytes of them. */
export interface FilesOptions {
  readonly stateDir: string;
  readonly store: FileStore;
  readonly limits: FileLimits;
  /** Bytes that a subject may have uploaded; `null`: no bound of its own. */
  readonly quota: (subject: string) => number | null;
  readonly free: () => FreeSpace;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Milliseconds between two searches for removable content. */
  readonly intervalMs?: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** How long the beginning of an upload is kept after its last byte arrived. */
const PART_KEPT_MS = HOUR_MS;
/** Interrupted uploads of one subject that can be continued. */
const MOST_PARTS = 16;
/** Content that was used within this time is not removed to make room for other content. */
const LATELY_MS = HOUR_MS;
/** Content that came with a job that was not stored in the end, or was deleted. */
const INLINE_KEPT_MS = 5 * MINUTE_MS;
/** How many contents are removed before others have their turn. */
const STEP = 50;
/** Each content takes at least a block and an inode. */
const LEAST_BYTES = 4096;
/** Inodes that stay free. */
const SPARE_INODES = 1000;
const TICKET_MS = 15 * MINUTE_MS;
/** The permissions of content until a job asks for others. */
const FIRST_MODE = 0o644;

/** The end of the name of the file that says what an upload is. */
const ABOUT = '.json';

/** An upload that was cut off, or is under way. */
interface Part {
  readonly path: string;
  /** Of what has arrived; `null`: an earlier server received it, and it was not read since. */
  hash: Hash | null;
  bytes: number;
  usedMs: number;
  busy: boolean;
}

/** A part that something is appended to. */
type HashedPart = Part & { hash: Hash };

/**
 * Contents of files. Each subject has its own, so that nobody finds out what others have, not even by the time that an
 * upload takes. A file is complete and synced before it gets its name, and its name is synced before it is recorded.
 */
export class Files implements FileService, JobFiles {
  readonly #options: FilesOptions;
  readonly #folder: string;
  readonly #now: () => number;
  /** Bytes of what each subject has uploaded, and of all. */
  readonly #bytes = new Map<string, number>();
  #allBytes = 0;
  readonly #claims = new Map<string, number>();
  /** The pending operations on each content, which run one after the other. */
  readonly #busy = new Map<string, Promise<unknown>>();
  readonly #parts = new Map<string, Part>();
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> | undefined;
  #closed = false;

  private constructor(options: FilesOptions) {
    this.#options = options;
    this.#folder = statePaths(options.stateDir).files;
    this.#now = options.now ?? Date.now;
    this.#timer = setInterval(() => void this.sweep(), options.intervalMs ?? MINUTE_MS).unref();
  }

  /**
   * Finds uploads again that an earlier server left incomplete, and removes what cannot be continued or is not recorded.
   */
  static async open(options: FilesOptions): Promise<Files> {
    const files = new Files(options);
    await files.#recover();
    return files;
  }

  async #recover(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const known = new Set<string>();
    for (const content of await this.#options.store.all()) {
      known.add(this.#path(content.owner, content.sha256));
      if (content.uploaded) this.#count(content.owner, charge(content.sizeBytes));
    }
    const names = await readdir(this.#folder);
    const parts = await this.#findParts(names.filter((name) => name.endsWith(ABOUT)));
    for (const name of names) {
      const path = join(this.#folder, name);
      if (name.startsWith('.')) {
        if (!parts.has(path)) await rm(path, { recursive: true, force: true });
      } else
        for (const digest of await readdir(path))
          if (!known.has(join(path, digest))) await rm(join(path, digest), { recursive: true, force: true });
    }
  }

  /**
   * Uploads that an earlier server has begun, and that were not left for too long.
   *
   * @param names of the files that say what they are
   * @returns the paths that they need
   */
  async #findParts(names: readonly string[]): Promise<ReadonlySet<string>> {
    const needed = new Set<string>();
    for (const name of names) {
      const about = join(this.#folder, name);
      const path = about.slice(0, -ABOUT.length);
      const whose = parseAbout(await readFile(about, 'utf8'));
      const found = statSync(path, { throwIfNoEntry: false });
      if (whose === undefined || found === undefined || found.mtimeMs < this.#now() - PART_KEPT_MS) continue;
      const part = { path, hash: null, bytes: found.size, usedMs: found.mtimeMs, busy: false };
      this.#parts.set(keyOf(whose.owner, whose.sha256), part);
      this.#count(whose.owner, part.bytes);
      needed.add(about).add(path);
    }
    return needed;
  }

  async find(subject: string, sha256: string): Promise<Uploaded | undefined> {
    const content = await this.#options.store.get(subject, sha256);
    if (content?.uploaded) {
      await stored(this.#options.store.put({ ...content, usedAt: new Date(this.#now()) }));
      return { kind: 'complete', content };
    }
    const part = this.#parts.get(keyOf(subject, sha256));
    if (part === undefined || part.busy) return undefined;
    const complete = part.hash === null ? await this.#findAll(subject, sha256, part) : undefined;
    if (complete !== undefined) return { kind: 'complete', content: complete };
    return { kind: 'partial', receivedBytes: part.bytes };
  }

  /**
   * Completes an upload of which an earlier server had received everything before it was killed: no range is left that
   * could continue it.
   */
  async #findAll(subject: string, sha256: string, part: Part): Promise<FileContent | undefined> {
    part.busy = true;
    try {
      const hashed = await this.#hashed(subject, sha256, part);
      if (hashed.hash.copy().digest('hex') !== sha256) return undefined;
      await using file = await open(part.path, 'r');
      await file.sync();
      return await this.#complete(subject, hashed, { sha256 });
    } catch (error) {
      await this.#drop(subject, sha256, part);
      throw isDiskFull(error) ? storageFull() : error;
    } finally {
      part.busy = false;
    }
  }

  /** Reads what an earlier server has received, where that was not done yet. */
  async #hashed(subject: string, sha256: string, part: Part): Promise<HashedPart> {
    try {
      return Object.assign(part, { hash: part.hash ?? (await hashOf(part.path, part.bytes)) });
    } catch (error) {
      await this.#drop(subject, sha256, part);
      throw error;
    }
  }

  bytesOf(subject: string): number {
    return this.#bytes.get(subject) ?? 0;
  }

  async createTicket(subject: string, { sizeBytes, sha256 }: TicketRequest): Promise<UploadTicket> {
    if (sha256 !== undefined && !isDigest(sha256))
      throw badInput('input.sha256', 'the 64 hexadecimal digits of a SHA-256, in lower case', sha256);
    await this.#checkRoom(subject, sizeBytes, 'input.size');
    const expiresAt = new Date(this.#now() + TICKET_MS);
    return { subject, id: sha256 ?? randomUUID(), sizeBytes, expiresAt };
  }

  async receive(subject: string, request: UploadRequest, body: AsyncIterable<Uint8Array>): Promise<Uploaded> {
    const { sha256, id, range } = request;
    if (sha256 !== undefined && !isDigest(sha256))
      throw badInput('sha256', 'the 64 hexadecimal digits of a SHA-256, in lower case', sha256);
    if (range !== undefined && sha256 === undefined)
      throw badInput('content-range', 'none for a content whose digest the path does not name', 'one');
    if (id !== undefined && (await this.#options.store.named(subject, id)) !== undefined)
      throw badInput('file', 'one that nothing was uploaded for yet', id);
    const total = range?.total ?? request.sizeBytes;
    const part = await this.#begin(subject, sha256, range);
    try {
      await this.#checkRoom(subject, (total ?? 0) - part.bytes, 'body');
      const arrived = await this.#take(subject, part, request, body);
      if (range !== undefined && arrived < range.total) return { kind: 'partial', receivedBytes: arrived };
      const content = await this.#complete(subject, part, request);
      return { kind: 'complete', content };
    } catch (error) {
      // The next server continues what this one has to break off.
      const isBroken = error instanceof BrokenUpload || this.#closed;
      if (!isBroken || sha256 === undefined) await this.#drop(subject, sha256, part);
      throw isDiskFull(error) ? storageFull() : error;
    } finally {
      part.busy = false;
      part.usedMs = this.#now();
    }
  }

  /** The state from which an upload continues, or begins. */
  async #begin(
    subject: string,
    sha256: string | undefined,
    range: UploadRange | undefined,
  ): Promise<HashedPart> {
    const key = sha256 === undefined ? undefined : keyOf(subject, sha256);
    const found = key === undefined ? undefined : this.#parts.get(key);
    if (found?.busy)
      throw unavailable('this content is being uploaded by another request: try again when it has ended');
    const first = range?.first ?? 0;
    if (first > 0) {
      if (sha256 === undefined || found?.bytes !== first)
        throw badInput(
          'content-range',
          `one that begins with byte ${found?.bytes ?? 0}, the next one`,
          first,
        );
      found.busy = true;
      return this.#hashed(subject, sha256, found);
    }
    if (found !== undefined) await this.#drop(subject, sha256, found);
    const path = join(this.#folder, `.${randomUUID()}`);
    const part: HashedPart = {
      path,
      hash: createHash('sha256'),
      bytes: 0,
      usedMs: this.#now(),
      busy: true,
    };
    if (sha256 !== undefined && key !== undefined) {
      this.#parts.set(key, part);
      try {
        await writeFile(`${path}${ABOUT}`, JSON.stringify({ owner: subject, sha256 }), {
          flag: 'wx',
          mode: 0o600,
        });
        await this.#boundParts(subject);
      } catch (error) {
        await this.#drop(subject, sha256, part);
        throw isDiskFull(error) ? storageFull() : error;
      }
    }
    return part;
  }

  /** Appends what arrives to a part. Returns the bytes of it. */
  async #take(
    subject: string,
    part: HashedPart,
    { sizeBytes, range }: UploadRequest,
    body: AsyncIterable<Uint8Array>,
  ): Promise<number> {
    const { limits, quota } = this.#options;
    const expected = range === undefined ? sizeBytes : range.last + 1;
    await using file = await open(part.path, 'a', 0o600);
    for await (const chunk of body) {
      const next = part.bytes + chunk.length;
      if (expected !== undefined && next > expected) throw badInput('body', `${expected} bytes`, 'more');
      if (next > limits.fileBytes) throw badInput('body', `at most ${limits.fileBytes} bytes`, 'more');
      await file.appendFile(chunk);
      part.hash.update(chunk);
      part.bytes = next;
      this.#count(subject, chunk.length);
      const most = quota(subject);
      if (most !== null && this.bytesOf(subject) > most) throw quotaExceeded(most);
      if (this.#allBytes > limits.allBytes) throw filesFull(limits.allBytes);
      if (this.#closed) throw unavailable('the server is shutting down');
    }
    if (expected !== undefined && part.bytes < expected)
      throw badInput('body', `${expected} bytes`, `${part.bytes} bytes`);
    await file.sync();
    return part.bytes;
  }

  async #complete(subject: string, part: HashedPart, { sha256, id }: UploadRequest): Promise<FileContent> {
    // The digest can be computed only once; nothing of a refused part is kept.
    const found = part.hash.digest('hex');
    if (sha256 !== undefined && found !== sha256)
      throw badInput('body', `the content with SHA-256 ${sha256}`, `one with ${found}`);
    const content = { owner: subject, sha256: found, sizeBytes: part.bytes, uploaded: true };
    await this.#keep(content, part.path, id);
    this.#forget(subject, sha256, part);
    await rm(`${part.path}${ABOUT}`, { force: true });
    const kept = await this.#options.store.get(subject, found);
    if (kept === undefined) throw new Error('a content was removed while it was recorded');
    return kept;
  }

  /** Gives a complete and synced file its place, and records it. */
  async #keep(content: Omit<FileContent, 'createdAt' | 'usedAt'>, path: string, id?: string): Promise<void> {
    const { store } = this.#options;
    const { owner, sha256, sizeBytes, uploaded } = content;
    await this.#alone(owner, sha256, async () => {
      const before = await store.get(owner, sha256);
      const folder = this.#path(owner, sha256);
      if (before === undefined || !existsSync(folder)) {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await rename(path, join(folder, nameOf(FIRST_MODE)));
        chmodSync(join(folder, nameOf(FIRST_MODE)), FIRST_MODE);
        for (const each of [folder, join(folder, '..'), this.#folder]) await syncFolder(each);
      } else await rm(path, { force: true });
      try {
        await stored(store.put({ ...content, usedAt: new Date(this.#now()) }, id));
      } catch (error) {
        if (before === undefined) await rm(folder, { recursive: true, force: true });
        throw error;
      }
      if (uploaded && !before?.uploaded) this.#count(owner, charge(sizeBytes));
    });
  }

  async claim(owner: string, id: string): Promise<ClaimedFile | undefined> {
    const { store } = this.#options;
    const sha256 = isDigest(id) ? id : await store.named(owner, id);
    if (sha256 === undefined) return undefined;
    return this.#alone(owner, sha256, async () => {
      const content = await store.get(owner, sha256);
      // What came with a job is its subject's as well, and was not kept for others.
      return content === undefined ? undefined : this.#claimed(content);
    });
  }

  async keep(owner: string, bytes: Uint8Array): Promise<ClaimedFile> {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const now = new Date(this.#now());
    const content = { owner, sha256, sizeBytes: bytes.length, uploaded: false };
    const claimed = this.#claimed({ ...content, createdAt: now, usedAt: now });
    const path = join(this.#folder, `.${randomUUID()}`);
    try {
      {
        await using file = await open(path, 'wx', 0o600);
        await file.writeFile(bytes);
        await file.sync();
      }
      await this.#keep(content, path);
      return claimed;
    } catch (error) {
      claimed.release();
      await rm(path, { force: true });
      throw isDiskFull(error)
        ? new StoreFullError('no room for what a job was given', { cause: error })
        : error;
    }
  }

  #claimed(content: FileContent): ClaimedFile {
    const key = keyOf(content.owner, content.sha256);
    this.#claims.set(key, (this.#claims.get(key) ?? 0) + 1);
    let released = false;
    return {
      content,
      release: () => {
        if (released) return;
        released = true;
        const left = (this.#claims.get(key) ?? 1) - 1;
        if (left === 0) this.#claims.delete(key);
        else this.#claims.set(key, left);
      },
    };
  }

  async read(owner: string, sha256: string): Promise<Buffer | undefined> {
    try {
      const folder = this.#path(owner, sha256);
      const [name] = await readdir(folder);
      return name === undefined ? undefined : await readFile(join(folder, name));
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /**
   * Links the files of a job into a folder, which is made, under their numbers: `0`, `1`, ...
   *
   * @param modeOf the permissions of a file on the disk, where they are to differ
   * @throws Error with the code ENOENT when a content is missing
   */
  async give(
    owner: string,
    files: readonly InputFile[],
    folder: string,
    modeOf: (mode: number) => number,
  ): Promise<void> {
    mkdirSync(folder, { mode: 0o700 });
    for (const [index, { sha256, mode }] of files.entries())
      await this.#alone(owner, sha256, async () => {
        linkSync(await this.#withMode(this.#path(owner, sha256), modeOf(mode)), join(folder, String(index)));
      });
  }

  /**
   * The content as a file with these permissions. A link that no job has gets them; only when jobs that run at the same
   * time have different ones, there is a copy, which takes no room where the file system shares blocks.
   */
  async #withMode(folder: string, mode: number): Promise<string> {
    const path = join(folder, nameOf(mode));
    const names = readdirSync(folder);
    if (!names.includes(nameOf(mode))) {
      const free = names.find((name) => statSync(join(folder, name)).nlink === 1);
      if (free !== undefined) renameSync(join(folder, free), path);
      else {
        const copy = join(this.#folder, `.${randomUUID()}`);
        const [any] = names;
        if (any === undefined) throw Object.assign(new Error('a content has no file'), { code: 'ENOENT' });
        try {
          await copyFile(join(folder, any), copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
          await rename(copy, path);
        } catch (error) {
          rmSync(copy, { force: true });
          throw error;
        }
      }
    }
    // The name decides: a server may have died in between.
    if ((statSync(path).mode & 0o7777) !== mode) chmodSync(path, mode);
    return path;
  }

  /** Removes what is no longer needed; settles when the current round, or else a new one, is over. */
  sweep(): Promise<void> {
    this.#round ??= this.#sweep()
      .catch((error: unknown) => this.#options.log(`removing old files: ${error}`, { level: 'error' }))
      .finally(() => {
        this.#round = undefined;
      });
    return this.#round;
  }

  async #sweep(): Promise<void> {
    const { store, limits } = this.#options;
    const now = this.#now();
    for (const [key, part] of this.#parts)
      if (!part.busy && part.usedMs < now - PART_KEPT_MS) await this.#drop(ownerOf(key), digestOf(key), part);
    await store.touchUsed(new Date(now - HOUR_MS), new Date(now));
    await this.#removeUnused(limits.keptMs === null ? 0 : now - limits.keptMs, () => false);
  }

  /** Removes unneeded contents that were last used before a time, until `enough` returns true. */
  async #removeUnused(uploadedBeforeMs: number, enough: () => boolean): Promise<void> {
    const before = {
      uploadedBefore: new Date(uploadedBeforeMs),
      inlineBefore: new Date(this.#now() - INLINE_KEPT_MS),
    };
    for (;;) {
      let removed = 0;
      for (const content of await this.#options.store.unused(before, STEP)) {
        if (this.#closed || enough()) return;
        if (await this.#remove(content)) removed += 1;
      }
      if (removed === 0) return;
    }
  }

  #remove({ owner, sha256, sizeBytes, uploaded }: FileContent): Promise<boolean> {
    return this.#alone(owner, sha256, async () => {
      if (this.#claims.has(keyOf(owner, sha256))) return false;
      if (!(await this.#options.store.remove(owner, sha256))) return false;
      if (uploaded) this.#count(owner, -charge(sizeBytes));
      await rm(this.#path(owner, sha256), { recursive: true, force: true });
      return true;
    });
  }

  /** @throws ClientError where an upload of this many further bytes could not be completed */
  async #checkRoom(subject: string, bytes: number, field: string): Promise<void> {
    const { limits, quota, free } = this.#options;
    if (bytes > limits.fileBytes)
      throw badInput(field, `at most ${limits.fileBytes} bytes`, `${bytes} bytes`);
    const most = quota(subject);
    const fits = (): boolean =>
      (most === null || this.bytesOf(subject) + bytes <= most) && this.#allBytes + bytes <= limits.allBytes;
    if (!fits()) await this.#removeUnused(this.#now() - LATELY_MS, fits);
    if (most !== null && this.bytesOf(subject) + bytes > most) throw quotaExceeded(most);
    if (this.#allBytes + bytes > limits.allBytes) throw filesFull(limits.allBytes);
    const space = free();
    if (space.bytes < ROOM_BYTES + bytes || space.files < SPARE_INODES) throw storageFull();
  }

  /** When a subject has many interrupted uploads, the oldest are removed. */
  async #boundParts(subject: string): Promise<void> {
    const own = [...this.#parts].filter(([key]) => ownerOf(key) === subject);
    const idle = own.filter(([, { busy }]) => !busy).sort(([, a], [, b]) => a.usedMs - b.usedMs);
    for (const [key, part] of idle.slice(0, Math.max(0, own.length - MOST_PARTS)))
      await this.#drop(subject, digestOf(key), part);
  }

  async #drop(subject: string, sha256: string | undefined, part: Part): Promise<void> {
    this.#forget(subject, sha256, part);
    for (const path of [part.path, `${part.path}${ABOUT}`]) await rm(path, { force: true });
  }

  /** The bytes that have arrived no longer count. */
  #forget(subject: string, sha256: string | undefined, part: Part): void {
    this.#count(subject, -part.bytes);
    part.bytes = 0;
    if (sha256 !== undefined && this.#parts.get(keyOf(subject, sha256)) === part)
      this.#parts.delete(keyOf(subject, sha256));
  }

  #count(owner: string, bytes: number): void {
    const sum = (this.#bytes.get(owner) ?? 0) + bytes;
    this.#allBytes += bytes;
    if (sum === 0) this.#bytes.delete(owner);
    else this.#bytes.set(owner, sum);
  }

  /** The folder of a content: the names of the files in it are their permissions. */
  #path(owner: string, sha256: string): string {
    return join(this.#folder, createHash('sha256').update(owner).digest('hex'), sha256);
  }

  /** Runs an operation on a content exclusively. */
  async #alone<T>(owner: string, sha256: string, work: () => Promise<T>): Promise<T> {
    const key = keyOf(owner, sha256);
    const before = this.#busy.get(key);
    const done = (async () => {
      await before?.catch(() => undefined);
      return work();
    })();
    this.#busy.set(key, done);
    try {
      return await done;
    } finally {
      if (this.#busy.get(key) === done) this.#busy.delete(key);
    }
  }

  /** Settles when nothing is removed any more; uploads that are under way are cut off. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#round;
  }
}

/** The content of such a file; `undefined` if it is incomplete. */
const parseAbout = (text: string): { readonly owner: string; readonly sha256: string } | undefined => {
  try {
    const { owner, sha256 } = JSON.parse(text) as Partial<Record<'owner' | 'sha256', string>>;
    return owner && sha256 && isDigest(sha256) ? { owner, sha256 } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** @throws Error when the file has another length */
const hashOf = async (path: string, bytes: number): Promise<Hash> => {
  const hash = createHash('sha256');
  let length = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    length += (chunk as Buffer).length;
  }
  if (length !== bytes) throw new Error(`${path}: expected ${bytes} bytes, got ${length}`);
  return hash;
};

const charge = (bytes: number): number => Math.max(bytes, LEAST_BYTES);

const nameOf = (mode: number): string => mode.toString(8);

const DIGEST_LENGTH = 64;
const keyOf = (owner: string, sha256: string): string => `${sha256}${owner}`;
const digestOf = (key: string): string => key.slice(0, DIGEST_LENGTH);
const ownerOf = (key: string): string => key.slice(DIGEST_LENGTH);

const quotaExceeded = (most: number): ClientError =>
  new QuotaError('files', most, 'bytes of files that were uploaded');
