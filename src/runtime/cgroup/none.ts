import { CONTROLLERS } from './controllers.ts';
import type { CgroupError } from './error.ts';
import type { Cgroups } from './tree.ts';

/**
 * What a server has that may make no cgroup: nothing to limit or measure jobs with. They live in the server's own
 * cgroup, and the death of a cell's init ends all that is in it.
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
