/** Ways out through mounts. */

import { battery, type Probe } from './support/battery.ts';
import { CAPABLE, UNATTRIBUTED } from './support/making.ts';

const refused = (name: string, rule: string, mount: string, otherwise = 'done'): Probe => ({
  name,
  rule,
  script: `${mount} >/dev/null 2>&1 && echo done || echo refused`,
  answer: 'refused',
  otherwise,
  weak: CAPABLE,
});

const attribute = (name: string, rule: string, except: string): Probe => ({
  name: `every mount is ${name}${except === '' ? '' : ', but for devices'}`,
  rule,
  // Where the battery's own programs are mounted is not counted.
  script: `cut -d' ' -f4-6 /proc/self/mountinfo | grep -vE ' /(probe|hoard) ${except}' | grep -vc ${name}`,
  answer: '0',
  otherwise: /^[1-9]/,
  weak: UNATTRIBUTED,
});

battery('mounts', [
  refused('no file system can be mounted', 'CVE-2022-0185 and its like', 'mount -t tmpfs none /mnt'),
  refused('no folder can be bound elsewhere', 'CVE-2023-2640 and its like', 'mount -o bind /etc /mnt'),
  refused(
    'no overlay can be made',
    'CVE-2021-3493, CVE-2023-0386',
    [
      'mkdir -p /dev/shm/l /dev/shm/u /dev/shm/w',
      'mount -t overlay -o lowerdir=/dev/shm/l,upperdir=/dev/shm/u,workdir=/dev/shm/w o /mnt',
    ].join(' && '),
  ),
  refused('no mount can be taken away', 'masks and the seal are mounts', 'umount /dev/shm'),
  refused('/sys cannot be made writable', 'mount_namespaces(7)', 'mount -o remount,bind,rw /sys'),
  refused('the root cannot be changed', 'chroot(2): the way out of a chroot', 'busybox chroot / /bin/true'),
  attribute('nosuid', 'CVE-2022-29162 and its like: set-uid files', ''),
  // Each is a mount of its own, and so is the null device where it masks a file; and terminals are devices.
  attribute('nodev', 'mount(8)', '|^/devices/(null|zero|full|random|urandom|tty) | /dev/pts '),
  {
    name: 'nothing can be executed that lies in /dev/shm',
    rule: 'the mounts of Docker',
    script: 'cp /bin/busybox /dev/shm/busybox && /dev/shm/busybox echo executed',
    answer: /Permission denied$/,
    otherwise: 'executed',
    weak: UNATTRIBUTED,
  },
]);
