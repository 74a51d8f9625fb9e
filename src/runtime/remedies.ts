/** What to do about a machine that forbids cells. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchFailure } from './protocol/exit-record.ts';

/** What the launcher was refused: a step of a cell, or the user namespace that cells are made in. */
export type Refusal = Pick<LaunchFailure, 'step' | 'errno'>;

/**
 * What a person can do about a cell that could not be made. The kernel says no more than "operation not permitted", so
 * the usual causes are checked one by one.
 *
 * @param proc where procfs is mounted
 */
export const remedyFor = async ({ step, errno }: Refusal, proc = '/proc'): Promise<string> => {
  if (reachesNamespaceLimit({ step, errno })) return LIMIT;
  switch (step) {
    case 'mount':
      return errno === EPERM ? `${VISIBLE}; ${await namespaces(proc)}` : DOCTOR;
    case 'overlay':
      if (errno === ENODEV)
        return 'modprobe overlay; to keep it: echo overlay > /etc/modules-load.d/cloister.conf';
      if (errno === EINVAL) return STACKED;
      return namespaces(proc);
    case 'cgroup':
      return 'see the cgroup checks of `cloister doctor`, or name another cgroup with --cgroup-root';
    case 'seccomp':
      return FILTERS;
    case 'unshare':
      return errno === EINVAL ? CHROOT : namespaces(proc);
    case 'id map':
    case 'user':
    case 'clone':
    case 'namespace':
    case 'bind':
    case 'device':
    case 'image':
    case 'layer':
    case 'pivot_root':
      return namespaces(proc);
    default:
      return DOCTOR;
  }
};

// Steps that make namespaces: one for the cell, and one that maps the owners of its image.
const MAKES_NAMESPACES = new Set(['clone', 'unshare', 'namespace', 'owners']);

/** Whether a limit of the user namespace on the number of namespaces was reached (namespaces(7), ENOSPC). */
export const reachesNamespaceLimit = ({ step, errno }: Refusal): boolean =>
  errno === ENOSPC && MAKES_NAMESPACES.has(step);

const EPERM = 1;
const ENODEV = 19;
const EINVAL = 22;
const ENOSPC = 28;

const DOCTOR = '`cloister doctor` says why';

const LIMIT =
  'a limit in /proc/sys/user/max_*_namespaces is reached: raise it, for instance sysctl -w user.max_user_namespaces=10000, ' +
  'and the same in /etc/sysctl.d to keep it';

/** The kernel lets a user namespace mount proc only where no part of it is covered ("mount too revealing"). */
export const VISIBLE =
  'parts of /proc are covered: start the container with --security-opt systempaths=unconfined (Docker, ' +
  'Podman: --security-opt unmask=ALL), in Kubernetes with procMount: Unmasked and hostUsers: false';

// FILESYSTEM_MAX_STACK_DEPTH of the kernel is 2: an overlay on an overlay, and no further.
const STACKED =
  'the state folder lies on too many layers of overlay file systems, as in a container inside of a container: put it ' +
  'on a volume (docker run --volume cloister-state:/var/lib/cloister), or name another folder with --state-dir';

// Its first mount of a cell changes "/", which is refused where "/" is a folder and not a mount (mount(2), EINVAL).
const CHROOT =
  'the server runs in a chroot, where the kernel makes no user namespaces: enter the root with a program that uses ' +
  'pivot_root, such as systemd-nspawn or bwrap';

/** No cell is made without a filter: there is no setting for it. */
export const FILTERS =
  'use a kernel with CONFIG_SECCOMP_FILTER (every distribution has one), and no sandbox around the server that forbids ' +
  'seccomp(2)';

/** Why namespaces may be refused here: each cause that is visible, otherwise those that a container hides. */
const namespaces = async (proc: string): Promise<string> => {
  const found: string[] = [];
  for (const { sysctl, bad, remedy } of RESTRICTIONS) {
    const text = await readFile(join(proc, 'sys', ...sysctl.split('.')), 'utf8').catch(() => '');
    if (text.trim() === bad) found.push(`${sysctl} is ${bad}: ${remedy}`);
  }
  return found.length > 0 ? found.join('; ') : CONTAINER;
};

/** Sysctls that forbid user namespaces to users other than root. */
export const RESTRICTIONS: readonly {
  readonly sysctl: string;
  readonly bad: string;
  readonly remedy: string;
}[] = [
  {
    sysctl: 'kernel.apparmor_restrict_unprivileged_userns',
    bad: '1',
    remedy:
      'Ubuntu lets only programs with a profile make user namespaces. Give the launcher one, as root: ' +
      "printf 'abi <abi/4.0>,\\nprofile cloister LAUNCHER flags=(unconfined) { userns, }\\n' " +
      '> /etc/apparmor.d/cloister with the path of build/cell for LAUNCHER, then apparmor_parser -r ' +
      '/etc/apparmor.d/cloister; or for all programs: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  },
  {
    sysctl: 'kernel.unprivileged_userns_clone',
    bad: '0',
    remedy: 'sysctl -w kernel.unprivileged_userns_clone=1, and the same in /etc/sysctl.d to keep it',
  },
  {
    sysctl: 'user.max_user_namespaces',
    bad: '0',
    remedy: 'sysctl -w user.max_user_namespaces=10000, and the same in /etc/sysctl.d to keep it',
  },
];

const CONTAINER =
  'look for what forbids it: the seccomp or AppArmor profile of a container (docker run --security-opt ' +
  'seccomp=unconfined --security-opt apparmor=unconfined, on Ubuntu with --cap-add SYS_ADMIN), SELinux, ' +
  'RestrictNamespaces= of a systemd unit';
