import type { CgroupSetting } from '../plan.ts';
import type { ControllerName, Obstacle } from './controllers.ts';
import { pageSize } from './page-size.ts';

/** The limits of a job that cgroups enforce; `null`: not bounded. */
export interface CgroupLimits {
  /** CPUs' worth of time: 0.5 is half a core. */
  readonly cpus: number | null;
  /** Bytes. */
  readonly memory: number | null;
  readonly swap: number | null;
  /** Processes and threads, the cell's init not counted. */
  readonly pids: number | null;
}

/** A limit that this host cannot enforce. */
export interface MissingController extends Obstacle {
  readonly controller: ControllerName;
}

const CONTROLLER_OF: Readonly<Record<keyof CgroupLimits, ControllerName>> = {
  cpus: 'cpu',
  memory: 'memory',
  swap: 'memory',
  pids: 'pids',
};

const PERIOD_US = 100_000;
const LEAST_QUOTA_US = 1_000;
// PID_MAX_LIMIT of the kernel, above which pids.max takes no number.
const MOST_PIDS = 4_194_304;

/**
 * What to write to the files of a job's cgroup before anything runs there (cgroup-v2.rst). Each value is as
 * the kernel tells it again, so that reading back shows whether it holds.
 *
 * @throws Error for a limit whose controller is missing: it is never left out in silence
 */
export const cgroupSettings = (
  limits: CgroupLimits,
  controllers: readonly ControllerName[],
): readonly CgroupSetting[] => {
  for (const [name, controller] of Object.entries(CONTROLLER_OF))
    if (limits[name as keyof CgroupLimits] !== null && !controllers.includes(controller))
      throw new Error(`limits.${name}: this host has no cgroup controller ${JSON.stringify(controller)}`);
  const { cpus, memory, swap, pids } = limits;
  const settings: CgroupSetting[] = [];
  const set = (file: string, value: string | number, optional = false) =>
    settings.push({ file, value: String(value), optional });
  if (memory !== null) {
    set('memory.max', wholePages(memory));
    set('memory.oom.group', 1);
  }
  // A kernel that does not account swap has no such file.
  if (swap !== null) set('memory.swap.max', wholePages(swap), true);
  // The cell's init is one that the job did not ask for.
  if (pids !== null) set('pids.max', Math.min(pids + 1, MOST_PIDS));
  if (cpus !== null) {
    const quota = Math.max(LEAST_QUOTA_US, Math.round(cpus * PERIOD_US));
    set('cpu.max', `${quota} ${PERIOD_US}`);
  }
  return settings;
};

/** What keeps a limit from being enforced here; `undefined` when nothing does. */
export const missingController = (
  limit: keyof CgroupLimits,
  cgroups: {
    readonly controllers: readonly ControllerName[];
    readonly obstacles: ReadonlyMap<ControllerName, Obstacle>;
  },
): MissingController | undefined => {
  const controller = CONTROLLER_OF[limit];
  if (cgroups.controllers.includes(controller)) return undefined;
  const obstacle = cgroups.obstacles.get(controller) ?? {
    reason: `the cgroup controller "${controller}" is missing`,
    remedy: '`cloister doctor` tells more',
  };
  return { controller, ...obstacle };
};

// The kernel counts in pages and rounds down (page_counter_memparse).
const wholePages = (bytes: number): number => Math.floor(bytes / pageSize()) * pageSize();
