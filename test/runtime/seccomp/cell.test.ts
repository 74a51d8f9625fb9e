/** The seccomp filter in a real cell. */

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainFailure } from '../../../src/runtime/launch-failure.ts';
import { mountSteps } from '../../../src/runtime/mounts.ts';
import { parseExitRecord } from '../../../src/runtime/protocol/exit-record.ts';
import type { LaunchPlan } from '../../../src/runtime/protocol/plan.ts';
import { ARCHITECTURES } from '../../../src/runtime/seccomp/index.ts';
import { CellBench, type Finished } from '../../support/cell.ts';

const EPERM = 1;
const ENOSYS = 38;
/** An instruction: "allow". */
const ALLOW = '060000000000ff7f';
const SYSCALLS = ARCHITECTURES[process.arch]?.syscalls ?? {};

let bench: CellBench;
let folder: string;

beforeAll(() => {
  bench = new CellBench();
  folder = mkdtempSync(join(tmpdir(), 'cloister-probe-'));
  chmodSync(folder, 0o755);
  const source = join(import.meta.dirname, 'probe.c');
  execFileSync('cc', ['-static', '-O1', '-Wall', '-Werror', '-o', join(folder, 'probe'), source]);
  chmodSync(join(folder, 'probe'), 0o755);
});
afterAll(async () => {
  await bench.close();
  rmSync(folder, { recursive: true });
});

const WEAKENED = { seccomp: null } as const;
/** Mounts without the other thing that refuses user namespaces: the limit of their number. */
const NESTABLE = mountSteps({
  shmBytes: 4096,
  ids: 65_536,
  hostname: 'cell',
  cgroup: true,
  devices: true,
}).filter(({ kind }) => kind !== 'write');

const runProbe = (calls: readonly string[], change: Partial<LaunchPlan>): Promise<Finished> => {
  const steps = [
    { kind: 'file', path: '/probe', mode: 0o755, text: '' },
    { kind: 'bind', source: join(folder, 'probe'), path: '/probe', attributes: 0 },
  ] as const;
  return bench.run(['/probe', ...calls], { steps, ...change });
};

/** Makes calls in a cell: the errno of each. */
const probe = async (calls: readonly string[], change: Partial<LaunchPlan> = {}): Promise<number[]> => {
  const { stdout, stderr, record } = await runProbe(calls, change);
  expect(record.failure).toBeNull();
  expect(stderr).toBe('');
  return stdout.trim().split('\n').map(Number);
};

/** How many filters the command is under. */
const filters = async (change: Partial<LaunchPlan> = {}): Promise<number> => {
  const { stdout } = await bench.sh("grep '^Seccomp_filters:' /proc/self/status", change);
  return Number(stdout.split(':')[1]);
};

/**
 * Calls that harm nothing where they are let through: their arguments are such that the kernel refuses them, or does
 * nothing. In a cell without the filter none of them fails with EPERM.
 */
const REFUSED: readonly (readonly [name: string, ...args: readonly string[]])[] = [
  ['unshare', '0'],
  ['setns', '-1', '0'],
  // CLONE_NEWUSER, and CLONE_FS, which does not go with it.
  ['clone', '0x10000200'],
  ['clone', '0x100010000200'],
  ['mount', '0', '0', '0', '0', '0'],
  ['ptrace', '-1', '0', '0', '0'],
  ['process_vm_readv', '-1', '0', '0', '0', '0', '0'],
  ['kcmp', '-1', '-1', '0', '0', '0'],
  ['pidfd_getfd', '-1', '-1', '0'],
  ['vmsplice', '-1', '0', '0', '0'],
  ['io_uring_enter', '-1', '0', '0', '0', '0', '0'],
  ['keyctl', '-1'],
  ['add_key', '0', '0', '0', '0', '0'],
  ['request_key', '0', '0', '0', '0'],
  ['userfaultfd', '-1'],
  ['quotactl', '0', '0', '0', '0'],
  ['move_pages', '-1', '0', '0', '0', '0', '0'],
  ['name_to_handle_at', '-1', '0', '0', '0', '0'],
  ['fanotify_mark', '-1', '0', '0', '0', '0'],
  ['memfd_secret', '-1'],
  // ADDR_NO_RANDOMIZE, of the probe alone.
  ['personality', '0x40000'],
  // Of /dev/null, which is not a terminal: TIOCSTI, also with a bit that the kernel does not look at, and TIOCLINUX.
  ['ioctl', '0', '0x5412', '0'],
  ['ioctl', '0', '0x100005412', '0'],
  ['ioctl', '0', '0x541c', '0'],
  // Netlink of IPsec and of packet filters; AF_VSOCK and AF_ALG, and AF_VSOCK with a high bit.
  ['socket', '16', '3', '6'],
  ['socket', '16', '3', '12'],
  ['socket', '40', '1', '0'],
  ['socket', '38', '5', '0'],
  ['socket', '0x100000028', '1', '0'],
];

/** As probe.c reads it. */
const call = ([name, ...args]: (typeof REFUSED)[number]): string =>
  [SYSCALLS[name] ?? name, ...args].join(':');
const CALLS = REFUSED.map(call);

describe('the filter of a cell', () => {
  it('is loaded for the command and for init', async () => {
    const { stdout } = await bench.sh("grep -h '^Seccomp:' /proc/self/status /proc/1/status");
    expect(stdout).toBe('Seccomp:\t2\nSeccomp:\t2\n');
  });

  it('is one filter more than without the statement in the plan', async () => {
    expect(await filters()).toBe((await filters(WEAKENED)) + 1);
  });

  it('refuses each dangerous call with EPERM', async () => {
    const answers = await probe(CALLS);
    expect(Object.fromEntries(CALLS.map((text, index) => [text, answers[index]]))).toEqual(
      Object.fromEntries(CALLS.map((text) => [text, EPERM])),
    );
  });

  it('is what refuses them: without it the kernel answers otherwise', async () => {
    const answers = await probe(CALLS, WEAKENED);
    expect(answers).toHaveLength(CALLS.length);
    for (const [index, answer] of answers.entries()) expect(answer, CALLS[index]).not.toBe(EPERM);
  });

  it('answers ENOSYS for clone3, for numbers that it does not know, and for x32', async () => {
    const { clone3 = 0, getpid = 0 } = SYSCALLS;
    const calls = [`${clone3}:0:0`, '10000', '1000000', `${0x4000_0000 + getpid}`, '-1'];
    expect(await probe(calls)).toEqual(calls.map(() => ENOSYS));
    const [answer] = await probe([`${clone3}:0:0`], WEAKENED);
    expect(answer).not.toBe(ENOSYS);
  });

  it('answers as a kernel without audit does when a program asks for it', async () => {
    expect(await probe([`${SYSCALLS['socket']}:16:3:9`])).toEqual([93]);
  });

  it.skipIf(process.arch !== 'x64')(
    'ends a command that calls as a 32-bit one (on x86_64 only)',
    async () => {
      const { record, stdout } = await runProbe(['int80'], {});
      expect(stdout).toBe('');
      expect(record.termination).toMatchObject({ kind: 'signaled', signal: 'SIGSYS' });
      const weakened = await runProbe(['int80'], WEAKENED);
      // A kernel without CONFIG_IA32_EMULATION has no such entry, and ends it otherwise.
      expect(weakened.record.termination).not.toMatchObject({ signal: 'SIGSYS' });
    },
  );

  it('lets no shell of the cell have namespaces, mounts or devices', async () => {
    const lines = [
      ...[
        'unshare -U true',
        'unshare -m true',
        'unshare -n true',
        'nsenter -t 1 -m true',
        'busybox chroot / true',
      ],
      ...['mount -t tmpfs none /mnt', 'mknod /dev/shm/gone c 0 0', 'dmesg'],
    ];
    const script = lines.map((line) => `${line} >/dev/null && echo '${line}'`).join('; ');
    expect((await bench.sh(script)).stdout).toBe('');
    const weakened = await bench.sh(
      'unshare -U true && echo namespace; mknod /dev/shm/gone c 0 0 && echo device',
      { ...WEAKENED, steps: NESTABLE },
    );
    expect(weakened.stdout).toBe('namespace\ndevice\n');
  });

  it('allows what ordinary programs do', async () => {
    const { stdout, stderr, record } = await bench.sh(
      [
        'mkfifo /tmp/f; (echo through >/tmp/f &); cat /tmp/f',
        'seq 1000 | sort -rn | head -n 1; ls / >/dev/null; ps >/dev/null; find /etc -type f | xargs grep -c . >/dev/null',
        'cp -r /etc /tmp/etc 2>/dev/null; tar -C /tmp -cf - etc | gzip | gunzip | tar -tf - >/dev/null; rm -r /tmp/etc',
        'touch /tmp/x; chmod 600 /tmp/x; ln -s x /tmp/y; mv /tmp/x /tmp/z; stat /tmp/z >/dev/null',
        'timeout 5 true; sleep 0; date >/dev/null; ip addr show lo >/dev/null; netstat -l >/dev/null; df >/dev/null',
        'sh -c "kill -9 \\$\\$"; echo $?',
      ].join('\n'),
    );
    expect({ stdout, stderr: stderr.replaceAll(/^Killed\n/gm, '') }).toEqual({
      stdout: 'through\n1000\n137\n',
      stderr: '',
    });
    expect(record.termination).toEqual({ kind: 'exited', code: 0 });
  });
});

describe('a filter that cannot be loaded', () => {
  const failure = async (seccomp: string): Promise<string> => {
    const { record } = await bench.run(['/bin/true'], { seccomp });
    expect(record).toMatchObject({ executed: false, termination: null });
    return record.failure === null ? '' : explainFailure(record.failure);
  };

  it('keeps the command from being executed', async () => {
    // "Load the number", and no answer.
    expect(await failure('2000000000000000')).toBe(
      'the cell could not be set up: seccomp: invalid argument (the kernel has no seccomp filters: ' +
        'CONFIG_SECCOMP_FILTER)',
    );
  });

  it.each([
    ['nothing', ''],
    ['half an instruction', ALLOW.slice(8)],
    ['an odd digit', `${ALLOW}0`],
    ['other digits', ALLOW.toUpperCase()],
    ['no digits', 'allow!!!allow!!!'],
    ['too many instructions', ALLOW.repeat(4097)],
  ])('makes the plan invalid when it is %s', async (_, seccomp) => {
    const { id, finished } = await bench.start(['/bin/true'], { seccomp });
    // Of a plan that was not read there is no log, which the bench would like to read.
    await Promise.allSettled([finished]);
    await expect.poll(() => bench.spawner.probe(id)).toBe(false);
    const { failure } = parseExitRecord(readFileSync(join(bench.state, 'exits', id)));
    expect(failure && explainFailure(failure)).toBe('the cell could not be set up: bad launch plan: seccomp');
  });

  it('may be as long as the kernel takes', async () => {
    const { record } = await bench.run(['/bin/true'], { seccomp: ALLOW.repeat(4096) });
    expect(record.termination).toEqual({ kind: 'exited', code: 0 });
  });
});
