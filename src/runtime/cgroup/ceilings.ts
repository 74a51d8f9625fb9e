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

// Ten times the share of jobs: who asks for the end of a job that takes all there is shall be heard.
const OWN_WEIGHT = 1000;

/**
 * Bounds all jobs together, in the cgroup above theirs, and gives the server and the supervisors precedence over them.
 * What an earlier server set is set anew. A bound whose controller is missing is left out: `Cgroups.obstacles` tells.
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
