/** cgroup v2: the tree of the server, limits and usage of jobs. */

export { type CgroupCeilings, setCeilings } from './ceilings.ts';
export { CONTROLLERS, type ControllerName, type Obstacle } from './controllers.ts';
export { formatCpus, parseCpus } from './cpu-list.ts';
export { CgroupError } from './error.ts';
export { hugePageSettings } from './huge-pages.ts';
export { noCgroups } from './none.ts';
export { pageSize } from './page-size.ts';
export { removeCgroup } from './remove.ts';
export {
  type CgroupIoLimit,
  type CgroupLimits,
  cgroupSettings,
  cpuMax,
  type MissingController,
  missingController,
  wholePages,
} from './settings.ts';
export { type Swept, sweep } from './sweep.ts';
export { type CgroupOptions, type Cgroups, openCgroups } from './tree.ts';
export { type CgroupUsage, numberIn, parseUsage, readNumber, readUsage, USAGE_FILES } from './usage.ts';
