/** The mounts, device nodes and files of a cell: its /proc, /sys, /dev and /etc. */

import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { byteLengthOfText } from '../byte-text.ts';
import { MOUNT, type Step } from './protocol/plan.ts';

/** What the mounts of a cell depend on that are the same for many jobs. */
export interface CellMountOptions {
  /** The size of /dev/shm in bytes. */
  readonly shmBytes: number;
  /** How many ids the cell has. */
  readonly ids: number;
  /** The job has a cgroup, which is mounted in its cell. */
  readonly cgroup: boolean;
  /** Device nodes are the cell's own; otherwise those of the host, which takes no privilege. */
  readonly devices: boolean;
}

/** What the mounts of a cell depend on. */
export interface MountOptions extends CellMountOptions {
  readonly hostname: string;
}

const SEALED = MOUNT.RDONLY | MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC;

/**
 * What every cell has mounted on its root: /proc, /sys, /dev, and the files with its own names. None of it comes from
 * the image.
 */
export const mountSteps = ({ hostname, ...options }: MountOptions): Step[] => [
  ...cellSteps(options),
  ...nameSteps(hostname),
];

/** What `cellSteps` has made. Jobs choose `shmBytes`, so that there can be many: then all are made again. */
const known = new Map<string, readonly Step[]>();
const MOST_KNOWN = 16;

/** The first of these steps, which are the same for every job: the same list for the same options, as a rule. */
export const cellSteps = (options: CellMountOptions): readonly Step[] => {
  const key = JSON.stringify(options);
  const steps = known.get(key) ?? makeCellSteps(options);
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(key, steps);
  return steps;
};

const makeCellSteps = ({ shmBytes: shm, ids, cgroup, devices }: CellMountOptions): readonly Step[] => [
  {
    kind: 'mount',
    type: 'tmpfs',
    path: '/dev',
    attributes: MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC,
    options: 'mode=755,size=65536,nr_inodes=64',
  },
  ...DEVICES.flatMap(devices ? ownDevice : hostDevice),
  { kind: 'mkdir', path: '/dev/pts', mode: 0o755 },
  {
    kind: 'mount',
    type: 'devpts',
    path: '/dev/pts',
    attributes: MOUNT.NOSUID | MOUNT.NOEXEC,
    options: `${ids > TTY_GROUP ? `mode=620,gid=${TTY_GROUP}` : 'mode=600'},ptmxmode=666,max=${MOST_TERMINALS}`,
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
  ...proc(ids),
  ...sys(cgroup),
];

/** The file of `scriptSteps`. */
export const SCRIPT_PATH = '/dev/command/script';

/** A file of its own, which nobody in the cell can change, after `mountSteps`: for a script that is not passed as an argument. */
export const scriptSteps = (text: string): Step[] => {
  const bytes = byteLengthOfText(text) + TMPFS_PAGE_BYTES;
  return [
    { kind: 'mkdir', path: '/dev/command', mode: 0o755 },
    {
      kind: 'mount',
      type: 'tmpfs',
      path: '/dev/command',
      attributes: SEALED & ~MOUNT.RDONLY,
      options: `mode=755,size=${bytes},nr_inodes=2`,
    },
    { kind: 'file', path: SCRIPT_PATH, mode: 0o444, text },
    { kind: 'seal', path: '/dev/command', attributes: SEALED },
  ];
};

// The size of a tmpfs is in whole pages; those of arm64 may have 64 KiB.
const TMPFS_PAGE_BYTES = 65_536;

/**
 * procfs, as in Docker: the files of a process can be written as far as the kernel permits (`comm`, `oom_score_adj`,
 * ...), and everything else is read-only once the sysctls of the cell's own namespaces are set.
 */
const proc = (ids: number): Step[] => [
  { kind: 'mount', type: 'proc', path: '/proc', attributes: SEALED & ~MOUNT.RDONLY, options: '' },
  // Before the masks, some of which lie in /proc/sys.
  ...READ_ONLY.map((path): Step => ({ kind: 'rebind', path, attributes: SEALED & ~MOUNT.RDONLY })),
  ...MASKED.map(({ path, folder }): Step => ({ kind: 'mask', path, folder })),
  // After the masks: a mount that is not attached yet counts as a namespace.
  ...settings(ids).map(([path, text]): Step => ({ kind: 'write', path, text })),
  ...READ_ONLY.map((path): Step => ({ kind: 'seal', path, attributes: SEALED })),
];

/** Sysctls of the cell's own namespaces, as far as this kernel has them. */
const settings = (ids: number): readonly (readonly [path: string, text: string])[] =>
  [
    ...USER_SETTINGS,
    ...NETWORK_SETTINGS,
    // Members of these groups may use ping (icmp(7)): here every group.
    ['net/ipv4/ping_group_range', `0 ${ids - 1}`] as const,
  ]
    .map(([name, text]) => [`/proc/sys/${name}`, text] as const)
    .filter(([path]) => KNOWN_SETTINGS.has(path));

// namespaces(7), inotify(7), fanotify(7): those of the user namespace of the process that opens the file.
const USER_SETTINGS: readonly (readonly [name: string, text: string])[] = [
  ...['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup', 'time'].map(
    (type) => [`user/max_${type}_namespaces`, '0'] as const,
  ),
  // The defaults of a kernel with little memory: the host's limits for the user that owns the cell are no lower.
  ['user/max_inotify_instances', '128'],
  ['user/max_inotify_watches', '65536'],
  ['user/max_fanotify_groups', '0'],
  ['user/max_fanotify_marks', '0'],
];

// ip(7), tcp(7): of the network namespace. The kernel's memory for TCP (tcp_mem) is one for the whole machine: a socket
// gets less of it than the usual 4 and 6 MiB, and plenty for loopback.
const NETWORK_SETTINGS: readonly (readonly [name: string, text: string])[] = [
  ['net/ipv4/tcp_rmem', '4096 131072 1048576'],
  ['net/ipv4/tcp_wmem', '4096 16384 1048576'],
  ['net/ipv4/ip_unprivileged_port_start', '0'],
];

const KNOWN_SETTINGS: ReadonlySet<string> = new Set(
  [...USER_SETTINGS, ...NETWORK_SETTINGS, ['net/ipv4/ping_group_range']]
    .map(([name]) => `/proc/sys/${name}`)
    .filter((path) => existsSync(path)),
);

// Entries that reveal facts about the host or other jobs, or allow measuring them. Those the kernel lacks are left out.
const MASKED = [
  'acpi',
  'asound',
  'buddyinfo',
  'bus',
  'cgroups',
  'cmdline',
  'config.gz',
  'consoles',
  'crypto',
  'devices',
  'diskstats',
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
  'mdstat',
  'misc',
  'modules',
  'pagetypeinfo',
  'partitions',
  'pressure',
  'sched_debug',
  'schedstat',
  'scsi',
  'softirqs',
  'swaps',
  'sys/fs/aio-nr',
  'sys/fs/dentry-state',
  'sys/fs/file-nr',
  'sys/fs/inode-nr',
  'sys/fs/inode-state',
  'sys/kernel/pty',
  'sys/kernel/random/boot_id',
  'sysrq-trigger',
  'timer_list',
  'timer_stats',
  'vmstat',
  'zoneinfo',
]
  .map((name) => `/proc/${name}`)
  .filter((path) => existsSync(path))
  .map((path) => ({ path, folder: lstatSync(path).isDirectory() }));

/** The names in a folder; none if only root of the host may list it: no cell can enter it either. */
const list = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return [];
    throw error;
  }
};

/** Whether a file, or one of a folder, has a write permission; links are not followed. */
const isWritable = (path: string): boolean => {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status?.isDirectory()) return list(path).some((name) => isWritable(join(path, name)));
  return status?.isFile() === true && (status.mode & 0o222) !== 0;
};

// Writable entries that do not belong to one process. Except for sysctls of namespaces, only root of the host may write
// them, and no process of a cell is that.
const READ_ONLY = readdirSync('/proc')
  .filter((name) => !/^[0-9]/.test(name))
  .map((name) => `/proc/${name}`)
  .filter((path) => !MASKED.some((masked) => masked.path === path) && isWritable(path));

/**
 * No sysfs, which shows every device of the host: /sys has only what language runtimes read to count CPUs, and the
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

// The cell has a cgroup namespace: this shows its own cgroup and nothing above.
const OWN_CGROUP: Step = {
  kind: 'mount',
  type: 'cgroup2',
  path: '/sys/fs/cgroup',
  attributes: SEALED,
  options: '',
};

/** The others: what a cell is called. */
export const nameSteps = (hostname: string): Step[] => [
  { kind: 'mkdir', path: '/etc', mode: 0o755 },
  { kind: 'file', path: '/etc/hostname', mode: 0o644, text: `${hostname}\n` },
  { kind: 'file', path: '/etc/hosts', mode: 0o644, text: hosts(hostname) },
  { kind: 'file', path: '/etc/resolv.conf', mode: 0o644, text: '# This job has no network.\n' },
];

/**
 * hosts(5). The hostname has an address of its own, as in Debian: a reverse lookup of that address returns it and not
 * localhost. The full name is first: that is what getfqdn() and `hostname -f` return.
 */
const hosts = (hostname: string): string => {
  const short = hostname.replace(/\..*/, '');
  const own = short === hostname ? hostname : `${hostname} ${short}`;
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t${own}\n`;
};

/** Folders that `mountSteps` covers: a job does not see what the image has below them. */
export const COVERED_FOLDERS: readonly string[] = ['/proc', '/sys', '/dev'];

// `tty` in Alpine as in Debian.
const TTY_GROUP = 5;
// The machine has 4,096 in total (kernel.pty.max).
const MOST_TERMINALS = 64;

interface Device {
  readonly name: string;
  /** Of linux/major.h and the list of devices.txt in the kernel's documentation. */
  readonly major: number;
  readonly minor: number;
}

const DEVICES: readonly Device[] = [
  { name: 'null', major: 1, minor: 3 },
  { name: 'zero', major: 1, minor: 5 },
  { name: 'full', major: 1, minor: 7 },
  { name: 'random', major: 1, minor: 8 },
  { name: 'urandom', major: 1, minor: 9 },
  { name: 'tty', major: 5, minor: 0 },
];

/** Inodes that a cell's own device nodes take in its writable layer: one each, and one for the folder they are in. */
export const DEVICE_INODES = DEVICES.length + 1;

const DEVICE_ATTRIBUTES = MOUNT.NOSUID | MOUNT.NOEXEC;
const DEVICE_MODE = 0o666;

const deviceFile = ({ name }: Device): Step => ({
  kind: 'file',
  path: `/dev/${name}`,
  mode: DEVICE_MODE,
  text: '',
});

/** Made by the supervisor: a user namespace may not (user_namespaces(7)). No other cell can lock or watch it. */
const ownDevice = (device: Device): Step[] => [
  deviceFile(device),
  {
    kind: 'device',
    path: `/dev/${device.name}`,
    mode: DEVICE_MODE,
    major: device.major,
    minor: device.minor,
    attributes: DEVICE_ATTRIBUTES,
  },
];

const hostDevice = (device: Device): Step[] => [
  deviceFile(device),
  { kind: 'bind', source: `/dev/${device.name}`, path: `/dev/${device.name}`, attributes: DEVICE_ATTRIBUTES },
];
