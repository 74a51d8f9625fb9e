import { release } from 'node:os';
import { join } from 'node:path';
import { checkCell } from './doctor/cell.ts';
import { checkCgroups } from './doctor/cgroups.ts';
import type { Check, Machine } from './doctor/check.ts';
import { checkImages } from './doctor/image.ts';
import { checkCorePattern, checkKernel, checkOverlay, checkSeccomp } from './doctor/kernel.ts';
import { checkLauncher } from './doctor/launcher.ts';
import { checkNamespaces, checkVisibility } from './doctor/namespaces.ts';
import { checkState } from './doctor/state.ts';

export type { Check } from './doctor/check.ts';

export interface DoctorOptions {
  /** The state folder; need not be there. */
  readonly stateDir: string;
  /** Default `images` in the state folder. */
  readonly imagesDir?: string;
  /** Path of the `cell` binary. */
  readonly launcher: string;
  /** First of the ids that cells are to have. */
  readonly idBase: number;
  /** The cgroup that the server is told to use. */
  readonly cgroupRoot?: string | undefined;
}

/**
 * Examines whether this machine can run jobs. Changes nothing that lasts.
 *
 * @returns the findings, from the kernel up to the state folder
 */
export const doctor = async (options: DoctorOptions): Promise<readonly Check[]> => {
  const { stateDir, imagesDir = join(stateDir, 'images'), launcher, idBase, cgroupRoot } = options;
  const machine: Machine = { proc: '/proc', release: release(), uid: process.geteuid?.() ?? -1 };
  const findings = await Promise.all([
    checkKernel(machine),
    checkNamespaces(machine),
    checkVisibility(machine),
    checkOverlay(machine),
    checkSeccomp(machine),
    checkCgroups(machine, cgroupRoot),
    checkCorePattern(machine),
    checkLauncher(launcher),
    checkCell({ launcher, idBase, stateDir }),
    checkImages(imagesDir),
    checkState(machine, stateDir),
  ]);
  return findings.flat();
};
