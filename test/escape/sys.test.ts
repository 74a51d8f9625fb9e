/** Ways out through /sys. */

import { battery, type Probe } from './support/battery.ts';
import { HOSTS_SYS, type Making, NEGLIGENT, OUTSIDE, STEPS, UNSEALED } from './support/making.ts';

/** What sysfs has that is not for cells. */
const ABSENT: readonly (readonly [path: string, rule: string])[] = [
  ['/sys/firmware', 'masked paths of Docker and Podman'],
  ['/sys/kernel', 'CVE-2022-0185 and its like: addresses, debugfs, security modules'],
  ['/sys/kernel/uevent_helper', 'a program that the kernel starts as root'],
  ['/sys/class/net', 'sysfs(5): interfaces of the host'],
  ['/sys/block', 'sysfs(5): disks'],
  ['/sys/module', 'sysfs(5): parameters of drivers'],
  ['/sys/power/state', 'sleep of the whole machine'],
  ['/sys/devices/virtual/powercap', 'CVE-2020-8694: secrets by the power that they take'],
  ['/sys/devices/virtual/dmi', 'sysfs(5): serial numbers'],
  ['/sys/fs/cgroup/release_agent', 'CVE-2022-0492'],
];

const absent = ([path, rule]: (typeof ABSENT)[number]): Probe => ({
  name: `there is no ${path}`,
  rule,
  script: `ls -d ${path} 2>/dev/null`,
  answer: '',
  otherwise: path,
  weak: HOSTS_SYS,
  needs: path,
});

const cgroup = (file: string): Probe => ({
  name: `${file} of its cgroup cannot be written`,
  rule: 'cgroups(7): who writes it is no longer held by it',
  script: `$PROBE open w $CGROUP/${file}`,
  answer: /^(EACCES|EROFS)$/,
  otherwise: 'ok',
  weak: OUTSIDE,
});

/** Its cgroup is mounted as the kernel would have it. */
const WRITABLE_CGROUP: Making = {
  plan: { steps: STEPS.map((step) => (step.path === '/sys/fs/cgroup' ? { ...step, attributes: 0 } : step)) },
};

battery('/sys', [
  ...ABSENT.map(absent),
  {
    name: 'nothing can be made there',
    rule: 'what a cell sees of /sys is for reading',
    script: 'mkdir /sys/x 2>&1 | grep -o "Read-only.*"',
    answer: 'Read-only file system',
    otherwise: '',
    weak: UNSEALED,
  },
  ...['cgroup.procs', 'cgroup.freeze', 'cgroup.kill', 'cgroup.max.descendants'].map(cgroup),
  {
    name: 'its cgroup is mounted read-only',
    rule: 'CVE-2022-0492',
    script: 'mkdir $CGROUP/x 2>&1 | grep -o "[RP][a-z-]* .*"',
    answer: 'Read-only file system',
    otherwise: 'Permission denied',
    weak: WRITABLE_CGROUP,
  },
  {
    name: 'its cgroup is the root of what it sees',
    rule: 'cgroup_namespaces(7)',
    script: 'grep ^0:: /proc/self/cgroup',
    answer: '0::/',
    further: '0::/exec-1',
    otherwise: /^0::\/.*cloister-test-.*\/job-/,
    weak: NEGLIGENT,
  },
]);
