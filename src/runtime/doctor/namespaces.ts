import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseMounts } from '../cgroup/hierarchy.ts';
import { type Check, fail, type Machine, pass, reasonOf, warn } from './check.ts';

/** What a cell is made of: the name in /proc/self/ns, that of the limit in /proc/sys/user, the kernel option. */
const KINDS = [
  ['user', 'user', 'CONFIG_USER_NS'],
  ['pid', 'pid', 'CONFIG_PID_NS'],
  ['mnt', 'mnt', 'CONFIG_NAMESPACES'],
  ['uts', 'uts', 'CONFIG_UTS_NS'],
  ['ipc', 'ipc', 'CONFIG_IPC_NS'],
  ['net', 'net', 'CONFIG_NET_NS'],
  ['cgroup', 'cgroup', 'CONFIG_CGROUPS'],
] as const;

/** Whether each kind of namespace exists and may be made. */
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
  return [...(await Promise.all(kinds)), ...(await checkRestrictions(machine))];
};

/** What some distributions forbid to all but root. */
const checkRestrictions = async ({ proc, uid }: Machine): Promise<readonly Check[]> => {
  if (uid === 0) return [];
  const restrictions = [
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
    ['kernel.unprivileged_userns_clone', '0', '1'],
  ] as const;
  const found = restrictions.map(async ([sysctl, bad, good]) => {
    const text = await readFile(join(proc, 'sys', ...sysctl.split('.')), 'utf8').catch(() => '');
    return text.trim() === bad
      ? [
          warn(
            'unprivileged user namespaces',
            `${sysctl} is ${bad}`,
            `run as root, or sysctl -w ${sysctl}=${good}`,
          ),
        ]
      : [];
  });
  return (await Promise.all(found)).flat();
};

/**
 * Whether a cell could mount a /proc and /sys of its own: the kernel refuses that as long as parts of the ones it
 * can see are covered ("mount too revealing"), as they are in a container.
 */
export const checkVisibility = async ({ proc }: Machine): Promise<Check> => {
  const mounts = parseMounts(await readFile(join(proc, 'self/mountinfo'), 'utf8'));
  const covering = mounts.filter(({ point, type }) =>
    point.startsWith('/proc/')
      ? // Folders that the kernel keeps empty for these file systems.
        !['binfmt_misc', 'autofs', 'nfsd'].includes(type)
      : point.startsWith('/sys/') && type === 'tmpfs' && point !== '/sys/fs/cgroup',
  );
  if (covering.length === 0) return pass('proc and sysfs', 'fully visible');
  const points = covering.map(({ point }) => point);
  const some = points.length > 3 ? [...points.slice(0, 3), `${points.length - 3} more`] : points;
  return fail(
    'proc and sysfs',
    `parts are covered, so that no cell may mount its own: ${some.join(', ')}`,
    'start the container with --security-opt systempaths=unconfined, or --privileged',
  );
};

/** Whether all the namespaces of a cell can be made together, by making them with unshare(1) of util-linux. */
export const tryNamespaces = async (unshare = 'unshare'): Promise<readonly Check[]> => {
  const name = 'namespaces together';
  const kinds = ['--user', '--map-root-user', '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
  try {
    await promisify(execFile)(unshare, [...kinds, '--fork', 'true'], { timeout: 10_000 });
    return [pass(name, 'can be made')];
  } catch (error) {
    // Without the program there is nothing to try with; the first job tells.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    return [
      fail(
        name,
        reasonOf(error),
        'look for what forbids them: a seccomp or AppArmor profile of a container (docker run --privileged, or ' +
          '--security-opt seccomp=unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN), SELinux',
      ),
    ];
  }
};
