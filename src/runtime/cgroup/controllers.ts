/** The cgroup controllers: enabling them, and why one is missing. */

import { release } from 'node:os';
import { join } from 'node:path';
import { errnoName } from '../../errno.ts';
import { readWords, writeValue } from './files.ts';
import type { Hierarchy } from './hierarchy.ts';

/** The controllers that limit and measure jobs. */
export const CONTROLLERS = ['cpu', 'memory', 'pids', 'io', 'cpuset'] as const;
export type ControllerName = (typeof CONTROLLERS)[number];

/** Why a controller is missing, and what to do about it. */
export interface Obstacle {
  readonly reason: string;
  readonly remedy: string;
}

/** Where a controller could not be enabled: the errno(3) name, or `absent` if the parent does not have it. */
export interface Refusal {
  readonly path: string;
  readonly code: string;
}

const MOST_TRIES = 20;

/**
 * Enables controllers along a line of cgroups, each the parent of the next, so that the children of the last have them.
 * Disables nothing.
 *
 * @param makeRoom moves the processes out of a cgroup, which cannot have processes and enable controllers ("no internal
 *   process constraint" of cgroup-v2.rst); false if it may not
 * @returns for each controller that could not be enabled, where
 */
export const enableControllers = async <Name extends string>(
  line: readonly string[],
  names: readonly Name[],
  makeRoom: (path: string) => Promise<boolean>,
): Promise<ReadonlyMap<Name, Refusal>> => {
  const refused = new Map<Name, Refusal>();
  for (const path of line) {
    const available = await readWords(join(path, 'cgroup.controllers'));
    const enabled = await readWords(join(path, 'cgroup.subtree_control'));
    for (const name of names) {
      if (refused.has(name) || enabled.includes(name)) continue;
      const code = available.includes(name) ? await enable(path, name, makeRoom) : 'absent';
      if (code !== undefined) refused.set(name, { path, code });
    }
  }
  return refused;
};

const enable = async (
  path: string,
  name: string,
  makeRoom: (path: string) => Promise<boolean>,
): Promise<string | undefined> => {
  for (let tries = 1; ; tries++) {
    try {
      await writeValue(join(path, 'cgroup.subtree_control'), `+${name}`);
      return undefined;
    } catch (error) {
      const code = errnoName(error);
      if (code === undefined) throw error;
      // Each round finds fewer: children of a moved process start in its new cgroup.
      if (code !== 'EBUSY' || tries === MOST_TRIES || !(await makeRoom(path))) return code;
    }
  }
};

/**
 * Explains why a controller is missing, from where it could not be enabled.
 *
 * @param kernel its release, as uname(2) reports it
 */
export const explain = (
  name: ControllerName,
  { path, code }: Refusal,
  hierarchy: Hierarchy,
  kernel = release(),
): Obstacle => {
  const controller = `the cgroup controller "${name}"`;
  switch (code) {
    case 'absent':
      return explainAbsent(name, hierarchy, kernel);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return {
        reason: `${controller} may not be enabled in ${path} (${code})`,
        // The systemd of a user has only some controllers, unless its own unit asks for more.
        remedy: /\/user(?:-\d+)?\.slice$/.test(path)
          ? 'as root: systemctl edit user@.service, add "[Service]" and "Delegate=cpu cpuset io memory pids", log in again'
          : WRITE_ACCESS,
      };
    case 'EBUSY':
      return {
        reason: `${controller} cannot be enabled in ${path}, where processes live`,
        remedy: 'move them to a cgroup below it, or name another cgroup with --cgroup-root',
      };
    case 'EINVAL':
      return {
        reason: `${controller} was refused in ${path} (EINVAL)`,
        remedy:
          name === 'cpu'
            ? 'end real-time processes outside of the root cgroup, or use a kernel without CONFIG_RT_GROUP_SCHED'
            : 'name another cgroup with --cgroup-root',
      };
    default:
      return {
        reason: `${controller} was refused in ${path} (${code})`,
        remedy: 'name another cgroup with --cgroup-root',
      };
  }
};

/** How a server gets the right to make cgroups. */
export const WRITE_ACCESS =
  'run the server as root, or let systemd delegate a cgroup to it: Delegate=yes in its unit, or in a terminal ' +
  'systemd-run --user --scope -p Delegate=yes cloister serve; a container needs a writable cgroup mount: ' +
  'docker run --cgroupns=private with --cap-add SYS_ADMIN and the entry point of the image of Cloister, which mounts it so, ' +
  'or with --security-opt writable-cgroups=true (Docker Engine 28), or --privileged';

const explainAbsent = (name: ControllerName, { v1, isRoot }: Hierarchy, kernel: string): Obstacle => {
  const controller = `the cgroup controller "${name}"`;
  // The io controller is called blkio in v1.
  if (v1.has(name === 'io' ? 'blkio' : name)) {
    return {
      reason: `${controller} is bound to cgroup v1 on this machine`,
      remedy: kernel.includes('microsoft')
        ? 'put kernelCommandLine=cgroup_no_v1=all below [wsl2] in .wslconfig of the Windows user, and ' +
          'systemd=true below [boot] in /etc/wsl.conf; then run wsl --shutdown'
        : 'boot the machine with the kernel parameter systemd.unified_cgroup_hierarchy=1; ' +
          'without systemd, with cgroup_no_v1=all and cgroup2 mounted on /sys/fs/cgroup',
    };
  }

  if (!isRoot) {
    return {
      reason: `${controller} is not handed to this container`,
      remedy: `enable it in cgroup.subtree_control of the cgroup above the container's on the host`,
    };
  }
  return {
    reason: `${controller} is not in this kernel, or is turned off`,
    remedy: `boot with the kernel parameter cgroup_enable=${name}, or use a kernel with ${KERNEL_OPTION[name]}`,
  };
};

const KERNEL_OPTION: Readonly<Record<ControllerName, string>> = {
  cpu: 'CONFIG_CGROUP_SCHED and CONFIG_CFS_BANDWIDTH',
  memory: 'CONFIG_MEMCG',
  pids: 'CONFIG_CGROUP_PIDS',
  io: 'CONFIG_BLK_CGROUP',
  cpuset: 'CONFIG_CPUSETS',
};
