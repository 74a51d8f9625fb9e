/** Makes a cell to find out whether this machine can run jobs. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { JOB_FILES, statePaths } from '../state/paths.ts';
import { CLOCKS_START_S } from './clocks.ts';
import type { CellIds, JobIds } from './ids/index.ts';
import { mountSteps } from './mounts.ts';
import { Control } from './protocol/control.ts';
import { type LaunchFailure, parseExitRecord } from './protocol/exit-record.ts';
import { type CgroupPlan, encodePlan, NO_JOB } from './protocol/plan.ts';
import { Spawner } from './protocol/spawner.ts';
import { resourceLimits } from './rlimits.ts';
import { cellFilter } from './seccomp/index.ts';
import { openTestImage, type TestImage } from './test-image.ts';

/** What the test cell is made with. */
export interface TestCellOptions {
  /** Path of the `cell` binary. */
  readonly launcher: string;
  readonly ids: JobIds & Pick<CellIds, 'enter'>;
  /** The cell has clocks of its own. */
  readonly clocks: boolean;
  /** The cell has device nodes of its own. */
  readonly devices: boolean;
  /** A folder that is made for the files of the cell, and removed afterwards. */
  readonly folder: string;
  /** The folder of the images: its file system decides what a cell can have. Made if it does not exist. */
  readonly imagesDir: string;
  /** The cgroup that is made for the cell, and that of its supervisor. */
  readonly cgroup?: CgroupPlan | null;
  readonly supervisors?: string | null;
}

const ID = 'test-cell';
const PAUSE_MS = 2;
const MIB = 1024 * 1024;

/**
 * Makes a cell as jobs get it and executes a program in it. Many things can forbid cells on a machine (sysctls,
 * AppArmor, seccomp, covered parts of /proc, stacked overlays), and trying is more reliable than any list of them.
 *
 * @returns the step that failed; `undefined` when all went well
 * @throws SpawnError when not even a supervisor could be started
 */
export const tryCell = async (options: TestCellOptions): Promise<LaunchFailure | undefined> => {
  const { launcher, ids, clocks, devices, folder, imagesDir, cgroup = null, supervisors } = options;
  const image = openTestImage(imagesDir, launcher, folder);
  try {
    layOut(folder, planOf(image, { ids, clocks, devices, cgroup }));
    const { jobs, exits } = statePaths(folder);
    const spawner = new Spawner({ launcher, enter: ids.enter, jobs, cgroup: supervisors ?? '' });
    try {
      await spawner.start(ID);
      await new Promise<void>((resolve) => {
        new Control(join(jobs, ID), { running: () => undefined, ended: () => resolve() });
      });
      // A supervisor that is finishing accepts no connections: a refusal does not mean that it has ended.
      while (await spawner.probe(ID)) await pause(PAUSE_MS);
    } finally {
      await spawner.close();
    }
    const record = parseExitRecord(readFileSync(join(exits, ID)));
    if (record.executed) return undefined;
    return record.failure ?? { step: 'execute', errno: 0, subject: image.program, second: '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    image.dispose();
  }
};

/** The parts of a state folder that the launcher uses. */
const layOut = (folder: string, plan: Buffer): void => {
  const { jobs, exits } = statePaths(folder);
  for (const path of [folder, exits, jobs, join(jobs, ID)]) mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(jobs, ID, JOB_FILES.plan), plan, { mode: 0o600 });
};

const planOf = (
  image: TestImage,
  {
    ids,
    clocks,
    devices,
    cgroup,
  }: Pick<TestCellOptions, 'ids' | 'clocks' | 'devices'> & { cgroup: CgroupPlan | null },
): Buffer =>
  encodePlan({
    ...NO_JOB,
    cgroup,
    uids: ids.uids,
    gids: ids.gids,
    root: {
      image: image.root,
      lowers: [],
      owners: ids.owners,
      layerOptions: `mode=755,size=${MIB}`,
      overlayOptions: ids.overlay,
    },
    steps: mountSteps({ shmBytes: MIB, ids: ids.count, hostname: ID, cgroup: cgroup !== null, devices }),
    hostname: ID,
    clocks: clocks ? CLOCKS_START_S : null,
    argv: [image.program],
    oomScore: 0,
    keepGroups: !ids.groups,
    resourceLimits: resourceLimits(null),
    seccomp: cellFilter(),
    umask: 0o022,
    stop: { signal: 'SIGKILL', scope: 'COMMAND' },
    timeoutMs: 10_000,
    outputBytes: MIB,
  });
