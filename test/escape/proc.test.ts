/** Attempts to read and change the host through /proc. */

import { existsSync, readFileSync } from 'node:fs';
import { battery, type Probe } from './support/battery.ts';
import {
  CAPABLE,
  CAPABLE_UNMASKED,
  CAPABLE_UNSEALED,
  NEGLIGENT,
  NESTABLE,
  OUTSIDE,
  UNMASKED,
} from './support/making.ts';

const MASKS = 'masked paths of Docker and Podman';

/** Files with facts about the host, or about what others do on it. */
const FILES: readonly (readonly [name: string, rule: string])[] = [
  ['kcore', 'proc_kcore(5): the memory of the kernel'],
  ['kallsyms', 'CWE-200: where the kernel lies'],
  ['keys', 'keyrings(7): keys of other users of the same id'],
  ['key-users', 'keyrings(7)'],
  ['kmsg', 'CVE-2010-4347 and dmesg_restrict'],
  ['interrupts', 'GHSA-6fw5-f8r9-fgfm: keystrokes of others, by their times'],
  ['softirqs', 'GHSA-6fw5-f8r9-fgfm'],
  ['timer_list', MASKS],
  ['iomem', 'CWE-200: the map of the memory'],
  ['ioports', 'CWE-200'],
  ['modules', 'CWE-200: what there is to attack'],
  ['pagetypeinfo', 'CWE-200: help for attacks on the heap of the kernel'],
  ['config.gz', 'CWE-200'],
  ['sched_debug', MASKS],
  ['latency_stats', MASKS],
  ['cmdline', 'CWE-200: how the machine was started, with its disks and at times its passwords'],
  ['partitions', 'CWE-200: disks of the machine'],
  ['diskstats', 'CWE-200: what others read and write'],
  ['mdstat', 'CWE-200: disks of the machine'],
  ['swaps', 'CWE-200: disks of the machine'],
  ['vmstat', 'CWE-200: what others do with memory'],
  ['zoneinfo', 'CWE-200: help for attacks on the heap of the kernel'],
  ['buddyinfo', 'CWE-200: help for attacks on the heap of the kernel'],
  ['crypto', 'CWE-200: what there is to attack'],
  ['devices', 'CWE-200: what there is to attack'],
  ['misc', 'CWE-200: what there is to attack'],
  ['consoles', 'CWE-200'],
  ['cgroups', 'how many cells there are'],
  ['schedstat', 'what others compute'],
  ['sys/kernel/random/boot_id', 'jobs of one machine know each other by it'],
  ['sys/fs/file-nr', 'a counter that all can move and all can read is a channel'],
  ['sys/fs/aio-nr', 'a counter that all can move and all can read is a channel'],
  ['sys/fs/inode-nr', 'a counter that all can move and all can read is a channel'],
  ['sys/fs/inode-state', 'a counter that all can move and all can read is a channel'],
  ['sys/fs/dentry-state', 'a counter that all can move and all can read is a channel'],
];
const FOLDERS = ['acpi', 'asound', 'bus', 'driver', 'fs', 'irq', 'pressure', 'scsi', 'sys/kernel/pty'];

const file = ([name, rule]: (typeof FILES)[number]): Probe => ({
  name: `/proc/${name} shows nothing`,
  rule,
  script: `head -c 1 /proc/${name} | wc -c; stat -c %t:%T /proc/${name}`,
  answer: '0\n1:3',
  otherwise: /\n0:0$/,
  weak: UNMASKED,
  needs: `/proc/${name}`,
});

const folder = (name: string): Probe => ({
  name: `/proc/${name} is empty`,
  rule: MASKS,
  script: `ls -A /proc/${name}; stat -f -c %T /proc/${name}`,
  answer: 'tmpfs',
  otherwise: /proc$/,
  weak: UNMASKED,
  needs: `/proc/${name}`,
});

/** Files that change the machine for everybody. They are the host's root's, who is nobody in a cell. */
const SETTINGS: readonly (readonly [path: string, rule: string])[] = [
  ['/proc/sys/kernel/core_pattern', 'CVE-2022-0492 and its like: a program that the kernel starts as root'],
  ['/proc/sys/kernel/modprobe', 'a program that the kernel starts as root'],
  ['/proc/sys/kernel/hotplug', 'a program that the kernel starts as root'],
  ['/proc/sys/kernel/poweroff_cmd', 'a program that the kernel starts as root'],
  ['/proc/sys/vm/overcommit_memory', 'proc_sys_vm(5)'],
  ['/proc/sys/vm/drop_caches', 'proc_sys_vm(5)'],
  ['/proc/sys/fs/file-max', 'proc_sys_fs(5)'],
  ['/proc/sys/fs/binfmt_misc/register', 'CVE-2025-52881: interpreters for the whole machine'],
  ['/proc/sys/kernel/yama/ptrace_scope', 'ptrace(2)'],
  ['/proc/mtrr', 'CVE-2007-5633'],
];

const setting = ([path, rule]: (typeof SETTINGS)[number]): Probe => ({
  name: `${path} cannot be written`,
  rule,
  script: `$PROBE open w ${path}`,
  answer: /^(EACCES|EROFS)$/,
  otherwise: 'ok',
  weak: OUTSIDE,
  needs: path,
});

/** Files that it takes a capability to write, which root of the cell may have. */
const CAPABLE_OWN: readonly (readonly [path: string, rule: string])[] = [
  ['/proc/sys/net/ipv4/ip_forward', 'settings of namespaces are for the plan'],
  ['/proc/sys/kernel/shmmax', 'settings of namespaces are for the plan'],
  ['/proc/sys/user/max_user_namespaces', 'namespaces(7): the limit would be no limit'],
];

const capableOwn = ([path, rule]: (typeof CAPABLE_OWN)[number]): Probe => ({
  name: `${path}, its own, cannot be written`,
  rule,
  script: `$PROBE open w ${path}`,
  answer: 'EROFS',
  otherwise: 'ok',
  cell: CAPABLE,
  weak: CAPABLE_UNSEALED,
  needs: path,
});

const CAP_SYS_RESOURCE = 24n;
const isCapable = (capability: bigint): boolean => {
  const [, effective = '0'] = /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> capability) & 1n) === 1n;
};

battery(
  '/proc',
  [
    ...FILES.map(file),
    ...FOLDERS.map(folder),
    {
      name: '/proc/sysrq-trigger is another file',
      rule: 'CVE-2016-3697 and its like: one letter restarts the machine',
      script: 'stat -c %t:%T /proc/sysrq-trigger',
      answer: '1:3',
      otherwise: '0:0',
      weak: UNMASKED,
      needs: '/proc/sysrq-trigger',
    },
    ...SETTINGS.map(setting),
    ...CAPABLE_OWN.map(capableOwn),
    {
      name: 'nothing but files of processes can be written, with any capability',
      rule: 'read-only paths of Docker and Podman',
      script:
        'find /proc -path "/proc/[0-9]*" -prune -o -type f -print 2>/dev/null | ' +
        'while read -r f; do true 2>/dev/null >>"$f" && echo "$f"; done',
      answer: '',
      otherwise: /^\/proc\/sys\/net\/ipv4\/ip_forward$/m,
      cell: CAPABLE,
      weak: CAPABLE_UNSEALED,
    },
    {
      name: 'it cannot make others die first when memory runs out',
      rule: 'proc_pid_oom_score_adj(5)',
      script: '$PROBE write /proc/self/oom_score_adj -1',
      answer: 'EACCES',
      otherwise: 'ok',
      weak: OUTSIDE,
      needs: isCapable(CAP_SYS_RESOURCE) ? '/proc' : 'root of this machine may not do so either',
    },
    {
      name: 'its ids cannot be mapped again',
      rule: 'user_namespaces(7): a map is written once',
      // In a user namespace below it, where there are any, which has no map yet.
      script: 'busybox unshare -Ur echo ok 2>/dev/null || $PROBE write /proc/self/uid_map "0 0 1"',
      answer: 'EPERM',
      otherwise: 'ok',
      weak: NESTABLE,
    },
    {
      name: 'a mask cannot be taken off',
      rule: 'CVE-2023-28642 and CVE-2025-31133: masks that were got around',
      script: 'umount /proc/kcore 2>/dev/null; stat -c %t:%T /proc/kcore',
      answer: '1:3',
      otherwise: '0:0',
      weak: CAPABLE,
      needs: '/proc/kcore',
    },
    {
      name: 'a second /proc without masks cannot be mounted',
      rule: 'CVE-2023-27561',
      script: 'mkdir /tmp/proc && mount -t proc proc /tmp/proc 2>/dev/null; ls /tmp/proc | wc -l',
      answer: '0',
      weak: CAPABLE_UNMASKED,
    },
    {
      name: 'the seal cannot be broken',
      rule: 'mount_namespaces(7): locked attributes',
      script: 'mount -o remount,bind,rw /proc/sys 2>/dev/null; grep -o " /proc/sys proc r[ow]," /proc/mounts',
      answer: '/proc/sys proc ro,',
      otherwise: '/proc/sys proc rw,',
      weak: CAPABLE,
    },
    {
      name: 'no process of the host is to be seen',
      rule: 'pid_namespaces(7)',
      script: 'ls /proc | grep -c "^[0-9]"; ls -d /proc/$OUTSIDE 2>/dev/null',
      answer: /^[1-9]$/,
      otherwise: new RegExp(`\n/proc/${process.pid}$`),
      weak: NEGLIGENT,
    },
  ],
  () => ({ OUTSIDE: String(process.pid) }),
);

// A kernel that has none of these is not one that the masks were written for.
if (!FILES.some(([name]) => existsSync(`/proc/${name}`))) throw new Error('/proc has nothing to mask');
