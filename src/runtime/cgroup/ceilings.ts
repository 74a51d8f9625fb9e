/** Bounds what all jobs together may use. */

import { join } from 'node:path';
import type { ControllerName } from './controllers.ts';
import { writeValue } from './files.ts';
import { cpuMax, wholePages } from './settings.ts';
import type { Cgroups } from './tree.ts';

/** What bounds all jobs together; `null`: nothing. */
export interface CgroupCeilings {
  /** Bytes. */
  readonly memoryBytes: number | null;
  /** Processes and threads, the inits of cells included. */
  readonly pids: number | null;
  readonly cpus: number | null;
}

// Ten times the share of jobs: the server has to respond while a job takes all the CPU time there is.
const OWN_WEIGHT = 1000;

/**
 * Bounds all jobs together, in the cgroup above theirs, and gives the server and the supervisors precedence over them.
 * Overwrites what an earlier server set. A bound whose controller is missing is skipped: see `Cgroups.obstacles`.
 */
export const setCeilings = async (
  { jobs, server, supervisors, controllers }: Cgroups,
  { memoryBytes: memory, pids, cpus }: CgroupCeilings,
): Promise<void> => {
  const set = async (
    controller: ControllerName,
    cgroup: string | null,
    file: string,
    value: number | string,
  ): Promise<void> => {
    if (cgroup !== null && controllers.includes(controller))
      await writeValue(join(cgroup, file), String(value));
  };
  await set('memory', jobs, 'memory.max', memory === null ? 'max' : wholePages(memory));
  await set('pids', jobs, 'pids.max', pids ?? 'max');
  await set('cpu', jobs, 'cpu.max', cpus === null ? 'max' : cpuMax(cpus));
  for (const own of [server, supervisors]) await set('cpu', own, 'cpu.weight', OWN_WEIGHT);
};
