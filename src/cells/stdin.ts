/** Stores the standard input and the secrets of each job in separate files. */

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs';
import { link, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { hasErrno, isDiskFull } from '../errno.ts';
import { StoreFullError } from '../jobs/store.ts';
import { statePaths } from '../state/paths.ts';
import { syncFolder } from '../state/whole-file.ts';

/**
 * A file for the standard input of each job that has one, under the job's id, for as long as the job is kept. Written
 * before the job is stored; attempts of one job are links to one file, and so is what the supervisor reads.
 */
export class StdinFiles {
  readonly #folder: string;

  /** @param what standard inputs, or secrets, which are kept until their job has ended */
  constructor(stateDir: string, what: 'stdin' | 'secrets' = 'stdin') {
    this.#folder = statePaths(stateDir)[what];
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** Path of the file for a job. */
  path(id: string): string {
    return join(this.#folder, id);
  }

  /**
   * Writes a file and syncs it. An existing file is of an attempt that was not finished, and is replaced.
   *
   * @throws StoreFullError
   */
  async keep(id: string, content: string | Uint8Array): Promise<void> {
    try {
      await using file = await open(this.path(id), 'w', 0o600);
      await file.writeFile(content);
      await file.sync();
      await syncFolder(this.#folder);
    } catch (error) {
      await this.remove(id);
      throw full(error);
    }
  }

  /** @throws StoreFullError */
  async share(id: string, next: string): Promise<void> {
    try {
      await link(this.path(id), this.path(next));
      await syncFolder(this.#folder);
    } catch (error) {
      // If it is lost, the next attempt cannot start, and says so.
      if (!hasErrno(error, 'ENOENT', 'EEXIST')) throw full(error);
    }
  }

  /** The standard input of a job; `undefined` when there is none. */
  async read(id: string): Promise<Buffer | undefined> {
    try {
      return await readFile(this.path(id));
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** The SHA-256 of the standard input of a job, in hexadecimal digits; `undefined` when there is none. */
  async digest(id: string): Promise<string | undefined> {
    const hash = createHash('sha256');
    try {
      await pipeline(createReadStream(this.path(id)), hash);
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
    return hash.digest('hex');
  }

  /** Whether there is a file for a job. */
  has(id: string): boolean {
    return existsSync(this.path(id));
  }

  /** Bytes of the file, which may be shared; 0 when there is none. */
  size(id: string): number {
    return statSync(this.path(id), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Removes the file of a job, if it is there; other attempts keep theirs. */
  async remove(id: string): Promise<void> {
    // Most jobs have none, and to find that out in a thread takes longer.
    if (!this.has(id)) return;
    await rm(this.path(id), { force: true });
  }

  /** Removes the files of jobs that were never stored. */
  async sweep(isKept: (id: string) => Promise<boolean>): Promise<void> {
    for (const id of await readdir(this.#folder)) if (!(await isKept(id))) await this.remove(id);
  }
}

const full = (error: unknown): unknown =>
  isDiskFull(error) ? new StoreFullError('no room for what a job was given', { cause: error }) : error;
