import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { JOB_FILES, statePaths } from '../state/paths.ts';
import type { CellIds, JobIds } from './ids/index.ts';
import { mountSteps } from './mounts.ts';
import { Control } from './protocol/control.ts';
import { type LaunchFailure, parseExitRecord } from './protocol/exit-record.ts';
import { type CgroupPlan, encodePlan } from './protocol/plan.ts';
import { Spawner } from './protocol/spawner.ts';
import { resourceLimits } from './rlimits.ts';
import { cellFilter } from './seccomp/index.ts';

export interface TestCellOptions {
  /** Path of the `cell` binary. */
  readonly launcher: string;
  readonly ids: JobIds & Pick<CellIds, 'enter'>;
  /** The cell shall have clocks of its own. */
  readonly clocks: boolean;
  /** A folder to be made, on the file system where images lie; it is gone afterwards. */
  readonly folder: string;
  /** The cgroup to make for the cell, and that of its supervisor. */
  readonly cgroup?: CgroupPlan | null;
  readonly supervisors?: string | null;
}

const ID = 'test-cell';
const PAUSE_MS = 2;
const MIB = 1024 * 1024;

/**
 * Makes a cell as jobs get it and executes a program in it: the launcher itself, which needs nothing but the
 * kernel. What forbids cells on a machine has many names (sysctls, AppArmor, seccomp, covered parts of /proc, layers
 * of layers), and no list of them is as good as this.
 *
 * @returns the step that failed; `undefined` when all went well
 * @throws SpawnError when not even a supervisor came about
 */
export const tryCell = async (options: TestCellOptions): Promise<LaunchFailure | undefined> => {
  const { launcher, ids, clocks, folder, cgroup = null, supervisors } = options;
  try {
    layOut(folder, launcher, planOf(folder, { ids, clocks, cgroup }));
    const { jobs, exits } = statePaths(folder);
    const spawner = new Spawner({ launcher, enter: ids.enter, jobs, cgroup: supervisors ?? '' });
    try {
      await spawner.start(ID);
      await new Promise<void>((resolve) => {
        new Control(join(jobs, ID), { running: () => undefined, ended: () => resolve() });
      });
      // While it finishes a supervisor takes no connections: one that is refused does not tell of the end.
      while (await spawner.probe(ID)) await pause(PAUSE_MS);
    } finally {
      await spawner.close();
    }
    const record = parseExitRecord(readFileSync(join(exits, ID)));
    if (record.executed) return undefined;
    return record.failure ?? { step: 'execute', errno: 0, subject: '/cell', second: '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** The folders of a state folder, as far as the launcher looks, and an image that holds one program. */
const layOut = (folder: string, launcher: string, plan: Buffer): void => {
  const image = join(folder, 'image');
  const { jobs, exits } = statePaths(folder);
  for (const path of [folder, exits, jobs, join(jobs, ID)]) mkdirSync(path, { mode: 0o700 });
  for (const path of ['', 'proc', 'sys', 'dev']) {
    mkdirSync(join(image, path));
    chmodSync(join(image, path), 0o755);
  }
  copyFileSync(launcher, join(image, 'cell'));
  chmodSync(join(image, 'cell'), 0o755);
  writeFileSync(join(jobs, ID, JOB_FILES.plan), plan, { mode: 0o600 });
};

const planOf = (
  folder: string,
  { ids, clocks, cgroup }: { ids: JobIds; clocks: boolean; cgroup: CgroupPlan | null },
): Buffer =>
  encodePlan({
    cgroup,
    uids: ids.uids,
    gids: ids.gids,
    root: {
      image: join(folder, 'image'),
      owners: ids.owners,
      layerOptions: `mode=755,size=${MIB}`,
      overlayOptions: ids.overlay,
    },
    steps: mountSteps({ shm: MIB, ids: ids.count, hostname: ID, cgroup: cgroup !== null }),
    hostname: ID,
    clocks,
    argv: ['/cell'],
    env: [],
    workdir: '/',
    user: { uid: 0, gid: 0, groups: [] },
    capabilities: 0n,
    oomScore: 0,
    keepGroups: !ids.groups,
    resourceLimits: resourceLimits(null),
    seccomp: cellFilter(),
    umask: 0o022,
    stdin: false,
    timeout: 10_000,
    cpuTime: null,
    output: MIB,
    outputPolicy: 'KILL',
  });
