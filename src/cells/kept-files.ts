/** The files of jobs that have ended and kept their roots: looked at in cells that are made for it. */

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { getSystemErrorMessage } from 'node:util';
import { CellRefusal } from '../jobs/cells.ts';
import type { Job } from '../jobs/job.ts';
import { CAPABILITIES } from '../runtime/capabilities.ts';
import type { FilesAnswer, FilesRequest } from '../runtime/cell-file.ts';
import { describeStep } from '../runtime/launch-failure.ts';
import type { ExitRecord } from '../runtime/protocol/exit-record.ts';
import { askForFiles } from '../runtime/protocol/files.ts';
import { type LaunchPlan, NO_JOB } from '../runtime/protocol/plan.ts';
import { resourceLimits } from '../runtime/rlimits.ts';
import { cellFilter } from '../runtime/seccomp/index.ts';
import type { LaunchImage } from './launch.ts';
import { LoneCell, type LoneCellHost } from './lone-cell.ts';

/** What the cells are made from. */
export interface KeptFilesOptions {
  readonly host: LoneCellHost;
  /** The folder in which the folders of the cells are made, on the file system of the jobs. */
  readonly folder: string;
  /** What a job has changed of its root: `keep.h` of the launcher. */
  layer(id: string): string;
  /** The image that a job started from; `undefined` when it is no longer there. */
  image(job: Job): LaunchImage | undefined;
}

/** A cell stays for a while: a client that lists a folder reads what is in it next. */
const REST_MS = 3000;
/** It is not asked any more when it is this old, and ends by itself when it is twice that. */
const OLDEST_MS = 60_000;
/** Cells at a time, without those that answer; each takes about a megabyte. */
const MOST_RESTING = 4;
/** What a look takes: a page of names. */
const LAYER_BYTES = 1024 * 1024;
const PROCESSES = 32;

interface View {
  readonly cell: LoneCell;
  readonly openedAtMs: number;
  /** Settles when its files can be asked for. */
  readonly ready: Promise<void>;
  /** Settles when nothing of it is left. */
  readonly gone: Promise<void>;
  users: number;
  rest: NodeJS.Timeout | undefined;
}

/**
 * A cell for each job whose files are asked for. Its root is that of the job, its layer below an empty one; it has the ids
 * of images, the user, capabilities and filter of the job, no mounts, and no process but one that waits.
 */
export class KeptFiles {
  readonly #options: KeptFilesOptions;
  readonly #views = new Map<string, View>();
  /** Those that are about to end, too. */
  readonly #all = new Set<View>();

  constructor(options: KeptFilesOptions) {
    this.#options = options;
  }

  /**
   * Carries out a request that changes nothing.
   *
   * @throws CellRefusal when the files were not kept, are no longer there, or no cell could be made; otherwise as `askForFiles`
   */
  async ask(job: Job, request: FilesRequest): Promise<FilesAnswer> {
    const view = this.#viewOf(job);
    view.users += 1;
    clearTimeout(view.rest);
    try {
      await view.ready;
      return await askForFiles(view.cell.folder, request);
    } finally {
      view.users -= 1;
      if (view.users === 0) this.#rest(job.id, view);
    }
  }

  #viewOf(job: Job): View {
    const known = this.#views.get(job.id);
    if (known !== undefined && performance.now() - known.openedAtMs < OLDEST_MS) return known;
    if (known !== undefined) this.#end(job.id, known);
    const image = this.#options.image(job);
    if (image === undefined) throw new CellRefusal('its image is not there any more');
    const layer = this.#options.layer(job.id);
    if (!existsSync(layer))
      throw new CellRefusal('its files were saved as an image, or the disk had no room for them');
    const view = this.#open(job.id, planOf(job, join(layer, 'root'), image, this.#options.host));
    this.#views.set(job.id, view);
    return view;
  }

  #open(id: string, plan: LaunchPlan): View {
    // What an earlier server has left is swept: the name begins with a dot.
    const work = join(this.#options.folder, `.files-${randomUUID()}`);
    const cell = new LoneCell(work, this.#options.host);
    const { promise: ready, resolve } = Promise.withResolvers<void>();
    const lived = mkdir(work, { mode: 0o700 })
      .then(() => cell.layOut(plan))
      .then(() => cell.run(resolve));
    const gone = lived.catch(() => undefined).then(() => rm(work, { recursive: true, force: true }));
    const failed = lived.then(() => cell.record()).then(refuse, refuseFor);
    const view: View = {
      cell,
      openedAtMs: performance.now(),
      ready: Promise.race([ready, failed]),
      gone,
      users: 0,
      rest: undefined,
    };
    this.#all.add(view);
    const leave = (): void => {
      this.#all.delete(view);
      if (this.#views.get(id) === view) this.#views.delete(id);
    };
    // What is left of its folder after a failure is swept when the next server starts.
    gone.then(leave, leave);
    return view;
  }

  #rest(id: string, view: View): void {
    if (this.#views.get(id) !== view) {
      view.cell.stop();
      return;
    }
    view.rest = setTimeout(() => this.#end(id, view), REST_MS).unref();
    const resting = [...this.#views].filter(([, { users }]) => users === 0);
    for (const [other, its] of resting.slice(0, -MOST_RESTING)) this.#end(other, its);
  }

  /** Ends a cell unless it answers somebody, who ends it then. */
  #end(id: string, view: View): void {
    if (this.#views.get(id) === view) this.#views.delete(id);
    clearTimeout(view.rest);
    if (view.users === 0) view.cell.stop();
  }

  /** Settles when no cell has the files of a job any more, which are about to be removed. */
  async forget(id: string): Promise<void> {
    const view = this.#views.get(id);
    if (view === undefined) return;
    this.#end(id, view);
    await view.gone;
  }

  /** Ends all cells. */
  async close(): Promise<void> {
    this.#views.clear();
    for (const { cell, rest } of this.#all) {
      clearTimeout(rest);
      cell.stop();
    }
    await Promise.all([...this.#all].map(({ gone }) => gone));
  }
}

const refuse = ({ failure }: ExitRecord): never => {
  throw new CellRefusal(failure === null ? 'its cell has ended' : describeStep(failure));
};

const refuseFor = (error: unknown): never => {
  const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : undefined;
  const reason = errno === undefined ? String(error) : getSystemErrorMessage(errno);
  throw new CellRefusal(`its cell could not be made: ${reason}`, { cause: error });
};

const planOf = (
  { spec }: Job,
  root: string,
  { files, defaults }: LaunchImage,
  { ids, cgroup }: LoneCellHost,
): LaunchPlan => {
  const name = spec.user ?? defaults.user ?? '0';
  const user = files.findUser(name);
  if (user === undefined) throw new CellRefusal(`the image has no user ${JSON.stringify(name)}`);
  return {
    ...NO_JOB,
    cgroup: cgroup(`files-${randomUUID()}`, 0),
    uids: ids.uids,
    gids: ids.gids,
    root: {
      image: root,
      lowers: files.layers.map((layer) => layer.root),
      // The ids of the cell are the owners of the files of images, and of layers that were kept.
      owners: null,
      layerOptions: `mode=755,size=${LAYER_BYTES},nr_inodes=1024`,
      // The marks of a layer that was kept are in user.* attributes.
      overlayOptions: ids.overlay === '' ? 'userxattr' : ids.overlay,
    },
    // No /proc, /sys or /dev: there is nothing in them that was the job's.
    steps: [],
    hostname: 'files',
    clocks: null,
    idle: true,
    argv: [''],
    user,
    capabilities: CAPABILITIES[spec.capabilities],
    oomScore: 0,
    keepGroups: !ids.groups,
    resourceLimits: resourceLimits(PROCESSES),
    seccomp: cellFilter(),
    umask: 0o077,
    stop: { signal: 'SIGKILL', scope: 'COMMAND' },
    timeoutMs: 2 * OLDEST_MS,
    outputBytes: 0,
  };
};
