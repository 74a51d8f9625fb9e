/** Ways out through devices. */

import { battery, type Probe } from './support/battery.ts';
import { HOSTS_DEV, UNFILTERED } from './support/making.ts';

/** Devices that give access to the host, or information about it. */
const DEVICES: readonly (readonly [name: string, rule: string])[] = [
  ['kmsg', 'dmesg(1) by another way'],
  ['mem', 'mem(4): the memory of the machine'],
  ['port', 'mem(4)'],
  ['kvm', 'CVE-2021-22543'],
  ['fuse', 'CVE-2022-1462 and its like: file systems that answer when they please'],
  ['net/tun', 'CVE-2023-4194'],
  ['vhost-net', 'CVE-2019-14835'],
  ['loop-control', 'loop(4)'],
  ['loop0', 'loop(4)'],
  ['vda', 'disks of the host'],
  ['sda', 'disks of the host'],
  ['hwrng', 'devices that others wait for'],
  ['rtc0', 'rtc(4): the clock of the machine'],
  ['console', 'CVE-2025-52565'],
  ['tty0', 'console_ioctl(4)'],
  ['cpu/0/msr', 'msr(4): registers of the processor'],
  ['autofs', 'mounts that others wait for'],
  ['ram0', 'disks of the host'],
];

const device = ([name, rule]: (typeof DEVICES)[number]): Probe => ({
  name: `there is no /dev/${name}`,
  rule,
  script: `ls -d /dev/${name} 2>/dev/null; $PROBE open r /dev/${name}`,
  answer: 'ENOENT',
  otherwise: new RegExp(`^/dev/${name}\n`),
  weak: HOSTS_DEV,
  needs: `/dev/${name}`,
});

battery('/dev', [
  ...DEVICES.map(device),
  {
    name: 'there is no disk',
    rule: 'a cell has nothing of a block device',
    script: 'find /dev -type b | head -n 1 | wc -l',
    answer: '0',
    otherwise: '1',
    weak: HOSTS_DEV,
  },
  {
    name: 'devices cannot be made, not even the one that overlays hide files with',
    rule: 'user_namespaces(7) and CVE-2023-0386',
    script: 'mknod /dev/shm/gone c 0 0 2>&1 | grep -o "Operation.*"; ls /dev/shm/gone 2>/dev/null',
    answer: 'Operation not permitted',
    otherwise: '/dev/shm/gone',
    weak: UNFILTERED,
  },
  {
    name: 'nothing can be typed into a terminal for others to read',
    rule: 'CVE-2017-5226 and CVE-2023-28100 (TIOCSTI)',
    script: '$PROBE type',
    answer: 'EPERM',
    // What a kernel says that has no such call any more (dev.tty.legacy_tiocsti).
    otherwise: /^(ok|EIO)$/,
    weak: UNFILTERED,
  },
]);
