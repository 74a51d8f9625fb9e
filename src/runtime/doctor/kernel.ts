/** Checks the kernel. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FILTERS } from '../remedies.ts';
import { ARCHITECTURES } from '../seccomp/index.ts';
import { type Check, fail, type Machine, pass, warn } from './check.ts';

/** Cells need cgroup.kill, of Linux 5.14, and make use of pids.peak, of Linux 6.1. */
const NEEDED = [5, 14] as const;
const BETTER = [6, 1] as const;

/** Whether the kernel is new enough. */
export const checkKernel = ({ release }: Machine): Check => {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  const version = [Number(major), Number(minor)] as const;
  const asked = `Linux ${BETTER.join('.')} or newer`;
  if (isAtLeast(version, BETTER)) return pass('kernel', `Linux ${release}`);
  if (isAtLeast(version, NEEDED))
    return warn(
      'kernel',
      `Linux ${release} does not record the peak use of memory or processes`,
      `use ${asked}`,
    );
  return fail('kernel', `Linux ${release}, older than ${NEEDED.join('.')}`, `use ${asked}`);
};

const isAtLeast = (
  [major, minor]: readonly [number, number],
  [leastMajor, leastMinor]: readonly [number, number],
): boolean => major > leastMajor || (major === leastMajor && minor >= leastMinor);

/** The actions that the filter of cells uses (seccomp(2)); the kernel lists those it knows since Linux 4.14. */
const ANSWERS = ['allow', 'errno', 'kill_process'] as const;

/**
 * Whether the kernel can filter the system calls of cells.
 *
 * @param arch as in `process.arch`
 */
export const checkSeccomp = async ({ proc }: Machine, arch: string = process.arch): Promise<Check> => {
  const name = 'seccomp';
  if (ARCHITECTURES[arch] === undefined)
    return fail(name, `no filter for ${arch}`, `use a machine of ${Object.keys(ARCHITECTURES).join(' or ')}`);
  const path = join(proc, 'sys/kernel/seccomp/actions_avail');
  const known = (await readFile(path, 'utf8').catch(() => '')).trim().split(/\s+/);
  const missing = ANSWERS.filter((answer) => !known.includes(answer));
  if (missing.length === 0) return pass(name, 'the kernel filters system calls');
  return fail(name, `the kernel cannot filter system calls: it lacks ${missing.join(', ')}`, FILTERS);
};

/** Whether a crash in a cell starts a program on the host: then a resource limit does not prevent it (core(5)). */
export const checkCorePattern = async ({ proc }: Machine): Promise<Check> => {
  const pattern = (await readFile(join(proc, 'sys/kernel/core_pattern'), 'utf8')).trim();
  if (!pattern.startsWith('|')) return pass('core dumps', 'none start a program on the host');
  return warn(
    'core dumps',
    `a crash in a cell may start a program as root of the host: ${pattern}`,
    'sysctl -w kernel.core_pattern=core, and the same in /etc/sysctl.d to keep it',
  );
};

/** Whether the layers of a cell's root can be mounted. */
export const checkOverlay = async ({ proc, release }: Machine): Promise<Check> => {
  const known = await readFile(join(proc, 'filesystems'), 'utf8');
  if (/^\s*(?:nodev)?\s*overlay$/m.test(known)) return pass('overlay', 'the kernel has it');
  const modules = await readFile(`/lib/modules/${release}/modules.dep`, 'utf8').catch(() => '');
  if (/\/overlay\.ko/.test(modules))
    return warn(
      'overlay',
      'a kernel module that is not loaded',
      'modprobe overlay; to keep it: echo overlay > /etc/modules-load.d/cloister.conf',
    );
  return fail(
    'overlay',
    'this kernel does not have it',
    'modprobe overlay, or use a kernel with CONFIG_OVERLAY_FS',
  );
};
