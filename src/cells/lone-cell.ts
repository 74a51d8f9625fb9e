/** A cell of the server's own that belongs to no job: its folder is elsewhere, and it has a spawner for itself. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { CellIds } from '../runtime/ids/index.ts';
import { Control } from '../runtime/protocol/control.ts';
import { type ExitRecord, parseExitRecord } from '../runtime/protocol/exit-record.ts';
import { type CgroupPlan, encodePlan, type LaunchPlan } from '../runtime/protocol/plan.ts';
import { Spawner } from '../runtime/protocol/spawner.ts';
import { JOB_FILES, statePaths } from '../state/paths.ts';

/** What cells of the server are made with. */
export interface LoneCellHost {
  /** Path of the `cell` binary. */
  readonly launcher: string;
  readonly ids: CellIds;
  readonly devices: boolean;
  /**
   * The cgroup of the cell, by its name; `null`: there are none.
   *
   * @param filesBytes what its files may take of memory, where they are kept in it
   */
  cgroup(name: string, filesBytes: number): CgroupPlan | null;
  /** The cgroup of supervisors; `null`: the server's own. */
  readonly supervisors: string | null;
}

const CELL = 'cell';
const PAUSE_MS = 2;

/** One cell, which runs once. */
export class LoneCell {
  /** Its folder, as a job has one. */
  readonly folder: string;
  readonly #host: LoneCellHost;
  readonly #jobs: string;
  readonly #exits: string;
  #control: Control | undefined;
  #stopped = false;

  /** @param work an existing folder for what belongs to the cell; the caller removes it when the cell has ended */
  constructor(work: string, host: LoneCellHost) {
    this.#host = host;
    const { jobs, exits } = statePaths(work);
    this.#jobs = jobs;
    this.#exits = exits;
    this.folder = join(jobs, CELL);
  }

  /** Path of what the cell prints, as the log of a job. */
  get log(): string {
    return join(this.folder, JOB_FILES.log);
  }

  /** Makes the folders of the cell, with its plan. Called before `run`. */
  async layOut(plan: LaunchPlan): Promise<void> {
    for (const path of [this.#jobs, this.#exits, this.folder]) await mkdir(path, { mode: 0o700 });
    await writeFile(join(this.folder, JOB_FILES.plan), encodePlan(plan), { mode: 0o600 });
  }

  /**
   * Runs the cell to its end.
   *
   * @param running called when its command runs
   * @throws SpawnError if it could not be started
   */
  async run(running: () => void = () => undefined): Promise<void> {
    const { launcher, ids, supervisors } = this.#host;
    const spawner = new Spawner({ launcher, enter: ids.enter, jobs: this.#jobs, cgroup: supervisors ?? '' });
    try {
      await spawner.start(CELL);
      await new Promise<void>((resolve) => {
        this.#control = new Control(this.folder, { running, ended: () => resolve() });
        if (this.#stopped) this.stop();
      });
      // A supervisor that is finishing accepts no connections: a refusal does not mean that it has ended.
      while (await spawner.probe(CELL)) await pause(PAUSE_MS);
    } finally {
      await spawner.close();
    }
  }

  /** Kills what is in the cell, as soon as it runs; `run` settles then. */
  stop(): void {
    this.#stopped = true;
    // Refused by one that has ended.
    this.#control?.stop(0).catch(() => undefined);
  }

  /**
   * How the cell ended.
   *
   * @throws Error if there is no exit record, or it is damaged
   */
  async record(): Promise<ExitRecord> {
    return parseExitRecord(await readFile(join(this.#exits, CELL)));
  }
}
