/** `cloister doctor`: checks whether this machine can run jobs. */

import { release } from 'node:os';
import { statePaths } from '../../state/paths.ts';
import { checkCell } from './cell.ts';
import { checkCgroups } from './cgroups.ts';
import type { Check, Machine } from './check.ts';
import { checkImages } from './image.ts';
import { checkCorePattern, checkKernel, checkOverlay, checkSeccomp } from './kernel.ts';
import { checkLauncher } from './launcher.ts';
import { checkNamespaces, checkVisibility } from './namespaces.ts';
import { checkPools } from './pools.ts';
import { checkState } from './state.ts';

export type { Check } from './check.ts';

/** What the doctor examines. */
export interface DoctorOptions {
  /** The state folder; need not exist. */
  readonly stateDir: string;
  /** Default `images` in the state folder. */
  readonly imagesDir?: string;
  /** Path of the `cell` binary. */
  readonly launcher: string;
  /** First of the ids that cells should have. */
  readonly idBase: number;
  /** The cgroup that the server is to use. */
  readonly cgroupRoot?: string | undefined;
}

/**
 * Checks whether this machine can run jobs. Makes no lasting changes.
 *
 * @returns the results, from the kernel up to the state folder
 */
export const doctor = async (options: DoctorOptions): Promise<readonly Check[]> => {
  const { stateDir, imagesDir = statePaths(stateDir).images, launcher, idBase, cgroupRoot } = options;
  const machine: Machine = { proc: '/proc', release: release(), uid: process.geteuid?.() ?? -1 };
  const findings = await Promise.all([
    checkKernel(machine),
    checkNamespaces(machine),
    checkVisibility(machine),
    checkOverlay(machine),
    checkSeccomp(machine),
    checkCgroups(machine, cgroupRoot),
    checkCorePattern(machine),
    checkPools(machine),
    checkLauncher(launcher),
    checkCell({ launcher, idBase, stateDir, imagesDir }),
    checkImages(imagesDir),
    checkState(machine, stateDir),
  ]);
  return findings.flat();
};
