/** Whether this machine can run the tests of limits without a virtual machine. */

import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { cgroup2Mount } from '../support/cgroup2.ts';

/** What the tests of limits need: controllers of cgroup v2, as named in its kernel document. */
export const CONTROLLERS = ['cpu', 'io', 'memory', 'pids'] as const;

/**
 * Looks whether this machine can run the tests of limits by itself, by making a cgroup below the root of the cgroup2
 * hierarchy. Nothing of the machine's own is changed: a controller that is not passed on to the children of that root
 * counts as absent.
 *
 * @returns undefined when it can, otherwise the reason why not
 */
export const whyNotHere = (): string | undefined => {
  if (process.platform !== 'linux') return `this is not Linux but ${process.platform}`;
  try {
    const probe = join(cgroup2Mount(), `cloister-probe-${process.pid}`);
    mkdirSync(probe);
    try {
      const present = readFileSync(join(probe, 'cgroup.controllers'), 'utf8').trim().split(' ');
      const missing = CONTROLLERS.filter((controller) => !present.includes(controller));
      return missing.length === 0
        ? undefined
        : `cgroup v2 has no controller ${missing.join(', ')} on this machine`;
    } finally {
      rmdirSync(probe);
    }
  } catch (error) {
    return `no cgroup can be made on this machine (${error instanceof Error ? error.message : String(error)})`;
  }
};
