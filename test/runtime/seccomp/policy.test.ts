/** What the policy allows and refuses. */

import { describe, expect, it } from 'vitest';
import { ARCHITECTURES, cellFilter, decide } from '../../../src/runtime/seccomp/index.ts';
import { POLICY } from '../../../src/runtime/seccomp/policy.ts';
import { pick, type Random, randomFrom } from '../../support/random.ts';
import { Interpreter, type Outcome } from './interpreter.ts';

const EPERM = 1;
const ENOMEM = 12;
const EINVAL = 22;
const ENOSYS = 38;
const EPROTONOSUPPORT = 93;

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** From advisories and the reviews of other profiles; on purpose apart from the policy. */
const DANGEROUS = words(`
  unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
  ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp bpf perf_event_open userfaultfd
  io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key kexec_load kexec_file_load init_module
  finit_module delete_module acct quotactl quotactl_fd swapon swapoff iopl ioperm open_by_handle_at
  name_to_handle_at lookup_dcookie move_pages migrate_pages mbind set_mempolicy fanotify_init fanotify_mark vmsplice
  memfd_secret modify_ldt settimeofday clock_settime clock_adjtime reboot syslog vhangup sethostname setdomainname`);

/** What the launcher does after it has loaded the filter, what a C library begins with, and what init does. */
const NEEDED = words(`
  execve write newfstatat openat read close exit_group brk mmap mprotect munmap arch_prctl set_tid_address
  set_robust_list rseq rt_sigaction rt_sigprocmask rt_sigreturn restart_syscall futex getrandom prlimit64 wait4 kill
  recvmsg sendmsg ppoll poll fork vfork exit getpid`);

/** What the kernel makes of arguments whose verdict depends on them, in its own types. */
const u32 = (value: bigint): number => Number(BigInt.asUintN(32, value));
const MODELS: Readonly<Record<string, (args: readonly bigint[]) => Outcome['verdict']>> = {
  clone: ([flags = 0n]) => ((flags & 0xffff_ffff_7e02_0080n) === 0n ? 'allow' : EPERM),
  socket: ([family = 0n, type = 0n, protocol = 0n]) => {
    if (u32(family) === 1) return 'allow';
    if (u32(family) === 2 || u32(family) === 10) return internet(u32(family), u32(type) & 15, u32(protocol));
    if (u32(family) !== 16) return EPERM;
    if (u32(protocol) === 9) return EPROTONOSUPPORT;
    return u32(protocol) === 0 ? 'allow' : EPERM;
  },
  setsockopt: ([, level = 0n, option = 0n]) => {
    if (u32(level) !== 1) return 'allow';
    if ([7, 8, 32, 33].includes(u32(option))) return 0;
    return [26, 50, 51, 52].includes(u32(option)) ? EPERM : 'allow';
  },
  mmap: ([, , , flags = 0n]) => ((u32(flags) & 0x40000) === 0 ? 'allow' : ENOMEM),
  memfd_create: ([, flags = 0n]) => ((u32(flags) & 4) === 0 ? 'allow' : ENOMEM),
  shmget: ([, , flags = 0n]) => ((u32(flags) & 0o4000) === 0 ? 'allow' : ENOMEM),
  madvise: ([, , advice = 0n]) => (u32(advice) === 12 ? EINVAL : 'allow'),
  socketpair: ([family = 0n]) => (u32(family) === 1 ? 'allow' : EPERM),
  ioctl: ([, request = 0n]) => ([0x5412, 0x541c, 0x5423].includes(u32(request)) ? EPERM : 'allow'),
  personality: ([persona = 0n]) =>
    [0, 8, 0x20000, 0x20008, 0xffffffff].includes(u32(persona)) ? 'allow' : EPERM,
  prctl: ([option = 0n]) => ([35, 62, 67].includes(u32(option)) ? EPERM : 'allow'),
  mknod: ([, mode = 0n]) => nodes(mode),
  mknodat: ([, , mode = 0n]) => nodes(mode),
};
/** By type, then by family: AF_INET and AF_INET6, where each has an ICMP of its own. */
const PROTOCOLS: Readonly<Record<number, Readonly<Record<number, readonly number[]>>>> = {
  1: { 2: [0, 6], 10: [0, 6] },
  2: { 2: [0, 17, 1], 10: [0, 17, 58] },
};
const internet = (family: number, type: number, protocol: number): Outcome['verdict'] => {
  const known = PROTOCOLS[type]?.[family];
  if (known === undefined) return EPERM;
  return known.includes(protocol) ? 'allow' : EPROTONOSUPPORT;
};
const nodes = (mode: bigint): Outcome['verdict'] =>
  [0, 0o100000, 0o010000, 0o140000].includes(u32(mode) & 0o170000) ? 'allow' : EPERM;

/** Values around which verdicts change, and any others, with and without bits in the high half. */
const EDGES = [
  ...[
    0n,
    1n,
    2n,
    3n,
    4n,
    6n,
    7n,
    8n,
    9n,
    10n,
    12n,
    15n,
    16n,
    17n,
    26n,
    29n,
    35n,
    38n,
    40n,
    44n,
    50n,
    51n,
    52n,
  ],
  ...[32n, 33n, 58n, 62n, 67n, 132n, 136n, 255n, 256n, 262n, 0o4000n, 0x4_0000n, 0x4_0022n],
  ...[0x11n, 0x80n, 0x0002_0000n, 0x0002_0008n, 0x0200_0000n, 0x1000_0000n, 0x4000_0000n, 0x8000_0000n],
  ...[0x3d0f00n, 0x01200011n, 0x7e02_0000n, 0x5401n, 0x5411n, 0x5412n, 0x5413n, 0x541cn, 0x5423n],
  ...[0o10644n, 0o20644n, 0o40755n, 0o60600n, 0o100644n, 0o140777n, 0o120777n, 0xffff_ffffn],
] as const;
const argument = (random: Random): bigint => {
  const low = random(4) === 0 ? BigInt(random(2 ** 32)) : pick(random, EDGES);
  return (random(2) === 0 ? 0n : BigInt(random(2 ** 32)) << 32n) | low;
};

describe.each(Object.entries(ARCHITECTURES))('the filter of %s', (arch, { audit, syscalls }) => {
  const filter = new Interpreter(cellFilter(arch));
  const names = new Map(Object.entries(syscalls).map(([name, number]) => [number, name]));
  const run = (number: number, args?: readonly bigint[]): Outcome =>
    filter.run({ architecture: audit, number, ...(args && { args }) });
  const verdict = (name: string): Outcome['verdict'] => run(syscalls[name] ?? Number.NaN).verdict;
  const here = (list: readonly string[]): readonly string[] => list.filter((name) => name in syscalls);

  it('is short, and so is every path through it', () => {
    expect(filter.program.length).toBeLessThan(300);
    const steps = [...names.keys()].map((number) => run(number).steps);
    expect(Math.max(...steps)).toBeLessThan(30);
  });

  it('refuses what is dangerous', () => {
    expect(here(DANGEROUS).length).toBeGreaterThan(50);
    for (const name of here(DANGEROUS)) expect(verdict(name), name).toBe(EPERM);
  });

  it('allows what the launcher does after loading it, and what every program does', () => {
    expect(here(NEEDED).length).toBeGreaterThan(25);
    for (const name of here(NEEDED)) expect(verdict(name), name).toBe('allow');
  });

  it('lets C libraries take clone, whose flags can be seen, instead of clone3', () => {
    expect(verdict('clone3')).toBe(ENOSYS);
    // As fork(), pthread_create() and posix_spawn() call it.
    for (const flags of [0x0120_0011n, 0x003d_0f00n, 0x4111n])
      expect(run(syscalls['clone'] ?? -1, [flags]).verdict).toBe('allow');
  });

  it('decides each number alike whatever the arguments, except those that depend on them', () => {
    const random = randomFrom(1);
    for (let number = 0; number < 1100; number++) {
      const name = names.get(number);
      if (name !== undefined && MODELS[name] !== undefined) continue;
      const { verdict: expected, constant } = run(number);
      expect(constant, `${name} ${number}`).toBe(true);
      if (name === undefined) expect(expected, String(number)).toBe(ENOSYS);
      for (let round = 0; round < 8; round++) {
        const args = Array.from({ length: 6 }, () => argument(random));
        expect(run(number, args).verdict).toBe(expected);
      }
    }
  });

  it.each(Object.keys(MODELS).filter((name) => name in syscalls))(
    'judges %s as the kernel reads it',
    (name) => {
      const random = randomFrom(2);
      const number = syscalls[name] ?? -1;
      const seen = new Set<Outcome['verdict']>();
      for (let round = 0; round < 20_000; round++) {
        const args = Array.from({ length: 6 }, () => argument(random));
        const expected = MODELS[name]?.(args);
        const outcome = run(number, args).verdict;
        if (outcome !== expected) expect.fail(`${name}(${args.join(', ')}) is ${outcome}, not ${expected}`);
        seen.add(outcome);
      }
      expect([...seen]).toContain('allow');
      expect(seen.size).toBeGreaterThan(1);
    },
  );

  it('treats numbers above the table as unknown, x32 and negative ones among them', () => {
    const last = Math.max(...names.keys());
    const x32 = 0x4000_0000;
    const numbers = [last + 1, 10_000, x32 - 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
    for (const number of names.keys()) numbers.push(x32 | number, 0x8000_0000 + number);
    for (let number = 512; number < 548; number++) numbers.push(number, x32 | number);
    const random = randomFrom(3);
    for (let round = 0; round < 5000; round++) numbers.push(last + 1 + random(2 ** 32 - last - 1));
    for (const number of numbers) expect(run(number).verdict, number.toString(16)).toBe(ENOSYS);
  });

  it('ends what calls as another architecture, whatever it calls', () => {
    // i386, ARM, x86_64 and aarch64 as they are, big-endian ARM64, PowerPC, s390x, RISC-V, nothing.
    const others = [
      0x40000003, 0x40000028, 0xc000003e, 0xc00000b7, 0x800000b7, 0xc0000015, 0x80000016, 0xc00000f3, 0,
    ];
    for (const architecture of others.filter((other) => other !== audit))
      for (let number = 0; number < 600; number++)
        expect(filter.run({ architecture, number }).verdict).toBe('kill');
  });
});

describe('the policy', () => {
  const x64 = ARCHITECTURES['x64'];
  const decided = (change: Partial<typeof POLICY>) => () => x64 && decide({ ...POLICY, ...change }, x64);

  it('decides each call once', () => {
    expect(decided({})).not.toThrow();
    expect(decided({ absent: {} })).toThrow('no decision about _sysctl');
    expect(decided({ refused: { ...POLICY.refused, twice: 'read' } })).toThrow('two decisions about read');
    expect(decided({ allowed: { ...POLICY.allowed, misspelt: 'reed' } })).toThrow('no architecture has reed');
  });

  it('is for two architectures, and says so of others', () => {
    expect(() => cellFilter('riscv64')).toThrow(
      'no seccomp filter for riscv64: cells are made on x64 and arm64',
    );
  });
});
