import { MOUNT, type ResourceLimit, type Step } from './plan.ts';

/**
 * What every cell is furnished with above its root: /proc, /sys, /dev. Nothing of it comes from the image.
 *
 * @param shm bytes of /dev/shm at most
 * @param ids how many ids the cell has
 */
export const furnish = ({ shm, ids }: { readonly shm: number; readonly ids: number }): Step[] => [
  {
    kind: 'mount',
    type: 'proc',
    path: '/proc',
    attributes: MOUNT.RDONLY | MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC,
    options: '',
  },
  {
    kind: 'mount',
    type: 'sysfs',
    path: '/sys',
    attributes: MOUNT.RDONLY | MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC,
    options: '',
  },
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
];

/** Folders that `furnish` covers: what lies below them in the image is not what a job sees. */
export const FURNISHED: readonly string[] = ['/proc', '/sys', '/dev'];

// `tty` in Alpine as in Debian.
const TTY_GROUP = 5;

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

// Bound and not made: mknod of a device is not for a user namespace (user_namespaces(7)).
const device = (name: string): Step[] => [
  { kind: 'file', path: `/dev/${name}`, mode: 0o666, text: '' },
  { kind: 'bind', source: `/dev/${name}`, path: `/dev/${name}`, attributes: MOUNT.NOSUID | MOUNT.NOEXEC },
];

// Numbers of asm-generic/resource.h, which x86_64 and aarch64 share.
const RLIMIT_CORE = 4;
const RLIMIT_NOFILE = 7;

/** Limits of single processes; those of the whole job are the cgroup's. */
export const RESOURCE_LIMITS: readonly ResourceLimit[] = [
  { resource: RLIMIT_CORE, soft: 0, hard: 0 },
  { resource: RLIMIT_NOFILE, soft: 1024, hard: 65536 },
];
