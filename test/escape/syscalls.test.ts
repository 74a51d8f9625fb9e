/** System calls that cells are refused. */

import { existsSync, readFileSync } from 'node:fs';
import { battery, type Probe } from './support/battery.ts';
import { call } from './support/call.ts';
import { UNFILTERED } from './support/making.ts';

/** Calls with arguments that the kernel itself refuses, and otherwise than with EPERM. */
const CALLS: readonly (readonly [name: string, rule: string, ...values: readonly number[]])[] = [
  ['io_uring_setup', 'CVE-2023-2598 and its like: calls that no filter sees', 0, 0],
  ['keyctl', 'CVE-2016-0728', 0, 0x7fffffff, 0],
  ['add_key', 'CVE-2016-0728', 0, 0, 0, 0, 0],
  ['request_key', 'CVE-2017-17807', 0, 0, 0, 0],
  ['process_vm_readv', 'CWE-200: memory of others', 1, 0, 0, 0, 0, 1],
  ['kcmp', 'CVE-2020-7053 and its like: where things of the kernel lie', 1_000_000, 1_000_000, 0],
  ['pidfd_getfd', 'descriptors of others', -1, 0, 0],
  ['setns', 'the way into the namespaces of others', -1, 0],
  ['userfaultfd', 'CVE-2021-22555 and its like: exploits that wait where they please', 0x7fffffff],
  ['ptrace', 'CVE-2019-13272', 0x4206, 1_000_000, 0, 0],
  ['name_to_handle_at', 'CVE-2015-1334 ("shocker")', -1, 0, 0, 0, 0],
  ['mount_setattr', 'mount_setattr(2)', -1, 0, 0, 0, 0],
  ['open_tree', 'CVE-2022-0185', -1, 0, 0x40000000],
  ['move_pages', 'move_pages(2)', 0, 1, 0, 0, 0, 0x40000000],
  ['perf_event_open', 'CVE-2013-2094', 0, 0, 0, 0, 0],
];

// io_uring of a kernel that has turned it off for everybody is not kept away by a filter.
const OFF = '/proc/sys/kernel/io_uring_disabled';
const uringIsOff = existsSync(OFF) && readFileSync(OFF, 'utf8').trim() === '2';

const refused = ([name, rule, ...values]: (typeof CALLS)[number]): Probe => ({
  name: `${name} is refused`,
  rule,
  script: call(name, ...values),
  answer: 'EPERM',
  weak: UNFILTERED,
  ...(name === 'io_uring_setup' && uringIsOff && { needs: 'io_uring, which is off here' }),
});

/** Families of sockets whose code is old, large and rarely reviewed. */
const FAMILIES: readonly (readonly [
  name: string,
  rule: string,
  family: number,
  type: number,
  protocol: number,
])[] = [
  ['AF_ALG', 'CVE-2026-31431 ("Copy Fail"): pages of files changed in memory', 38, 5, 0],
  ['AF_VSOCK', 'CVE-2021-26708', 40, 1, 0],
  ['NETLINK_NETFILTER', 'CVE-2022-32250 and its like', 16, 3, 12],
  ['NETLINK_XFRM', 'CVE-2017-7184', 16, 3, 6],
];

const family = ([name, rule, ...values]: (typeof FAMILIES)[number]): Probe => ({
  name: `a socket of ${name} is refused`,
  rule,
  script: call('socket', ...values),
  answer: 'EPERM',
  weak: UNFILTERED,
});

battery('system calls', [
  ...CALLS.map(refused),
  ...FAMILIES.map(family),
  {
    name: 'what everybody does on the machine is not shown',
    rule: 'audit(8); answered as by a kernel without it',
    script: call('socket', 16, 3, 9),
    answer: 'EPROTONOSUPPORT',
    otherwise: 'ok',
    weak: UNFILTERED,
  },
  {
    name: 'clone3, whose flags no filter can see, does not exist',
    rule: 'seccomp(2)',
    script: call('clone3', 0, 0),
    answer: 'ENOSYS',
    otherwise: 'EINVAL',
    weak: UNFILTERED,
  },
  {
    name: 'the clock of the machine cannot be set',
    rule: 'CAP_SYS_TIME; time namespaces do not cover it',
    script: call('clock_settime', 0, 1),
    answer: 'EPERM',
    otherwise: 'EFAULT',
    weak: UNFILTERED,
  },
]);
