/** Cells without a server: the spawner alone, with the launch plans of a server. */

import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { JobFolders } from '../../src/cells/folders.ts';
import { type JobPlan, planCell, planLaunch } from '../../src/cells/launch.ts';
import { NO_DEFAULTS } from '../../src/jobs/image.ts';
import { ImageFiles } from '../../src/runtime/image-files.ts';
import { Control } from '../../src/runtime/protocol/control.ts';
import { encodePlan } from '../../src/runtime/protocol/plan.ts';
import { Spawner } from '../../src/runtime/protocol/spawner.ts';
import { cellFilter } from '../../src/runtime/seccomp/index.ts';
import { makeJob, spec } from '../store/fixture.ts';
import { LAUNCHER } from '../support/cell.ts';
import { cgroup2Mount } from '../support/cgroup2.ts';
import { ID_BASE } from '../support/image.ts';
import { descendants, prefer } from './priority.ts';

const COUNT = 65_536;
// The range after that of the image, as the first job of a server has it: the image is mapped to it.
const OUTSIDE = ID_BASE + COUNT;
const UMASK = 0o077;

/** A spawner with a state folder of its own. */
export class BenchCells {
  readonly #state: string;
  readonly #folders: JobFolders;
  readonly #cgroups: string;
  readonly #spawner: Spawner;
  readonly #image: ImageFiles;
  readonly #seccomp = cellFilter();
  #next = 0;

  private constructor(parent: string, image: string) {
    process.umask(UMASK);
    this.#state = mkdtempSync(join(parent, 'cloister-bench-cells-'));
    this.#folders = new JobFolders(this.#state);
    this.#cgroups = join(cgroup2Mount(), `cloister-bench-${process.pid}-${this.#state.slice(-6)}`);
    mkdirSync(this.#cgroups, { mode: 0o755 });
    this.#spawner = new Spawner({ launcher: LAUNCHER, jobs: this.#folders.jobs, cgroup: '' });
    this.#image = new ImageFiles(image, COUNT);
  }

  /** @param parent the folder in which the state folder is made */
  static async open(parent: string, image: string): Promise<BenchCells> {
    const cells = new BenchCells(parent, image);
    await cells.run();
    for (const pid of descendants(process.pid)) prefer(pid);
    return cells;
  }

  /** Runs `true` in a cell, from its launch plan to its exit record, and removes what is left. */
  async run(): Promise<void> {
    const { id, plan } = this.#plan();
    this.#folders.create(id, encodePlan(plan), null);
    await this.#spawner.start(id);
    await this.#end(id);
  }

  /**
   * Prepares a cell.
   *
   * @returns a function that does in it what `run` does
   */
  async prepare(): Promise<() => Promise<void>> {
    const { id, plan } = this.#plan();
    const name = `cell-${id}`;
    this.#folders.prepare(name, encodePlan(planCell(plan, plan, plan.cgroup?.path ?? null)));
    await this.#spawner.prepare(name, () => undefined);
    this.#folders.unprepare(name);
    return async () => {
      this.#folders.create(id, encodePlan(plan), null);
      if (!(await this.#spawner.startIn(name, id))) throw new Error('the prepared cell is gone');
      await this.#end(id);
    };
  }

  #plan(): { readonly id: string; readonly plan: JobPlan } {
    const id = `job-${++this.#next}`;
    const limits = { ...spec.limits, diskBytes: 256 << 20, timeoutMs: 60_000, outputBytes: 1 << 20 };
    const job = makeJob({ command: { kind: 'argv', argv: ['true'] }, limits }, { id });
    const range = [{ inside: 0, outside: OUTSIDE, count: COUNT }];
    const plan = planLaunch(job, {
      files: null,
      image: { files: this.#image, defaults: NO_DEFAULTS },
      cgroup: { path: join(this.#cgroups, id), settings: [], collect: ['cpu.stat'] },
      ids: {
        uids: range,
        gids: range,
        owners: { uid: ID_BASE, gid: ID_BASE },
        count: COUNT,
        groups: true,
        overlay: '',
      },
      clocks: true,
      devices: true,
      seccomp: this.#seccomp,
    });
    return { id, plan };
  }

  /** Waits for the end of a job. */
  async #end(id: string): Promise<void> {
    await new Promise<void>((resolve) => {
      new Control(this.#folders.path(id), { running: () => undefined, ended: resolve });
    });
    // The supervisor closes its socket before it publishes the record.
    let record = this.#folders.readExit(id);
    while (record === undefined && (await this.#spawner.probe(id))) record = this.#folders.readExit(id);
    record ??= this.#folders.readExit(id);
    if (record?.includes('exited\0' + '0\0') !== true)
      throw new Error(`the cell ended otherwise: ${String(record)}`);
    this.#folders.removeExit(id);
  }

  async close(): Promise<void> {
    await this.#spawner.close();
    rmdirSync(this.#cgroups);
    rmSync(this.#state, { recursive: true });
  }
}
