/** Determines, when the server starts, which features cells can have on this machine. */

import { rmSync } from 'node:fs';
import type { ServeConfig } from '../config/config.ts';
import type { Log } from '../log.ts';
import { CgroupError, type Cgroups, noCgroups, openCgroups, setCeilings } from '../runtime/cgroup/index.ts';
import {
  type CellIds,
  findCellIds,
  type IdSlots,
  IdsError,
  mayMakeDevices,
  slotsOf,
} from '../runtime/ids/index.ts';
import { describeStep, explainStep } from '../runtime/launch-failure.ts';
import type { LaunchFailure } from '../runtime/protocol/exit-record.ts';
import { SpawnError } from '../runtime/protocol/spawner.ts';
import { remedyFor } from '../runtime/remedies.ts';
import { type TestCellOptions, tryCell } from '../runtime/test-cell.ts';
import { statePaths } from '../state/paths.ts';

/** What the machine offers to cells. */
export interface Host {
  readonly ids: CellIds;
  /** A range of ids for each job; `undefined`: all share those of `ids`. */
  readonly slots: IdSlots | undefined;
  /** Cells have clocks of their own. */
  readonly clocks: boolean;
  /** Cells have device nodes of their own. */
  readonly devices: boolean;
  readonly cgroups: Cgroups;
}

/**
 * Finds out what cells can have on this machine, logs it, and makes one, so that a machine that forbids cells is
 * reported when the server starts and not by the first job.
 *
 * @throws Error with the remedy, when no cell can be made here
 */
export const openHost = async (
  config: ServeConfig,
  cleanup: { add(step: () => unknown): void },
  log: Log,
): Promise<Host> => {
  const ids = await idsOf(config);
  if (ids.notice !== undefined)
    log(ids.remedy === undefined ? ids.notice : `${ids.notice}; for more: ${ids.remedy}`, { level: 'warn' });
  const cgroups = await cgroupsOf(config);
  cleanup.add(() => cgroups.close());
  await setCeilings(cgroups, config.ceilings);
  logLimits(cgroups, log);
  const tryWith = (change: Partial<Pick<TestCellOptions, 'ids' | 'clocks' | 'devices'>>) =>
    tryOne(config, cgroups, { ids, clocks: false, devices: false, ...change });
  const slots = slotsOf(ids);
  const own = slots === undefined ? {} : { ids: { ...slots.take(TEST_CELL), enter: ids.enter } };
  slots?.release(TEST_CELL);
  // Tried with every feature first, then without one after the other.
  const devices = mayMakeDevices(ids);
  const whole = await tryWith({ ...own, clocks: true, devices });
  if (!devices) log(HOST_DEVICES, { level: 'warn' });
  if (whole === undefined) return { ids, slots, clocks: true, devices, cgroups };
  const failure = await tryWith({});
  if (failure !== undefined)
    throw new Error(`cells cannot be made here: ${describeStep(failure)}: ${await remedyFor(failure)}`);
  const unmapped = slots === undefined ? undefined : await tryWith(own);
  if (unmapped !== undefined)
    log(`all cells share one range of ids: ${explainStep(unmapped)}`, { level: 'warn' });
  const unclocked = await tryWith({ clocks: true });
  if (unclocked !== undefined)
    log(`cells see how long the machine has been up: no time namespaces (${describeStep(unclocked)})`, {
      level: 'warn',
    });
  const unmade = devices ? await tryWith({ devices }) : undefined;
  if (unmade !== undefined) log(`${HOST_DEVICES} (${describeStep(unmade)})`, { level: 'warn' });
  return {
    ids,
    slots: unmapped === undefined ? slots : undefined,
    clocks: unclocked === undefined,
    devices: devices && unmade === undefined,
    cgroups,
  };
};

const HOST_DEVICES =
  'cells have the device nodes of the host: locks on /dev/null and the like are shared with it';

const idsOf = async (config: ServeConfig): Promise<CellIds> => {
  try {
    return await findCellIds(config);
  } catch (error) {
    if (!(error instanceof IdsError)) throw error;
    const remedy = await remedyFor({ step: 'namespace', errno: 0 });
    throw new Error(`${error.message}: run the server as root, or: ${remedy}`, { cause: error });
  }
};

/** A server that is root makes cgroups or does not start; any other continues without. */
const cgroupsOf = async ({ stateDir, cgroupRoot }: ServeConfig): Promise<Cgroups> => {
  try {
    return await openCgroups({ stateDir, root: cgroupRoot });
  } catch (error) {
    if (!(error instanceof CgroupError) || cgroupRoot !== undefined || process.geteuid?.() === 0) throw error;
    return noCgroups(error);
  }
};

const logLimits = ({ path, controllers, obstacles }: Cgroups, log: Log): void => {
  if (path === null) {
    const { reason = '', remedy = '' } = obstacles.values().next().value ?? {};
    log(`no cgroup for jobs, so no limits on CPUs, memory and pids: ${reason}; remedy: ${remedy}`, {
      level: 'warn',
    });
    return;
  }
  for (const [remedy, names] of Map.groupBy(obstacles.keys(), (name) => obstacles.get(name)?.remedy))
    log(`limits by the cgroup controllers ${names.join(', ')} cannot be enforced here; remedy: ${remedy}`, {
      level: 'warn',
    });
  log(`cgroup ${path}, controllers: ${controllers.join(' ') || 'none'}`);
};

const TEST_CELL = 'test-cell';

const tryOne = async (
  { stateDir, launcher }: ServeConfig,
  cgroups: Cgroups,
  cell: Pick<TestCellOptions, 'ids' | 'clocks' | 'devices'>,
): Promise<LaunchFailure | undefined> => {
  const { testCell: folder, images: imagesDir } = statePaths(stateDir);
  // Left by a server that was killed during its own test.
  rmSync(folder, { recursive: true, force: true });
  const path = cgroups.jobPath(TEST_CELL);
  const cgroup = path === null ? null : { path, settings: [], collect: [] };
  try {
    return await tryCell({ ...cell, launcher, folder, imagesDir, cgroup, supervisors: cgroups.supervisors });
  } catch (error) {
    if (!(error instanceof SpawnError)) throw error;
    throw new Error(`cells cannot be made here: ${error.message}`, { cause: error });
  }
};
