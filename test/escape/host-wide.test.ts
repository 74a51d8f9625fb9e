/** What all cells and the host share without a cgroup to divide it: pools, uncharged memory, protocols of the kernel. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StartedCell } from '../support/cell.ts';
import { ID_BASE } from '../support/image.ts';
import { program } from '../support/programs.ts';
import { battery, type Probe } from './support/battery.ts';
import { call } from './support/call.ts';
import { Cells, PROBE } from './support/cells.ts';
import { CELL, HOSTS_NODES, type Making, NEGLIGENT, STEPS, UNFILTERED, UNSET } from './support/making.ts';

const AF = { INET: 2, INET6: 10 } as const;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;

/** Internet protocols that the kernel implements and programs do not need; `needs`: what shows that it does. */
const PROTOCOLS: readonly (readonly [
  name: string,
  needs: string,
  rule: string,
  family: number,
  type: number,
  protocol: number,
])[] = [
  ['MPTCP', '/proc/sys/net/mptcp', 'CVE-2024-26782 and its like', AF.INET, SOCK_STREAM, 262],
  ['MPTCP of IPv6', '/proc/sys/net/mptcp', 'CVE-2024-26782 and its like', AF.INET6, SOCK_STREAM, 262],
  ['UDP-Lite', '/proc/net/udplite', 'code that nobody looks at', AF.INET, SOCK_DGRAM, 136],
];

const protocol = ([name, needs, rule, ...values]: (typeof PROTOCOLS)[number]): Probe => ({
  name: `${name} is as on a kernel without it`,
  rule,
  script: call('socket', ...values),
  answer: 'EPROTONOSUPPORT',
  otherwise: 'ok',
  weak: UNFILTERED,
  needs,
});

/** Options of SOL_SOCKET that have the kernel compile a program. */
const FILTERS = { ATTACH_FILTER: 26, ATTACH_BPF: 50, ATTACH_REUSEPORT_CBPF: 51, ATTACH_REUSEPORT_EBPF: 52 };

const filter = ([name, option]: readonly [string, number]): Probe => ({
  name: `SO_${name} is refused`,
  rule: '52,000 filters of four jobs took 1.4 GB that no cgroup was charged for',
  script: call('setsockopt', -1, 1, option, 0, 0),
  answer: 'EPERM',
  otherwise: 'EBADF',
  weak: UNFILTERED,
});

/** Sizes of buffers, which the kernel treats as hints. */
const BUFFERS = { SNDBUF: 7, RCVBUF: 8, SNDBUFFORCE: 32, RCVBUFFORCE: 33 };

const buffer = ([name, option]: readonly [string, number]): Probe => ({
  name: `SO_${name} succeeds and does nothing`,
  rule: 'each netlink socket held 8 MiB that no cgroup was charged for',
  script: call('setsockopt', -1, 1, option, 0, 0),
  answer: 'ok',
  otherwise: 'EBADF',
  weak: UNFILTERED,
});

const HUGETLB = 'huge pages are a pool of the machine, which memory.max does not count';

battery('what cells share with the whole machine: calls', [
  ...PROTOCOLS.map(protocol),
  ...Object.entries(FILTERS).map(filter),
  ...Object.entries(BUFFERS).map(buffer),
  {
    name: 'there are no huge pages for mmap',
    rule: HUGETLB,
    script: call('mmap', 0, 4096, 0, 0x4_0002, -1, 0),
    answer: 'ENOMEM',
    otherwise: 'EBADF',
    weak: UNFILTERED,
  },
  {
    name: 'there are no huge pages for memfd_create',
    rule: HUGETLB,
    script: call('memfd_create', 0, 4),
    answer: 'ENOMEM',
    otherwise: 'EFAULT',
    weak: UNFILTERED,
  },
  {
    name: 'there are no huge pages for shmget',
    rule: HUGETLB,
    script: call('shmget', 0, 0, 0o4000),
    answer: 'ENOMEM',
    otherwise: 'EINVAL',
    weak: UNFILTERED,
  },
  {
    name: 'pages cannot be merged with those of others',
    rule: 'CVE-2015-2877: what others hold, by the time of a write',
    script: call('madvise', 0, 0, 12),
    answer: 'EINVAL',
    otherwise: 'ok',
    weak: UNFILTERED,
    needs: '/sys/kernel/mm/ksm',
  },
  {
    name: 'pages of a whole process cannot be merged either',
    rule: 'PR_SET_MEMORY_MERGE(2const)',
    script: call('prctl', 67, 0, 0, 0, 0),
    answer: 'EPERM',
    otherwise: /^(ok|EINVAL)$/,
    weak: UNFILTERED,
  },
  {
    name: 'contexts for asynchronous I/O are as on a kernel without them',
    rule: 'fs.aio-max-nr: one job had 65,468 of 65,536',
    script: call('io_setup', 0, 0),
    answer: 'ENOSYS',
    otherwise: 'EFAULT',
    weak: UNFILTERED,
    needs: '/proc/sys/fs/aio-max-nr',
  },
]);

const UNBOUNDED_TERMINALS: Making = {
  plan: {
    steps: STEPS.map((step) =>
      step.kind === 'mount' && step.path === '/dev/pts'
        ? { ...step, options: step.options.replace(/,max=\d+/, '') }
        : step,
    ),
  },
};

battery('what cells share with the whole machine: pools', [
  {
    name: 'terminals end before 100',
    rule: 'kernel.pty.max: one job had all 3,071',
    script: '$HOARD terminals 100',
    answer: 'ENOSPC 64',
    otherwise: 'all 100',
    weak: UNBOUNDED_TERMINALS,
  },
  {
    name: 'a user namespace has limits of its own for inotify',
    rule: 'user.max_inotify_*: one job had all instances of root of the machine',
    script: 'cd /proc/sys/user; cat max_inotify_instances max_inotify_watches',
    answer: '128\n65536',
    weak: UNSET,
  },
  {
    name: 'the buffers of a TCP socket are small',
    rule: 'net.ipv4.tcp_mem: one job took all memory for TCP of the machine',
    script: "cd /proc/sys/net/ipv4; cat tcp_rmem tcp_wmem | awk '{ print $3 }'",
    answer: '1048576\n1048576',
    weak: UNSET,
  },
]);

/** All of its devices are null devices. */
const NULL_DEVICES: Making = {
  plan: { steps: STEPS.map((step) => (step.kind === 'device' ? { ...step, major: 1, minor: 3 } : step)) },
};
/** As `stat -c %D:%i` shows it. */
const identity = (path: string): string => {
  const { dev, ino } = statSync(path);
  return `${dev.toString(16)}:${ino}`;
};

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

/** A lock of the host on its own null device, which others can share but nobody have alone meanwhile. */
let lock: ChildProcess;
beforeAll(async () => {
  lock = spawn(program(PROBE), ['share', '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (lock.stdout) await once(lock.stdout, 'data');
});
afterAll(async () => {
  lock.stdin?.end();
  await once(lock, 'exit');
});

const unlocked = (name: string, file: string): Probe => ({
  name: `a lock on ${name} does not lock the host's`,
  rule: 'flock(2): a lock of a cell blocked the host',
  script: `flock -n ${file} true && echo free || echo taken`,
  answer: 'free',
  otherwise: 'taken',
  weak: HOSTS_NODES,
});

battery('devices are not those of the host', [
  ...DEVICES.map(
    (name): Probe => ({
      name: `/dev/${name} is another file than the host's`,
      rule: 'inotify(7) and utimensat(2): what the host does is seen, and what it sees is changed',
      script: `[ "$(stat -c %D:%i /dev/${name})" = ${identity(`/dev/${name}`)} ] && echo same || echo other; stat -c "%t:%T %a" /dev/${name}`,
      answer: /^other\n[15]:[035789] 666$/,
      otherwise: /^same\n/,
      weak: HOSTS_NODES,
    }),
  ),
  unlocked('/dev/null', '/dev/null'),
  unlocked('the standard input', '/dev/stdin'),
  {
    name: 'devices do what they do',
    rule: 'null(4), full(4), random(4)',
    script: [
      'echo lost >/dev/null; wc -c </dev/null; head -c 5 /dev/zero | wc -c; head -c 5 /dev/urandom | wc -c',
      'echo x 2>&1 >/dev/full | grep -o "No space.*"; head -c 3 /dev/stdin | wc -c',
    ].join('\n'),
    answer: '0\n5\n5\nNo space left on device\n0',
    weak: NULL_DEVICES,
  },
]);

battery('what is usable nevertheless', [
  {
    name: 'root of a cell can ping itself',
    rule: 'net.ipv4.ping_group_range',
    script: 'ping -c 1 -W 5 127.0.0.1 2>&1 | grep -c "bytes from"',
    answer: '1',
    otherwise: '0',
    weak: UNSET,
  },
  {
    name: 'any user of a cell can listen on port 80',
    rule: 'net.ipv4.ip_unprivileged_port_start',
    script: '$PROBE bind 80',
    answer: 'ok',
    otherwise: 'EACCES',
    weak: UNSET,
  },
]);

describe('what the kernel counts by user', () => {
  const cells = new Cells();
  afterAll(() => cells.close());

  /** Has a cell keep pending signals, and calls `look` meanwhile. */
  const whileSignalsPend = async <Found>(
    making: Making,
    look: (cell: StartedCell) => Found | Promise<Found>,
  ): Promise<Found> => {
    const cell = await cells.start(['/hoard', 'signals', String(SIGNALS), 'keep'], making);
    try {
      await expect.poll(() => readFileSync(join(cell.folder, 'log'), 'utf8')).toContain(`all ${SIGNALS}`);
      return await look(cell);
    } finally {
      await cell.control.stop(0);
      await cell.finished;
    }
  };

  // Fewer than RLIMIT_SIGPENDING of a cell; more than anybody else has at the same time.
  const SIGNALS = 4000;
  /** Signals that wait for processes of root of the machine (proc_pid_status(5)). */
  const pendingOfRoot = (): number =>
    Number(/^SigQ:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  const ownerOf = (cell: StartedCell): string => {
    const pid = readFileSync(join(cell.cgroup, 'cgroup.procs'), 'utf8').split('\n')[0];
    const words = ['owner', `/proc/${pid}/ns/user`];
    return execFileSync(program(PROBE), words, { encoding: 'utf8' }).trim();
  };

  const isOfCell = (uid: string): boolean => Number(uid) >= ID_BASE && Number(uid) < ID_BASE + 65_536;

  it('is counted against an id of the cell and not against root of the machine', async () => {
    const found = await whileSignalsPend(CELL, (cell) => [
      isOfCell(ownerOf(cell)),
      pendingOfRoot() < SIGNALS,
    ]);
    expect(found).toEqual([true, true]);
    const weakened = await whileSignalsPend(NEGLIGENT, (cell) => [ownerOf(cell), pendingOfRoot() < SIGNALS]);
    expect(weakened).toEqual(['0', false]);
  });

  it('is counted against another id for each cell, also where all have the same', async () => {
    const ofTwo = (making: Making) =>
      whileSignalsPend(making, (one) => whileSignalsPend(making, (other) => [ownerOf(one), ownerOf(other)]));
    const [one, other] = await ofTwo(CELL);
    expect(other).not.toBe(one);
    expect(await ofTwo(NEGLIGENT)).toEqual(['0', '0']);
  });
});
