/** Decides in which cgroup the server makes its tree. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findHierarchy, type Hierarchy, ownCgroup } from './hierarchy.ts';

/** The cgroup in which a tree may be made. */
export interface Base {
  readonly hierarchy: Hierarchy;
  /** Absolute path of the parent of the tree. */
  readonly path: string;
  /**
   * `given`: by the operator; `unit`: systemd delegated it to this unit (`Delegate=`); `container`: everything in it
   * belongs to this container; `own`: the server, which is not root, was started there and may write it; `top`: the
   * root of the hierarchy, if there is nothing closer.
   */
  readonly kind: 'given' | 'unit' | 'container' | 'own' | 'top';
}

/** Where the cgroup of this server is looked for. */
export interface BaseOptions {
  /** Absolute path of the cgroup to use. */
  readonly root?: string | undefined;
  /** Where procfs is mounted. Default `/proc`. */
  readonly proc?: string;
  /** Whether systemd delegated its cgroup to a unit. Default: asks `systemctl show`. */
  readonly isDelegated?: (unit: string, manager: Manager) => Promise<boolean>;
  /** Whether systemd runs this machine. Default: as sd_booted(3). */
  readonly systemd?: boolean;
  /** Whether cgroups may be made in a cgroup. Default: as access(2). */
  readonly isWritable?: (path: string) => Promise<boolean>;
}

/** The systemd that manages a unit: that of the machine, or that of a user. */
export type Manager = 'system' | 'user';

/** Where processes of a base are moved to: a cgroup that enables controllers for its children may have none itself. */
export const OTHERS = 'cloister-others';

/**
 * Decides which cgroup is the parent of the tree. It is the same whenever a server is started, also from inside an earlier
 * tree.
 *
 * systemd manages all cgroups of its machine except those that it delegated (systemd.io/CGROUP_DELEGATION), and the session
 * of a user is not one of them. A server in a session uses a cgroup at the top of the hierarchy, as container engines do,
 * with which systemd does not interfere.
 *
 * @throws CgroupError if there is no cgroup v2, or `root` is not in it
 */
export const findBase = async (options: BaseOptions): Promise<Base> => {
  const { root, proc = '/proc', isDelegated = delegatedBySystemd, isWritable = mayWrite } = options;
  if (root !== undefined) {
    const path = resolve(root);
    return { hierarchy: await findHierarchy(proc, path), path, kind: 'given' };
  }
  const hierarchy = await findHierarchy(proc);
  const { mountPoint, own } = hierarchy;
  const unit = unitOf(mountPoint, own);
  if (unit !== undefined && (await isDelegated(unit.name, unit.manager)))
    return { hierarchy, path: unit.path, kind: 'unit' };
  const shared = await sharedBase(hierarchy, proc);
  const { systemd = hasSystemd() } = options;
  // The cgroup of a unit that was not delegated belongs to systemd, no matter who owns its files.
  if (own === undefined || (systemd && unit !== undefined) || (await isWritable(shared.path))) return shared;
  const path = outsideTrees(mountPoint, own);
  return (await isWritable(path)) ? { hierarchy, path, kind: 'own' } : shared;
};

/** The cgroup of a container, or the top of the hierarchy. */
const sharedBase = async (hierarchy: Hierarchy, proc: string): Promise<Base> => {
  const { mountPoint, isRoot, own } = hierarchy;
  if (!isRoot) return { hierarchy, path: mountPoint, kind: 'container' };
  const outside = own === undefined ? mountPoint : outsideTrees(mountPoint, own);
  if (outside !== mountPoint && (await holdsInit(proc, mountPoint, outside)))
    return { hierarchy, path: outside, kind: 'container' };
  return { hierarchy, path: mountPoint, kind: 'top' };
};

/** The part of a path before a tree of ours. */
const outsideTrees = (mountPoint: string, path: string): string => {
  const parts = relative(mountPoint, path).split('/');
  const first = parts.findIndex((part) => part === OTHERS || /^cloister-[0-9a-f]{8}$/.test(part));
  return join(mountPoint, ...(first < 0 ? parts : parts.slice(0, first)));
};

const unitOf = (
  mountPoint: string,
  own: string | undefined,
): { readonly name: string; readonly path: string; readonly manager: Manager } | undefined => {
  if (own === undefined) return undefined;
  const parts = relative(mountPoint, own).split('/');
  const last = parts.findLastIndex((part) => /\.(?:service|scope)$/.test(part));
  const name = parts[last];
  if (name === undefined) return undefined;
  const manager = parts.slice(0, last).some((part) => /^user@\d+\.service$/.test(part)) ? 'user' : 'system';
  return { name, path: join(mountPoint, ...parts.slice(0, last + 1)), manager };
};

/**
 * Whether PID 1 is in the same cgroup. On a machine it has its own cgroup; sharing one with it means a container whose
 * cgroup namespace is the machine's.
 */
const holdsInit = async (proc: string, mountPoint: string, path: string): Promise<boolean> => {
  const init = ownCgroup(await readFile(join(proc, '1/cgroup'), 'utf8').catch(() => ''));
  return init !== undefined && outsideTrees(mountPoint, join(mountPoint, init)) === path;
};

const mayWrite = async (path: string): Promise<boolean> => {
  // cgroup-v2.rst, "Model of Delegation": the files of a delegated cgroup that its user may write.
  const files = ['', 'cgroup.procs', 'cgroup.subtree_control'].map((name) => join(path, name));
  const denied = await Promise.all(files.map((file) => access(file, constants.W_OK).catch(() => 'denied')));
  return !denied.includes('denied');
};

// sd_booted(3): systemd runs this machine if the folder exists.
const hasSystemd = (): boolean => existsSync('/run/systemd/system');

const delegatedBySystemd = async (unit: string, manager: Manager): Promise<boolean> => {
  if (!hasSystemd()) return false;
  try {
    const arguments_ = [`--${manager}`, 'show', '--property=Delegate', '--value', '--', unit];
    const { stdout } = await promisify(execFile)('systemctl', arguments_, { timeout: 5_000 });
    return stdout.trim() === 'yes';
  } catch {
    // No answer means no permission: the tree is made at the top, where it also works.
    return false;
  }
};
