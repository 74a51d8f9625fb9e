/** Finds the cgroup v2 hierarchy. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CgroupError } from './error.ts';

/** A line of /proc/self/mountinfo, as proc_pid_mountinfo(5) names its fields. */
export interface Mount {
  /** The folder of the mounted file system that appears at `point`. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly readOnly: boolean;
  readonly superOptions: readonly string[];
}

/** The cgroup v2 hierarchy as this process sees it. */
export interface Hierarchy {
  /** Where it is mounted. */
  readonly mountPoint: string;
  /** It is mounted from its root, that of the whole machine; false: a container sees only its own part. */
  readonly isRoot: boolean;
  readonly readOnly: boolean;
  /** Absolute path of the cgroup of this process; `undefined` if it is outside of what is mounted. */
  readonly own: string | undefined;
  /** Controllers that cgroup v1 uses, so that v2 cannot. */
  readonly v1: ReadonlySet<string>;
}

/**
 * Finds the cgroup v2 hierarchy: on `/sys/fs/cgroup`, on `/sys/fs/cgroup/unified` of a hybrid host, or elsewhere.
 *
 * @param proc where procfs is mounted
 * @param within absolute path that the hierarchy is to contain
 * @throws CgroupError if it is not mounted, or not above `within`
 */
export const findHierarchy = async (proc: string, within?: string): Promise<Hierarchy> => {
  const mounts = parseMounts(await readFile(join(proc, 'self/mountinfo'), 'utf8'));
  const own = ownCgroup(await readFile(join(proc, 'self/cgroup'), 'utf8'));
  const known = mounts.filter(({ type }) => type === 'cgroup2');
  if (known.length === 0) {
    throw new CgroupError(
      'cgroup v2 is not mounted',
      'boot with the kernel parameter systemd.unified_cgroup_hierarchy=1, or mount it: ' +
        'mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified',
    );
  }
  const mount = known
    .filter(({ point }) => within === undefined || isWithin(point, within))
    .sort((a, b) => rank(b, own) - rank(a, own))[0];
  if (mount === undefined) {
    throw new CgroupError(
      `${within} is not in a cgroup v2 hierarchy`,
      `name a folder below ${known.map(({ point }) => point).join(' or ')}`,
    );
  }
  return {
    mountPoint: mount.point,
    // cgroup-v2.rst: cgroup.events exists on non-root cgroups.
    isRoot: !existsSync(join(mount.point, 'cgroup.events')),
    readOnly: mount.readOnly,
    own: visiblePath(mount, own),
    v1: boundToV1(mounts, await readFile(join(proc, 'cgroups'), 'utf8').catch(() => '')),
  };
};

/** Parses a mountinfo file. Of several mounts on one folder it returns only the last, which hides the others. */
export const parseMounts = (text: string): readonly Mount[] => {
  const mounts = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    if (separator < 0) continue;
    const [, , , root = '', point = '', options = ''] = fields;
    const [type = '', , superOptions = ''] = fields.slice(separator + 1);
    const mount = {
      root: decode(root),
      point: decode(point),
      type,
      readOnly: [options, superOptions].some((list) => list.split(',').includes('ro')),
      superOptions: superOptions.split(','),
    };
    mounts.delete(mount.point);
    mounts.set(mount.point, mount);
  }
  return [...mounts.values()];
};

/** The v2 line of a /proc/PID/cgroup file: its path in the hierarchy. `undefined` if there is none. */
export const ownCgroup = (text: string): string | undefined => /^0::(\/.*)$/m.exec(text)?.[1];

/** Whether `path` is `folder` or below it. */
export const isWithin = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);

const decode = (field: string): string =>
  field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

const rank = (mount: Mount, own: string | undefined): number =>
  (visiblePath(mount, own) === undefined ? 0 : 2) + (mount.readOnly ? 0 : 1);

const visiblePath = ({ root, point }: Mount, own: string | undefined): string | undefined => {
  // `..`: the cgroup or the mount is above the root of the cgroup namespace of this process (cgroup_namespaces(7)).
  if (own === undefined || `${own}${root}`.includes('/..') || !isWithin(root, own)) return undefined;
  return resolve(join(point, root === '/' ? own : own.slice(root.length)));
};

const boundToV1 = (mounts: readonly Mount[], cgroups: string): ReadonlySet<string> => {
  const mounted = mounts.filter(({ type }) => type === 'cgroup').flatMap(({ superOptions }) => superOptions);
  // cgroups(7): name, hierarchy, number of cgroups, enabled; hierarchy 0 is that of v2.
  const bound = [...cgroups.matchAll(/^(\w+)\s+[1-9]\d*\s/gm)].map(([, name = '']) => name);
  return new Set([...mounted, ...bound]);
};
