/** Cells that are made before it is known which job runs in them. */

import { removeCgroup } from '../runtime/cgroup/index.ts';
import type { JobIds } from '../runtime/ids/index.ts';
import { encodePlan } from '../runtime/protocol/plan.ts';
import type { Spawner } from '../runtime/protocol/spawner.ts';
import type { JobFolders } from './folders.ts';
import { cellKind, type JobPlan, planCell } from './launch.ts';

/** A cell that waits for a job. */
export interface PreparedCell {
  readonly name: string;
  readonly kind: string;
  readonly ids: JobIds;
  /** Absolute path of its cgroup; `null` where cells have none. */
  readonly cgroup: string | null;
}

/** What cells are prepared with, and how many. */
export interface PreparedCellsOptions {
  /** How many wait at most. */
  readonly most: number;
  readonly spawner: Pick<Spawner, 'prepare' | 'dismiss'>;
  readonly folders: Pick<JobFolders, 'prepare' | 'unprepare'>;
  /** Takes ids for a cell. */
  ids(name: string): JobIds;
  /** Releases them. */
  release(name: string): void;
  /** Absolute path of the cgroup of a cell. */
  cgroup(name: string): string | null;
  /** Whether jobs are being started: to prepare cells would only delay them. */
  busy(): boolean;
  /** Reports what an operator should look at. */
  log(message: string): void;
}

/** With less available memory none is prepared: each takes about half a megabyte. */
const LEAST_FREE_BYTES = 256 << 20;
/** How many jobs of one other kind have to come before waiting cells are replaced by cells of that kind. */
const MISSES = 2;
/** When jobs were being started. */
const LATER_MS = 50;
/** After a failure. */
const AGAIN_MS = 250;

/**
 * Cells that wait for jobs. They are like those of recent jobs, with the same image, limits and mounts; what depends on
 * the job itself is done when a job takes the cell. Each is used once.
 */
export class PreparedCells {
  readonly #options: PreparedCellsOptions;
  /** The plan that they are made from; `undefined`: no job has been started yet. */
  #model: { readonly kind: string; readonly plan: JobPlan } | undefined;
  #missed = { kind: '', times: 0 };
  #waiting: PreparedCell[] = [];
  #making: Promise<void> | undefined;
  /** Names of those that have been dismissed and have not ended yet. */
  readonly #leaving = new Set<string>();
  readonly #ending = new Set<Promise<void>>();
  #notBeforeMs = 0;
  #failure: string | undefined;
  #used = 0;
  #last = 0;
  #later: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PreparedCellsOptions) {
    this.#options = options;
  }

  /** How many wait for a job. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** How many jobs have had one. */
  get used(): number {
    return this.#used;
  }

  /**
   * A cell for a job, which nobody else gets; `undefined` when none that waits is as the job's would be.
   *
   * @param plan the job's; ids and the path of the cgroup are to be those of the cell
   */
  take(plan: JobPlan): PreparedCell | undefined {
    const kind = this.#options.most === 0 ? undefined : cellKind(plan);
    if (kind === undefined) return undefined;
    if (kind !== this.#model?.kind) {
      this.#miss(kind, plan);
      return undefined;
    }
    this.#missed = { kind: '', times: 0 };
    const cell = this.#waiting.shift();
    if (cell !== undefined) this.#used++;
    return cell;
  }

  /** Waiting cells do not help jobs of another kind: if only those come, the cells are dismissed. */
  #miss(kind: string, plan: JobPlan): void {
    this.#missed = { kind, times: this.#missed.kind === kind ? this.#missed.times + 1 : 1 };
    if (this.#model !== undefined && this.#missed.times < MISSES) return;
    this.clear();
    this.#model = { kind, plan };
  }

  /** Ends all waiting cells; what they were made from may be about to be removed. */
  clear(): void {
    this.#model = undefined;
    for (const { name } of this.#waiting.splice(0)) this.#dismiss(name);
  }

  #dismiss(name: string): void {
    this.#leaving.add(name);
    this.#options.spawner.dismiss(name);
  }

  /** Makes one cell after the other, unless there is something more urgent to do. */
  refill(): void {
    const { most, busy } = this.#options;
    const model = this.#model;
    if (this.#closed || this.#making !== undefined || model === undefined) return;
    if (this.#waiting.length >= most || performance.now() < this.#notBeforeMs) return;
    if (busy()) {
      this.#later ??= setTimeout(() => {
        this.#later = undefined;
        this.refill();
      }, LATER_MS).unref();
      return;
    }
    if (process.availableMemory() < LEAST_FREE_BYTES) return;
    this.#making = this.#make(model.kind, model.plan).finally(() => {
      this.#making = undefined;
      this.refill();
    });
  }

  async #make(kind: string, plan: JobPlan): Promise<void> {
    const { spawner, folders, ids, cgroup, log } = this.#options;
    const name = `prepared-${process.pid}-${++this.#last}`;
    try {
      const cell = { name, kind, ids: ids(name), cgroup: cgroup(name) };
      folders.prepare(name, encodePlan(planCell(plan, cell.ids, cell.cgroup)));
      await spawner.prepare(name, () => this.#ended(name));
      this.#waiting.push(cell);
      this.#failure = undefined;
      // Meanwhile others may have been wanted.
      if (this.#closed || this.#model?.kind !== kind) {
        this.#waiting.splice(this.#waiting.indexOf(cell), 1);
        this.#dismiss(name);
      }
    } catch (error) {
      this.#notBeforeMs = performance.now() + AGAIN_MS;
      const text = error instanceof Error ? error.message : String(error);
      // Logged once, however often the next ones fail.
      if (!this.#closed && text !== this.#failure) log(`no cell could be prepared: ${text}`);
      this.#failure = text;
      this.remove({ name, cgroup: cgroup(name) });
    } finally {
      folders.unprepare(name);
    }
  }

  /** A cell has ended without having had a job. */
  #ended(name: string): void {
    if (!this.#leaving.delete(name)) this.#notBeforeMs = performance.now() + AGAIN_MS;
    this.#waiting = this.#waiting.filter((cell) => cell.name !== name);
    this.remove({ name, cgroup: this.#options.cgroup(name) });
  }

  /** Ends a cell that was meant for a job. */
  giveUp({ name }: PreparedCell): void {
    this.#dismiss(name);
  }

  /** Removes what is left of a cell that has ended. */
  remove({ name, cgroup }: Pick<PreparedCell, 'name' | 'cgroup'>): void {
    const { release, log } = this.#options;
    const gone = (cgroup === null ? Promise.resolve() : removeCgroup(cgroup))
      .catch((error: unknown) => log(`the cgroup of a prepared cell could not be removed: ${String(error)}`))
      .finally(() => {
        release(name);
        this.#ending.delete(gone);
      });
    this.#ending.add(gone);
  }

  /** Prepares no more. Those that wait end with the spawner. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#later);
  }

  /** Settles when nothing is left of them, after the end of the spawner. */
  async gone(): Promise<void> {
    await this.#making;
    await Promise.all(this.#ending);
  }
}
