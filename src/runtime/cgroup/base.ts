import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
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
   * lives there is this container's; `top`: the root of the hierarchy, for want of anything closer.
   */
  readonly kind: 'given' | 'unit' | 'container' | 'top';
}

export interface BaseOptions {
  /** The cgroup that is to be used: absolute path. */
  readonly root?: string | undefined;
  /** Where procfs is mounted. Default `/proc`. */
  readonly proc?: string;
  /** Whether systemd left the cgroup of a unit to it. Default: as `systemctl show` tells. */
  readonly isDelegated?: (unit: string) => Promise<boolean>;
}

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
  const { root, proc = '/proc', isDelegated = delegatedBySystemd } = options;
  if (root !== undefined) {
    const path = resolve(root);
    return { hierarchy: await findHierarchy(proc, path), path, kind: 'given' };
  }
  const hierarchy = await findHierarchy(proc);
  const { mountPoint, isRoot, own } = hierarchy;
  const unit = unitOf(mountPoint, own);
  if (unit !== undefined && (await isDelegated(unit.name)))
    return { hierarchy, path: unit.path, kind: 'unit' };
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
): { readonly name: string; readonly path: string } | undefined => {
  if (own === undefined) return undefined;
  const parts = relative(mountPoint, own).split('/');
  const last = parts.findLastIndex((part) => /\.(?:service|scope)$/.test(part));
  const name = parts[last];
  return name === undefined ? undefined : { name, path: join(mountPoint, ...parts.slice(0, last + 1)) };
};

/**
 * Whether PID 1 lives there too. On a machine it has a cgroup of its own; one shared with it is that of a
 * container whose cgroup namespace is the machine's.
 */
const holdsInit = async (proc: string, mountPoint: string, path: string): Promise<boolean> => {
  const init = ownCgroup(await readFile(join(proc, '1/cgroup'), 'utf8').catch(() => ''));
  return init !== undefined && outsideTrees(mountPoint, join(mountPoint, init)) === path;
};

const delegatedBySystemd = async (unit: string): Promise<boolean> => {
  // sd_booted(3): systemd runs this machine when the folder is there.
  if (!existsSync('/run/systemd/system')) return false;
  try {
    const arguments_ = ['show', '--property=Delegate', '--value', '--', unit];
    const { stdout } = await promisify(execFile)('systemctl', arguments_, { timeout: 5_000 });
    return stdout.trim() === 'yes';
  } catch {
    // No answer is no permission: the tree goes to the top, where it also works.
    return false;
  }
};
