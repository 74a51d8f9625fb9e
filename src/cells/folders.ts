/** The folders of jobs in the state folder: how they are made, read and removed. */

import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../errno.ts';
import type { FreeSpace } from '../jobs/cells.ts';
import { packLog } from '../runtime/log/pack.ts';
import { recoverTail } from '../runtime/log/recover-tail.ts';
import { JOB_FILES, statePaths } from '../state/paths.ts';
import { readAbout } from './unpack.ts';

/**
 * The folders of the jobs on disk: `jobs/<id>` for each, and `exits/` where supervisors leave their records.
 * What is written here is the protocol between server and supervisors; nothing of it needs the server alive.
 */
export class JobFolders {
  readonly jobs: string;
  readonly exits: string;

  /** Makes `jobs/` and `exits/` in the state folder unless they exist. */
  constructor(stateDir: string) {
    const { jobs, exits } = statePaths(stateDir);
    this.jobs = jobs;
    this.exits = exits;
    for (const folder of [this.jobs, this.exits]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Path of the folder of a job. */
  path(id: string): string {
    return join(this.jobs, id);
  }

  #file(id: string, name: string): string {
    return join(this.jobs, id, name);
  }

  /** Path of the log of a job. */
  log(id: string): string {
    return this.#file(id, JOB_FILES.log);
  }

  /** What a job has changed of its root, where that was kept. */
  layer(id: string): string {
    return this.#file(id, JOB_FILES.layer);
  }

  /** Path of an artifact of a job, by its place in the list. */
  artifact(id: string, index: number): string {
    return join(this.#file(id, JOB_FILES.artifacts), String(index));
  }

  /** Removes artifacts that a supervisor copied but did not live to record. */
  async dropArtifacts(id: string): Promise<void> {
    await rm(this.#file(id, JOB_FILES.artifacts), { recursive: true, force: true });
  }

  /** The folder with links to the files that a job was given. */
  files(id: string): string {
    return this.#file(id, JOB_FILES.files);
  }

  /** The launch plan of a job; `undefined` without one, as after a backup of the database alone was restored. */
  plan(id: string): Buffer | undefined {
    return readIfThere(this.#file(id, JOB_FILES.plan));
  }

  /** What confines the command, as its supervisor recorded it; `undefined` before that. */
  isolation(id: string): Buffer | undefined {
    return readIfThere(this.#file(id, JOB_FILES.isolation));
  }

  /** What is free on the disk of the folders. */
  free(): FreeSpace {
    const { bavail, bsize, files, ffree } = statfsSync(this.jobs);
    // File systems that make inodes as they need them, such as btrfs, count none (statfs(2)).
    return { bytes: bavail * bsize, files: files === 0 ? Number.POSITIVE_INFINITY : ffree };
  }

  /**
   * Makes a job's folder with its plan, an empty log and its standard input. It appears as a whole: a spawner of an
   * earlier server, asked for this job before that server died, must not find one without a plan.
   *
   * @param stdin the file with the standard input, which is linked into the folder
   */
  create(id: string, plan: Buffer, stdin: string | null): void {
    const aside = join(this.jobs, `.${id}.new`);
    mkdirSync(aside, { mode: 0o700 });
    try {
      writeFileSync(join(aside, JOB_FILES.plan), plan, { mode: 0o600, flag: 'wx' });
      writeFileSync(join(aside, JOB_FILES.log), '', { mode: 0o600, flag: 'wx' });
      if (stdin !== null) linkSync(stdin, join(aside, JOB_FILES.stdin));
      renameSync(aside, this.path(id));
    } catch (error) {
      rmSync(aside, { recursive: true });
      throw error;
    }
  }

  /** Makes the folder of a cell that is to be prepared, with its plan. */
  prepare(name: string, plan: Buffer): void {
    const folder = this.#prepared(name);
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, JOB_FILES.plan), plan, { mode: 0o600, flag: 'wx' });
  }

  /** Removes it: the cell has been made, or will not be. */
  unprepare(name: string): void {
    rmSync(this.#prepared(name), { recursive: true, force: true });
  }

  // What an earlier server has left is swept: the name begins with a dot.
  #prepared(name: string): string {
    return join(this.jobs, `.${name}`);
  }

  /** The process id of a job's supervisor; `undefined` when it is gone. */
  supervisor(id: string): number | undefined {
    const started = readIfThere(this.#file(id, JOB_FILES.started))?.toString() ?? '';
    const pid = /^(\d+) /.exec(started)?.[1];
    if (pid === undefined) return undefined;
    try {
      // Another process may have its pid by now. The working directory of a supervisor is the folder of its job.
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(this.path(id)) ? Number(pid) : undefined;
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  /** Whether a job has a folder: a start of it was attempted. */
  exists(id: string): boolean {
    return existsSync(this.path(id));
  }

  /**
   * Fences off a job that may or may not have been started: makes `started`, which a supervisor must make itself
   * before it runs anything.
   *
   * @returns false when the file was there: a supervisor was first and owns the job, or a server that died since
   */
  fence(id: string): boolean {
    try {
      closeSync(openSync(this.#file(id, JOB_FILES.started), 'wx', 0o600));
      return true;
    } catch (error) {
      if (hasErrno(error, 'EEXIST')) return false;
      throw error;
    }
  }

  /**
   * Whether a supervisor has written into `started` that the job is its own. It does so, and syncs it, before it lets
   * the command run; a fence stays empty.
   */
  isClaimed(id: string): boolean {
    return statSync(this.#file(id, JOB_FILES.started)).size > 0;
  }

  /**
   * Moves a fenced folder aside and removes it, so that the job can have a new one. A supervisor that still has the
   * old one open finds the fence in it.
   */
  discard(id: string): void {
    const aside = join(this.jobs, `.${id}.${process.pid}.${Date.now()}`);
    renameSync(this.path(id), aside);
    rmSync(aside, { recursive: true });
  }

  /** Removes what an earlier server moved aside and did not live to remove. */
  sweep(): void {
    for (const name of readdirSync(this.jobs))
      if (name.startsWith('.')) rmSync(join(this.jobs, name), { recursive: true, force: true });
  }

  /** Appends to the log of a job the end of a long output that a killed supervisor had kept next to it. */
  recoverTail(id: string): Promise<void> {
    return recoverTail(this.log(id));
  }

  /**
   * Removes those files of a job that were needed only while it ran. Plan and log stay. A supervisor that was killed
   * leaves its socket, the space that it reserved for the record, and the end of an output that was to be truncated.
   *
   * @returns bytes of the files that stay
   */
  tidy(id: string): number {
    return this.#sum(id, (path, name) => {
      if (name === JOB_FILES.files) rmSync(path, { recursive: true, force: true });
      else if (WHILE_IT_RUNS.has(name)) unlinkIfThere(path);
      else return true;
      return false;
    });
  }

  /**
   * Bytes of the files that stay of a job whose supervisor has written the record, and has removed its own files before,
   * and that was given none. The folder is not read: that would wait, and the whole server with it, until the supervisor,
   * which is still renaming the record out of it, has the processor again.
   */
  sizeOfRecorded(id: string): number {
    let bytes = 0;
    for (const name of KEPT) bytes += sizeOf(this.#file(id, name));
    return bytes;
  }

  /** Removes the launch plan of a job that has ended, for what is in it. */
  removePlan(id: string): void {
    unlinkIfThere(this.#file(id, JOB_FILES.plan));
  }

  /** Bytes of the files in a job's folder, with those that it kept of its root. */
  size(id: string): number {
    const about = readIfThere(join(this.layer(id), 'about'));
    return this.#sum(id, () => true) + (about === undefined ? 0 : readAbout(about).bytes);
  }

  /** Bytes of those files in a job's folder that `counts` is true for, and of its artifacts; 0 without a folder. */
  #sum(id: string, counts: (path: string, name: string) => boolean): number {
    const folder = this.path(id);
    let bytes = 0;
    for (const name of listIfThere(folder)) {
      const path = join(folder, name);
      // A file may disappear meanwhile.
      if (!counts(path, name)) continue;
      bytes += sizeOf(path);
      if (name === JOB_FILES.artifacts)
        for (const artifact of listIfThere(path)) bytes += sizeOf(join(path, artifact));
    }
    return bytes;
  }

  /** Compresses the log of a job that has ended. */
  async pack(id: string): Promise<void> {
    await packLog(this.log(id));
  }

  /** Removes everything of a job. */
  remove(id: string): Promise<void> {
    return rm(this.path(id), { recursive: true, force: true });
  }

  /** The exit record of a job, as its supervisor wrote it; `undefined` when there is none (any more). */
  readExit(id: string): Buffer | undefined {
    return readIfThere(join(this.exits, id));
  }

  /** Moves a record that cannot be read out of the way, for a person to inspect. */
  setAside(id: string): string {
    const aside = this.#file(id, JOB_FILES.damagedExit);
    renameSync(join(this.exits, id), aside);
    return aside;
  }

  /** Removes the exit record of a job, if it is there. */
  removeExit(id: string): void {
    unlinkIfThere(join(this.exits, id));
  }
}

/** What there is in the folder of each job that ran. */
const KEPT = [JOB_FILES.plan, JOB_FILES.log, JOB_FILES.index, JOB_FILES.started, JOB_FILES.isolation];

const WHILE_IT_RUNS: ReadonlySet<string> = new Set([
  JOB_FILES.stdin,
  JOB_FILES.control,
  JOB_FILES.exit,
  ...JOB_FILES.tail,
]);

const unlinkIfThere = (path: string): void => {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
};

/** Bytes of a file; 0 of one that is gone. */
const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

const listIfThere = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
};

const readIfThere = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
};
