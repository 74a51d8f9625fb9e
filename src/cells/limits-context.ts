/** What the limits of a request are checked against on this machine. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ceilings, limitSetting, type ServeConfig } from '../config/config.ts';
import type { CgroupLimit, CommonLimit, LimitsContext } from '../jobs/offer.ts';
import { DiskError, diskAt, diskBelow, wholeDisk } from '../runtime/cgroup/disk.ts';
import { type Cgroups, missingController, parseCpus, wholePages } from '../runtime/cgroup/index.ts';

/**
 * What limits of jobs are checked against, from the settings of the server and what the machine supports.
 *
 * @throws Error for a maximum that was set and cannot be enforced here: jobs would exceed it
 */
export const limitsContext = (config: ServeConfig, cgroups: Cgroups): LimitsContext => {
  const missing = (limit: CgroupLimit): string | undefined => why(limit, cgroups);
  checkEnforced(config, missing);
  return {
    defaults: config.defaultLimits,
    maxima: { ...config.maxima, ...belowCeilings(config) },
    capacity: config.queue,
    missing,
    cpus: () => (cgroups.jobs === null ? [] : usableCpus(cgroups.jobs)),
    disk: (device) => findDisk(device, config.stateDir),
    wholePages,
  };
};

const findDisk = (
  device: string | undefined,
  stateDir: string,
): { readonly device: string } | { readonly problem: string } => {
  try {
    if (device === undefined) return { device: diskBelow(stateDir) };
    return { device: device.startsWith('/') ? diskAt(device) : wholeDisk(device) };
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return {
      problem:
        device === undefined
          ? 'the state folder lies on no disk whose traffic can be limited'
          : error.message,
    };
  }
};

const KINDS = ['max', 'ceiling', 'capacity'] as const;

/** @throws Error that names the setting, with the remedy */
const checkEnforced = (
  { set, maxima, ceilings, queue }: ServeConfig,
  missing: (limit: CgroupLimit) => string | undefined,
): void => {
  const bounds: Record<(typeof KINDS)[number], Partial<Record<CommonLimit, number | null>>> = {
    max: maxima,
    ceiling: ceilings,
    capacity: { memoryBytes: queue.memoryBytes, cpus: queue.cpus },
  };
  for (const limit of ['cpus', 'memoryBytes', 'swapBytes', 'pids'] as const) {
    const reason = missing(limit);
    if (reason === undefined) continue;
    for (const kind of KINDS) {
      const given = set.get(limitSetting(kind, limit));
      if (given !== undefined && (bounds[kind][limit] ?? null) !== null)
        throw new Error(`${given.by}: this server cannot enforce it: ${reason}`);
    }
  }
};

/** One job cannot have more than all jobs together may. */
const belowCeilings = ({ maxima, ceilings }: ServeConfig): Pick<LimitsContext['maxima'], keyof Ceilings> => {
  const least = (one: number | null, other: number | null): number | null =>
    one === null || other === null ? (one ?? other) : Math.min(one, other);
  return {
    memoryBytes: least(maxima.memoryBytes, ceilings.memoryBytes),
    // The init of each cell counts there.
    pids: least(maxima.pids, ceilings.pids === null ? null : Math.max(1, ceilings.pids - 1)),
    cpus: least(maxima.cpus, ceilings.cpus),
  };
};

const why = (limit: CgroupLimit, cgroups: Cgroups): string | undefined => {
  if (limit === 'cpuTimeMs') {
    // cpu.stat is there without any controller (cgroup-v2.rst).
    if (cgroups.path !== null) return undefined;
    const { reason, remedy } = [...cgroups.obstacles.values()][0] ?? { reason: 'no cgroup', remedy: 'none' };
    return `${reason} (${remedy})`;
  }
  const found = missingController(limit, cgroups);
  return found && `${found.reason} (${found.remedy})`;
};

const usableCpus = (cgroup: string): readonly number[] =>
  parseCpus(readFileSync(join(cgroup, 'cpuset.cpus.effective'), 'utf8').trim()) ?? [];
