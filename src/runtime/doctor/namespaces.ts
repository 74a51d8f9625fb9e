/** Checks namespaces and procfs. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMounts } from '../cgroup/hierarchy.ts';
import { VISIBLE } from '../remedies.ts';
import { type Check, fail, type Machine, pass } from './check.ts';

/** The namespaces of a cell: the name in /proc/self/ns, that of the limit in /proc/sys/user, the kernel option. */
const KINDS = [
  ['user', 'user', 'CONFIG_USER_NS'],
  ['pid', 'pid', 'CONFIG_PID_NS'],
  ['mnt', 'mnt', 'CONFIG_NAMESPACES'],
  ['uts', 'uts', 'CONFIG_UTS_NS'],
  ['ipc', 'ipc', 'CONFIG_IPC_NS'],
  ['net', 'net', 'CONFIG_NET_NS'],
  ['cgroup', 'cgroup', 'CONFIG_CGROUPS'],
] as const;

/** Whether each kind of namespace exists and may be created. */
export const checkNamespaces = async (machine: Machine): Promise<readonly Check[]> => {
  const known = await readdir(join(machine.proc, 'self/ns'));
  const kinds = KINDS.map(async ([kind, limit, option]): Promise<Check> => {
    const name = `${kind} namespaces`;
    if (!known.includes(kind)) return fail(name, 'this kernel has none', `use a kernel with ${option}`);
    const file = `sys/user/max_${limit}_namespaces`;
    const most = Number(await readFile(join(machine.proc, file), 'utf8'));
    if (most > 0) return pass(name, `up to ${most}`);
    const sysctl = `user.max_${limit}_namespaces`;
    return fail(
      name,
      `turned off: ${sysctl} is 0`,
      `sysctl -w ${sysctl}=10000, and the same in /etc/sysctl.d`,
    );
  });
  return Promise.all(kinds);
};

/**
 * Whether a cell could mount its own /proc: the kernel refuses that while parts of the visible one are covered ("mount too
 * revealing"), as in a container.
 */
export const checkVisibility = async ({ proc }: Machine): Promise<Check> => {
  const mounts = parseMounts(await readFile(join(proc, 'self/mountinfo'), 'utf8'));
  const covering = mounts.filter(
    // Folders that the kernel keeps empty for these file systems.
    ({ point, type }) => point.startsWith('/proc/') && !['binfmt_misc', 'autofs', 'nfsd'].includes(type),
  );
  if (covering.length === 0) return pass('proc', 'fully visible');
  const points = covering.map(({ point }) => point);
  const some = points.length > 3 ? [...points.slice(0, 3), `${points.length - 3} more`] : points;
  return fail('proc', `parts are covered, so that no cell may mount its own: ${some.join(', ')}`, VISIBLE);
};
