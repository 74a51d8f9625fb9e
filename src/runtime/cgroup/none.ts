/** What a server has instead of a tree of cgroups if it may not make any. */

import { CONTROLLERS } from './controllers.ts';
import type { CgroupError } from './error.ts';
import type { Cgroups } from './tree.ts';

/**
 * For a server that may not make cgroups: nothing limits or measures its jobs. They live in the cgroup of the server, and
 * when init of a cell ends, so do all processes of the cell.
 */
export const noCgroups = ({ reason, remedy }: CgroupError): Cgroups => ({
  path: null,
  server: null,
  supervisors: null,
  jobs: null,
  controllers: [],
  obstacles: new Map(CONTROLLERS.map((name) => [name, { reason, remedy }])),
  jobPath: () => null,
  close: async () => undefined,
});
