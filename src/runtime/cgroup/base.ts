import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findHierarchy, type Hierarchy, ownCgroup } from './hierarchy.ts';

/** Where a tree of cgroups may be made. */
export interface Base {
  readonly hierarchy: Hierarchy;
  /** Absolute path of the cgroup that the tree hangs on. */
  readonly path: string;
  /**
   * `given`: by whoever runs the server; `unit`: systemd left it to this unit (`Delegate=`); `container`: all that
   * lives there is this container's; `own`: the server, which is not root, was started there and may write it;
   * `top`: the root of the hierarchy, for want of anything closer.
   */
  readonly kind: 'given' | 'unit' | 'container' | 'own' | 'top';
}

export interface BaseOptions {
  /** The cgroup that is to be used: absolute path. */
  readonly root?: string | undefined;
  /** Where procfs is mounted. Default `/proc`. */
  readonly proc?: string;
  /** Whether systemd left the cgroup of a unit to it. Default: as `systemctl show` tells. */
  readonly isDelegated?: (unit: string, manager: Manager) => Promise<boolean>;
  /** Whether systemd runs this machine. Default: as sd_booted(3) tells. */
  readonly systemd?: boolean;
  /** Whether cgroups may be made in a cgroup. Default: as access(2) tells. */
  readonly isWritable?: (path: string) => Promise<boolean>;
}

/** The systemd that has a unit: that of the machine, or that of a user. */
export type Manager = 'system' | 'user';

/** Where processes go that live in a base: a cgroup that hands controllers on may hold none itself. */
export const OTHERS = 'cloister-others';

/**
 * Decides which cgroup the tree hangs on. It is the same for every start of a server, also for one that is
 * started from inside an earlier tree.
 *
 * systemd has the say over all cgroups of its machine but those that it delegated (systemd.io/CGROUP_DELEGATION);
 * the session of a user is not one of them. There, a cgroup at the top of the hierarchy, as container
 * engines make it, is out of its way.
 *
 * @throws CgroupError when there is no cgroup v2, or `root` is not in it
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
  // What lies in a unit that was not delegated is systemd's, whoever owns its files.
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

/** The path up to where a tree of ours begins. */
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
 * Whether PID 1 lives there too. On a machine it has a cgroup of its own; one shared with it is that of a
 * container whose cgroup namespace is the machine's.
 */
const holdsInit = async (proc: string, mountPoint: string, path: string): Promise<boolean> => {
  const init = ownCgroup(await readFile(join(proc, '1/cgroup'), 'utf8').catch(() => ''));
  return init !== undefined && outsideTrees(mountPoint, join(mountPoint, init)) === path;
};

const mayWrite = async (path: string): Promise<boolean> => {
  // cgroup-v2.rst, "Model of Delegation": these are what a cgroup that was delegated lets its user write.
  const files = ['', 'cgroup.procs', 'cgroup.subtree_control'].map((name) => join(path, name));
  const denied = await Promise.all(files.map((file) => access(file, constants.W_OK).catch(() => 'denied')));
  return !denied.includes('denied');
};

// sd_booted(3): systemd runs this machine when the folder is there.
const hasSystemd = (): boolean => existsSync('/run/systemd/system');

const delegatedBySystemd = async (unit: string, manager: Manager): Promise<boolean> => {
  if (!hasSystemd()) return false;
  try {
    const arguments_ = [`--${manager}`, 'show', '--property=Delegate', '--value', '--', unit];
    const { stdout } = await promisify(execFile)('systemctl', arguments_, { timeout: 5_000 });
    return stdout.trim() === 'yes';
  } catch {
    // No answer is no permission: the tree goes to the top, where it also works.
    return false;
  }
};
