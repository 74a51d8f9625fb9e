/** Turns limits into values for the files of a cgroup. */

import { withoutUnit } from '../../units.ts';
import type { CgroupSetting } from '../protocol/plan.ts';
import type { ControllerName, Obstacle } from './controllers.ts';
import { pageSize } from './page-size.ts';

/** What a job may read from and write to one disk per second: bytes and operations; `null`: not limited. */
export interface CgroupIoLimit {
  /** `major:minor` of a whole disk. */
  readonly device: string;
  readonly readBps: number | null;
  readonly writeBps: number | null;
  readonly readIops: number | null;
  readonly writeIops: number | null;
}

/** The limits of a job that cgroups enforce; `null`: not limited. */
export interface CgroupLimits {
  /** CPU time per period, in CPUs: 0.5 is half a core. */
  readonly cpus: number | null;
  /** From 1 to 10000; the default of other jobs is 100. */
  readonly cpuWeight: number | null;
  /** A list of CPUs in the form in which the kernel prints it: see `parseCpus`. */
  readonly cpuset: string | null;
  /** Bytes. */
  readonly memoryBytes: number | null;
  readonly memoryHighBytes: number | null;
  readonly swapBytes: number | null;
  /** Processes and threads, the cell's init not counted. */
  readonly pids: number | null;
  readonly io: readonly CgroupIoLimit[];
}

/** A limit that this host cannot enforce. */
export interface MissingController extends Obstacle {
  readonly controller: ControllerName;
}

const CONTROLLER_OF: Readonly<Record<keyof CgroupLimits, ControllerName>> = {
  cpus: 'cpu',
  cpuWeight: 'cpu',
  cpuset: 'cpuset',
  memoryBytes: 'memory',
  memoryHighBytes: 'memory',
  swapBytes: 'memory',
  pids: 'pids',
  io: 'io',
};

const PERIOD_US = 100_000;
const LEAST_QUOTA_US = 1_000;
// PID_MAX_LIMIT of the kernel: pids.max accepts no higher number.
const MOST_PIDS = 4_194_304;

/**
 * What to write to the files of a job's cgroup before anything runs there (cgroup-v2.rst). Each value is
 * written as the kernel prints it, so that reading it back shows whether it is in force.
 *
 * @throws Error for a limit whose controller is missing: it is never silently dropped
 */
export const cgroupSettings = (
  limits: CgroupLimits,
  controllers: readonly ControllerName[],
): readonly CgroupSetting[] => {
  for (const [name, controller] of Object.entries(CONTROLLER_OF))
    if (isSet(limits[name as keyof CgroupLimits]) && !controllers.includes(controller))
      throw new Error(
        `limits.${withoutUnit(name)}: this host has no cgroup controller ${JSON.stringify(controller)}`,
      );
  const { memoryBytes: memory, memoryHighBytes: memoryHigh, swapBytes: swap, pids } = limits;
  const settings: CgroupSetting[] = [];
  const set = (file: string, value: string | number, optional = false) =>
    settings.push({ file, value: String(value), optional });
  if (memory !== null) {
    set('memory.max', wholePages(memory));
    set('memory.oom.group', 1);
  }
  if (memoryHigh !== null) set('memory.high', wholePages(memoryHigh));
  // A kernel that does not account for swap has no such file.
  if (swap !== null) set('memory.swap.max', wholePages(swap), true);
  // One more for the init of the cell.
  if (pids !== null) set('pids.max', Math.min(pids + 1, MOST_PIDS));
  if (limits.cpus !== null) set('cpu.max', cpuMax(limits.cpus));
  if (limits.cpuWeight !== null) set('cpu.weight', limits.cpuWeight);
  if (limits.cpuset !== null) set('cpuset.cpus', limits.cpuset);
  for (const limit of limits.io) set('io.max', ioMax(limit));
  return settings;
};

const isSet = (limit: CgroupLimits[keyof CgroupLimits]): boolean =>
  Array.isArray(limit) ? limit.length > 0 : limit !== null;

/** A value of cpu.max: the quota in each period, in microseconds. */
export const cpuMax = (cpus: number): string =>
  `${Math.max(LEAST_QUOTA_US, Math.round(cpus * PERIOD_US))} ${PERIOD_US}`;

const ioMax = ({ device, readBps, writeBps, readIops, writeIops }: CgroupIoLimit): string =>
  `${device} rbps=${readBps ?? 'max'} wbps=${writeBps ?? 'max'} riops=${readIops ?? 'max'} wiops=${writeIops ?? 'max'}`;

/** Why a limit cannot be enforced here; `undefined` if it can. */
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
    remedy: '`cloister doctor` says why',
  };
  return { controller, ...obstacle };
};

/** The kernel counts in pages and rounds down (page_counter_memparse). */
export const wholePages = (bytes: number): number => Math.floor(bytes / pageSize()) * pageSize();
