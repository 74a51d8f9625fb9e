import { existsSync, readFileSync } from 'node:fs';
import { MOUNT, type Step } from './protocol/plan.ts';

export interface MountOptions {
  /** Bytes of /dev/shm at most. */
  readonly shm: number;
  /** How many ids the cell has. */
  readonly ids: number;
  readonly hostname: string;
  /** The job has a cgroup, which it may see. */
  readonly cgroup: boolean;
}

const SEALED = MOUNT.RDONLY | MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC;

/**
 * What every cell is given above its root: /proc, /sys, /dev, and the names it knows itself by. Nothing of
 * it comes from the image.
 */
export const mountSteps = ({ shm, ids, hostname, cgroup }: MountOptions): Step[] => [
  {
    kind: 'mount',
    type: 'tmpfs',
    path: '/dev',
    attributes: MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC,
    options: 'mode=755,size=65536,nr_inodes=64',
  },
  ...DEVICES.flatMap(device),
  { kind: 'mkdir', path: '/dev/pts', mode: 0o755 },
  {
    kind: 'mount',
    type: 'devpts',
    path: '/dev/pts',
    attributes: MOUNT.NOSUID | MOUNT.NOEXEC,
    options: ids > TTY_GROUP ? `mode=620,ptmxmode=666,gid=${TTY_GROUP}` : 'mode=600,ptmxmode=666',
  },
  { kind: 'mkdir', path: '/dev/shm', mode: 0o755 },
  {
    kind: 'mount',
    type: 'tmpfs',
    path: '/dev/shm',
    attributes: MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC,
    options: `mode=1777,size=${shm}`,
  },
  { kind: 'symlink', target: 'pts/ptmx', path: '/dev/ptmx' },
  { kind: 'symlink', target: '/proc/self/fd', path: '/dev/fd' },
  { kind: 'symlink', target: '/proc/self/fd/0', path: '/dev/stdin' },
  { kind: 'symlink', target: '/proc/self/fd/1', path: '/dev/stdout' },
  { kind: 'symlink', target: '/proc/self/fd/2', path: '/dev/stderr' },
  ...proc(),
  ...sys(cgroup),
  ...names(hostname),
];

/** procfs, read-only once the cell's own user namespace has been forbidden to have others below it. */
const proc = (): Step[] => [
  { kind: 'mount', type: 'proc', path: '/proc', attributes: SEALED & ~MOUNT.RDONLY, options: '' },
  ...MASKED.map((path): Step => ({ kind: 'mask', path })),
  // Behind the masks: a mount that is not yet in its place counts as a namespace.
  ...NO_NAMESPACES.map((path): Step => ({ kind: 'write', path, text: '0' })),
  { kind: 'seal', path: '/proc', attributes: SEALED },
];

// namespaces(7): these files are those of the user namespace of whoever opens them.
const NO_NAMESPACES = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'time']
  .map((type) => `/proc/sys/user/max_${type}_namespaces`)
  .filter((path) => existsSync(path));

// What tells of the host or of other jobs, or lets one measure them. What a kernel has not got is left out here.
const MASKED = [
  'acpi',
  'asound',
  'bus',
  'config.gz',
  'driver',
  'fs',
  'interrupts',
  'iomem',
  'ioports',
  'irq',
  'kallsyms',
  'kcore',
  'key-users',
  'keys',
  'kmsg',
  'latency_stats',
  'modules',
  'pagetypeinfo',
  'pressure',
  'sched_debug',
  'scsi',
  'softirqs',
  'sysrq-trigger',
  'timer_list',
  'timer_stats',
]
  .map((name) => `/proc/${name}`)
  .filter((path) => existsSync(path));

/**
 * No sysfs, which tells of every device of the host: of /sys there is what runtimes look at to count CPUs, and the
 * job's own cgroup with its limits.
 */
const sys = (cgroup: boolean): Step[] => [
  {
    kind: 'mount',
    type: 'tmpfs',
    path: '/sys',
    attributes: SEALED & ~MOUNT.RDONLY,
    options: 'mode=755,size=16384,nr_inodes=32',
  },
  ...['/sys/fs', '/sys/fs/cgroup', '/sys/devices', '/sys/devices/system', CPUS].map(
    (path): Step => ({ kind: 'mkdir', path, mode: 0o755 }),
  ),
  ...CPU_LISTS.map(([name, text]): Step => ({ kind: 'file', path: `${CPUS}/${name}`, mode: 0o444, text })),
  ...(cgroup ? [OWN_CGROUP] : []),
  { kind: 'seal', path: '/sys', attributes: SEALED },
];

const CPUS = '/sys/devices/system/cpu';
const CPU_LISTS = ['online', 'possible', 'present']
  .map((name) => [name, `${CPUS}/${name}`] as const)
  .filter(([, path]) => existsSync(path))
  .map(([name, path]) => [name, readFileSync(path, 'utf8')] as const);

// The cell has a cgroup namespace: this is its own cgroup and nothing above.
const OWN_CGROUP: Step = {
  kind: 'mount',
  type: 'cgroup2',
  path: '/sys/fs/cgroup',
  attributes: SEALED,
  options: '',
};

const names = (hostname: string): Step[] => [
  { kind: 'mkdir', path: '/etc', mode: 0o755 },
  {
    kind: 'file',
    path: '/etc/hosts',
    mode: 0o644,
    text: `127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.0.1\t${hostname}\n`,
  },
  { kind: 'file', path: '/etc/resolv.conf', mode: 0o644, text: '# This job has no network.\n' },
];

/** Folders that `mountSteps` covers: what lies below them in the image is not what a job sees. */
export const COVERED_FOLDERS: readonly string[] = ['/proc', '/sys', '/dev'];

// `tty` in Alpine as in Debian.
const TTY_GROUP = 5;

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

// Bound and not made: mknod of a device is not for a user namespace (user_namespaces(7)).
const device = (name: string): Step[] => [
  { kind: 'file', path: `/dev/${name}`, mode: 0o666, text: '' },
  { kind: 'bind', source: `/dev/${name}`, path: `/dev/${name}`, attributes: MOUNT.NOSUID | MOUNT.NOEXEC },
];
