/** Each check of the doctor, on machines that lack something. */

import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IMAGE_NAMES } from '../../../rootfs/catalogue.ts';
import { ownersFrom } from '../../../rootfs/tree.ts';
import { type CellOptions, checkCell } from '../../../src/runtime/doctor/cell.ts';
import { checkCgroups } from '../../../src/runtime/doctor/cgroups.ts';
import type { Check, Machine } from '../../../src/runtime/doctor/check.ts';
import { checkImages } from '../../../src/runtime/doctor/image.ts';
import {
  checkCorePattern,
  checkKernel,
  checkOverlay,
  checkSeccomp,
} from '../../../src/runtime/doctor/kernel.ts';
import { checkLauncher } from '../../../src/runtime/doctor/launcher.ts';
import { checkNamespaces, checkVisibility } from '../../../src/runtime/doctor/namespaces.ts';
import { checkPools } from '../../../src/runtime/doctor/pools.ts';
import { checkSpace, checkState, checkType } from '../../../src/runtime/doctor/state.ts';
import { IdsError } from '../../../src/runtime/ids/index.ts';
import { disposers } from '../../support/disposers.ts';
import { cgroup, describeCgroups, files, folder } from '../cgroup/fixture.ts';

const onEnd = disposers();

const machine = (contents: Readonly<Record<string, string>> = {}, over: Partial<Machine> = {}): Machine => ({
  proc: files(onEnd, contents),
  release: '6.1.0-28-amd64',
  uid: 0,
  ...over,
});
const brief = ({ name, status, detail }: Check) => `${status} ${name}: ${detail}`;

describe('kernel', () => {
  it.each([
    ['6.18.44', 'PASS'],
    ['6.1.0-28-amd64', 'PASS'],
    ['10.0.1', 'PASS'],
    ['6.0.9', 'WARN'],
    ['5.14.0-427.el9.x86_64', 'WARN'],
    ['5.13.19', 'FAIL'],
    ['4.19.0', 'FAIL'],
    ['unknown', 'FAIL'],
  ])('%s is %s', (release, status) => {
    const check = checkKernel(machine({}, { release }));
    expect(check).toMatchObject({ status, detail: expect.stringContaining(release) });
    expect(check.remedy).toBe(status === 'PASS' ? undefined : 'use Linux 6.1 or newer');
  });
});

describe('core dumps', () => {
  const checked = (pattern: string) => checkCorePattern(machine({ 'sys/kernel/core_pattern': pattern }));

  it('are a warning where they start a program', async () => {
    expect(await checked('core\n')).toMatchObject({ status: 'PASS' });
    expect(await checked('|/usr/share/apport/apport %p\n')).toMatchObject({
      status: 'WARN',
      detail: expect.stringContaining('|/usr/share/apport/apport'),
      remedy: expect.stringContaining('kernel.core_pattern=core'),
    });
  });
});

describe('seccomp', () => {
  const checked = (known: string, arch?: string) =>
    checkSeccomp(machine({ 'sys/kernel/seccomp/actions_avail': known }), arch);

  it('passes where the kernel knows what the filter of cells answers', async () => {
    const known = 'kill_process kill_thread trap errno user_notif trace log allow\n';
    expect(await checked(known)).toMatchObject({ status: 'PASS' });
    expect(await checked(known, 'riscv64')).toMatchObject({
      status: 'FAIL',
      detail: 'no filter for riscv64',
      remedy: 'use a machine of x64 or arm64',
    });
  });

  it('fails with a remedy where it does not, or knows of no filters at all', async () => {
    const check = await checked('kill_thread trap errno trace allow\n');
    expect(check).toMatchObject({ status: 'FAIL', detail: expect.stringMatching(/lacks kill_process$/) });
    expect(check.remedy).toContain('CONFIG_SECCOMP_FILTER');
    expect(await checkSeccomp(machine())).toMatchObject({ status: 'FAIL' });
  });
});

describe('overlay', () => {
  it('is found among the file systems', async () => {
    const filesystems = 'nodev\tsysfs\nnodev\toverlay\n\text4\n';
    expect(await checkOverlay(machine({ filesystems }))).toMatchObject({ status: 'PASS' });
  });

  it('is missing where neither the kernel nor a module has it', async () => {
    const filesystems = 'nodev\tsysfs\n\toverlayish\n';
    const check = await checkOverlay(machine({ filesystems }, { release: '0.0.0-none' }));
    expect(check).toMatchObject({ status: 'FAIL', remedy: expect.stringContaining('modprobe overlay') });
  });
});

describe('namespaces', () => {
  const KINDS = ['user', 'pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup'];
  const proc = (over: Readonly<Record<string, string>> = {}) => ({
    ...Object.fromEntries(KINDS.map((kind) => [`self/ns/${kind}`, ''])),
    ...Object.fromEntries(KINDS.map((kind) => [`sys/user/max_${kind}_namespaces`, '100\n'])),
    ...over,
  });

  it('pass, each kind on a line', async () => {
    const checks = await checkNamespaces(machine(proc()));
    expect(checks.map(brief)).toEqual(KINDS.map((kind) => `PASS ${kind} namespaces: up to 100`));
  });

  it('fail where they are turned off or not there', async () => {
    const { 'self/ns/net': _, ...rest } = proc({ 'sys/user/max_user_namespaces': '0\n' });
    const failed = (await checkNamespaces(machine(rest))).filter(({ status }) => status !== 'PASS');
    expect(failed.map(brief)).toEqual([
      'FAIL user namespaces: turned off: user.max_user_namespaces is 0',
      'FAIL net namespaces: this kernel has none',
    ]);
    expect(failed[0]?.remedy).toContain('sysctl -w user.max_user_namespaces=10000');
    expect(failed[1]?.remedy).toContain('CONFIG_NET_NS');
  });
});

describe('a cell', () => {
  const failing = (over: Partial<CellOptions>) => {
    const stateDir = folder(onEnd);
    return checkCell({
      launcher: '/cell',
      idBase: 65_536,
      stateDir,
      imagesDir: join(stateDir, 'images'),
      ...over,
    });
  };

  it('fails with the step that was refused, and what to do', async () => {
    const seen: string[] = [];
    const tryOut = async ({ folder: at }: { readonly folder: string }) => {
      seen.push(join(at, '..'));
      return { step: 'mount', errno: 1, subject: '/proc', second: '' };
    };
    const stateDir = folder(onEnd);
    const [, check] = await failing({ tryOut, stateDir });
    expect(check).toMatchObject({
      status: 'FAIL',
      detail: 'mount /proc: operation not permitted',
      remedy: expect.stringContaining('systempaths=unconfined'),
    });
    expect(seen.map((at) => at.startsWith(stateDir))).toEqual([true]);
    expect(readdirSync(stateDir)).toEqual([]);
  });

  it('warns where the owners of files cannot be mapped, with what that means for those of jobs', async () => {
    const proc = files(onEnd, {
      'self/uid_map': '0 0 4294967295\n',
      'self/gid_map': '0 0 4294967295\n',
      'self/setgroups': 'allow\n',
      'self/status': 'CapEff:\t000001ffffffffff\n',
    });
    const tryOut: CellOptions['tryOut'] = async ({ ids }) =>
      ids.owners === null ? undefined : { step: 'mount', errno: 22, subject: '', second: '' };
    const checks = await failing({ proc, user: { uid: 0, name: 'root' }, tryOut });
    expect(checks.map(brief)).toContain(
      'WARN ids of each job: all cells share one range; files that a job is given (--file) belong to nobody in its cell, where everybody may read them: mount: invalid argument',
    );
  });

  it('is not even tried where a user may make no namespace', async () => {
    const attempt = async () => {
      throw new IdsError('user namespace: Operation not permitted');
    };
    const tryOut = async () => {
      throw new Error('tried');
    };
    const proc = files(onEnd, {
      'self/uid_map': '0 0 4294967295\n',
      'self/gid_map': '0 0 4294967295\n',
      'self/setgroups': 'allow\n',
      'self/status': 'CapEff:\t0000000000000000\n',
      'sys/kernel/unprivileged_userns_clone': '0\n',
    });
    const checks = await failing({ proc, user: { uid: 1000, name: undefined }, attempt, tryOut });
    expect(checks).toMatchObject([
      { status: 'FAIL', remedy: expect.stringContaining('sysctl -w kernel.unprivileged_userns_clone=1') },
    ]);
  });
});

describe('proc', () => {
  const host = [
    '22 1 0:20 / /proc rw - proc proc rw',
    '23 22 0:33 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw',
    '24 1 0:21 / /sys rw - sysfs sysfs rw',
    '25 24 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
    '26 24 0:34 / /sys/kernel/security rw - securityfs securityfs rw',
  ];
  const docker = [
    '27 22 0:20 /sys /proc/sys ro - proc proc rw',
    '28 22 0:40 / /proc/acpi ro - tmpfs tmpfs ro',
    '29 22 0:5 /null /proc/kcore rw - tmpfs tmpfs rw',
    '30 24 0:41 / /sys/firmware ro - tmpfs tmpfs ro',
  ];

  it('pass on a machine', async () => {
    expect(await checkVisibility(machine({ 'self/mountinfo': host.join('\n') }))).toMatchObject({
      status: 'PASS',
    });
  });

  it('fail in a container that covers parts of it, whatever it covers of sysfs', async () => {
    const check = await checkVisibility(machine({ 'self/mountinfo': [...host, ...docker].join('\n') }));
    expect(brief(check)).toBe(
      'FAIL proc: parts are covered, so that no cell may mount its own: /proc/sys, /proc/acpi, /proc/kcore',
    );
    expect(check.remedy).toContain('systempaths=unconfined');
  });
});

describe('cgroups', () => {
  const proc = (mountinfo: string, rest: Readonly<Record<string, string>> = {}) =>
    machine({ 'self/mountinfo': mountinfo, 'self/cgroup': '0::/\n', swaps: 'Filename\tType\n', ...rest });

  it('fail where v2 is not mounted', async () => {
    const [check, ...rest] = await checkCgroups(proc(''));
    expect(check).toMatchObject({ status: 'FAIL', name: 'cgroup v2', detail: 'cgroup v2 is not mounted' });
    expect(check?.remedy).toContain('mount -t cgroup2');
    expect(rest).toEqual([]);
  });

  it('fail where they are mounted read-only', async () => {
    const at = folder(onEnd);
    const checks = await checkCgroups(proc(`35 24 0:30 / ${at} ro - cgroup2 cgroup2 rw\n`));
    expect(checks.map(brief)).toEqual([`FAIL cgroup v2: mounted read-only on ${at}`]);
    expect(checks[0]?.remedy).toContain('writable-cgroups=true');
  });

  it('are only a warning to a server that is not root: it runs jobs without', async () => {
    const at = folder(onEnd);
    const mounted = `35 24 0:30 / ${at} ro - cgroup2 cgroup2 rw\n`;
    const user = { ...proc(mounted), uid: 1000 };
    expect((await checkCgroups(user)).map(brief)).toEqual([
      `WARN cgroup v2: mounted read-only on ${at}: jobs have no limits on CPUs, memory and pids`,
    ]);
    expect((await checkCgroups(user, at)).map(({ status }) => status)).toEqual(['FAIL']);
  });

  it('name each controller that cgroup v1 has, with the remedy', async () => {
    const at = files(onEnd, { 'cgroup.controllers': 'memory\n', 'cgroup.subtree_control': '' });
    const v1 = '33 31 0:30 / /v1 rw - cgroup cgroup rw,cpu,pids\n';
    const checks = await checkCgroups(proc(`${v1}35 24 0:30 / ${at} rw - cgroup2 cgroup2 rw\n`));
    expect(checks.map(({ name, status }) => `${status} ${name}`)).toEqual([
      'PASS cgroup v2',
      'PASS cgroup delegation',
      'FAIL cpu controller',
      'PASS memory controller',
      'FAIL pids controller',
      'WARN io controller',
      'PASS swap',
    ]);
    expect(checks[2]?.detail).toContain('"cpu" is bound to cgroup v1');
    expect(checks[2]?.remedy).toContain('systemd.unified_cgroup_hierarchy=1');
    expect(readdirSync(at).toSorted()).toEqual(['cgroup.controllers', 'cgroup.subtree_control']);
  });

  it('warn of swap that is not bounded', async () => {
    const swaps = 'Filename\tType\tSize\n/dev/vda2\tpartition\t1000\n';
    const swap = async (controllers: string, cmdline: string) => {
      const at = files(onEnd, { 'cgroup.controllers': controllers, 'cgroup.subtree_control': '' });
      const checks = await checkCgroups(proc(`1 0 0:1 / ${at} rw - cgroup2 x rw\n`, { swaps, cmdline }));
      return checks.find(({ name }) => name === 'swap')?.status;
    };
    expect(await swap('memory', 'quiet')).toBe('PASS');
    expect(await swap('memory', 'swapaccount=0 quiet')).toBe('WARN');
    expect(await swap('cpu', 'quiet')).toBe('WARN');
  });

  describeCgroups('on this machine', () => {
    it('are tried with one that is gone afterwards', async () => {
      const root = cgroup(onEnd);
      const checks = await checkCgroups({ proc: '/proc', release: '6.1', uid: 0 }, join(root, 'later'));
      expect(checks.map(brief)).toContain(`PASS cgroup delegation: cgroups can be made in ${root}`);
      expect(readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())).toEqual([]);
    });
  });
});

describe('launcher', () => {
  const program = (script: string) => {
    const path = join(files(onEnd, { cell: script }), 'cell');
    chmodSync(path, 0o755);
    return path;
  };

  it('is recognized by its answer', async () => {
    expect(await checkLauncher(program('#!/bin/sh\nexit 64\n'))).toMatchObject({ status: 'PASS' });
    expect(await checkLauncher(program('#!/bin/sh\nexit 0\n'))).toMatchObject({
      status: 'FAIL',
      detail: expect.stringContaining('another program'),
    });
  });

  it('fails when it is missing, may not be executed, or is for another machine', async () => {
    expect(await checkLauncher(join(folder(onEnd), 'cell'))).toMatchObject({
      status: 'FAIL',
      remedy: expect.stringContaining('make build'),
    });
    const file = join(files(onEnd, { cell: '' }), 'cell');
    expect(await checkLauncher(file)).toMatchObject({
      status: 'FAIL',
      detail: expect.stringContaining('EACCES'),
    });
    const alien = program('\x7fELF nothing that runs here');
    expect(await checkLauncher(alien)).toMatchObject({ status: 'FAIL' });
  });
});

describe('image', () => {
  const record = {
    version: '3.20.3',
    source: 'https://example.org/a',
    unpackedAt: '2026-01-01T00:00:00Z',
  };
  const unpacked = (sha512: string | null) => {
    const images = folder(onEnd);
    for (const name of IMAGE_NAMES) {
      mkdirSync(join(images, name));
      const owners = ownersFrom(process.getuid?.() ?? -1);
      writeFileSync(join(images, `${name}.json`), JSON.stringify({ ...record, owners, sha512 }));
    }
    return images;
  };

  it('says what is unpacked, what is a fallback, and what is still missing', async () => {
    const [first] = IMAGE_NAMES;
    const found = async (images: string) => (await checkImages(images)).map(brief)[0];
    expect(await found(unpacked('ab'))).toBe(`PASS image ${first}: 3.20.3, from https://example.org/a`);
    expect(await found(unpacked(null))).toBe(`WARN image ${first}: BusyBox 3.20.3 stands in for it`);
    expect(await found(folder(onEnd))).toMatch(/^WARN image \w+: not unpacked yet/);
  });
});

describe('state folder', () => {
  const uid = process.getuid?.() ?? -1;
  const checked = async (stateDir: string, over: Partial<Machine> = {}) =>
    (await checkState(machine({}, { uid, ...over }), stateDir)).map(brief);

  it('passes when it is there, or can be made', async () => {
    const state = folder(onEnd);
    expect(await checked(state)).toContain(`PASS state folder: ${state}`);
    expect(await checked(join(state, 'a', 'b'))).toContain(
      `PASS state folder: ${join(state, 'a', 'b')} will be made`,
    );
    expect(existsSync(join(state, 'a'))).toBe(false);
  });

  it('fails when others may write it, when it is another user’s, and when it is not a folder', async () => {
    const state = folder(onEnd);
    chmodSync(state, 0o770);
    expect(await checked(state)).toEqual([`FAIL state folder: ${state} can be written by other users`]);
    expect(await checked(state, { uid: uid + 1 })).toEqual([
      `FAIL state folder: ${state} belongs to user ${uid}`,
    ]);
    writeFileSync(join(state, 'file'), '');
    expect(await checked(join(state, 'file', 'a'))).toEqual([
      `FAIL state folder: ${state}/file is not a folder`,
    ]);
  });

  it('must be on a local file system', () => {
    expect(brief(checkType('/s', 0x6969))).toBe(
      'FAIL state file system: /s is on NFS, where the database would break',
    );
    // statfs(2) has a signed field: CIFS comes as a negative number on some machines.
    expect(checkType('/s', 0xff534d42 | 0).status).toBe('FAIL');
    expect(checkType('/s', 0xef53).status).toBe('PASS');
    expect(checkType('/s', 0x01021994).status).toBe('WARN');
  });

  it('needs room', () => {
    const mib = 1024 ** 2;
    expect(brief(checkSpace('/s', 63 * mib))).toBe('FAIL disk space: 63 MiB free for /s');
    expect([64, 1023, 1024].map((free) => checkSpace('/s', free * mib).status)).toEqual([
      'WARN',
      'WARN',
      'PASS',
    ]);
  });
});

describe('what the whole machine shares', () => {
  const checked = async (contents: Readonly<Record<string, string>>) =>
    (await checkPools(machine(contents))).map(brief);

  it('passes where one job cannot use it up', async () => {
    const plenty = {
      'sys/net/ipv4/tcp_mem': '287901\t383869\t575802\n',
      'sys/fs/file-max': '9223372036854775807\n',
      'sys/net/ipv4/tcp_max_orphans': '131072\n',
      'sys/kernel/pid_max': '4194304\n',
      'sys/net/core/rmem_default': '65536\n',
      meminfo: 'MemTotal:       65843112 kB\nMemFree: 1 kB\n',
    };
    expect(await checked(plenty)).toEqual([
      'PASS memory for TCP: 383869: more than a job takes',
      expect.stringMatching(/^PASS open files: /),
      'PASS closed connections: 131072: more than a job takes',
      'PASS process ids: 4194304: more than a job takes',
      'PASS socket buffers: one process of a job can have 4096 MiB in those of netlink and ICMP, for which no cgroup is charged',
    ]);
  });

  it('is a warning where it can', async () => {
    const little = {
      'sys/net/ipv4/tcp_mem': '47997\t63996\t95994\n',
      'sys/fs/file-max': '400000\n',
      'sys/net/ipv4/tcp_max_orphans': '16384\n',
      'sys/kernel/pid_max': '32768\n',
      'sys/net/core/rmem_default': '212992\n',
      meminfo: 'MemTotal:       16384000 kB\n',
    };
    expect(await checked(little)).toEqual([
      expect.stringMatching(/^WARN memory for TCP: 63996 pages .* 512 MiB/),
      expect.stringMatching(/^WARN open files: 400000 for all processes/),
      expect.stringMatching(/^WARN closed connections: 16384 .* are then reset/),
      expect.stringMatching(/^WARN process ids: 32768 .* 128 jobs/),
      expect.stringMatching(/^WARN socket buffers: one process of a job can have 13312 MiB/),
    ]);
    const remedies = (await checkPools(machine(little))).map(({ remedy }) => remedy);
    expect(remedies).toEqual([
      expect.stringContaining('net.ipv4.tcp_mem'),
      expect.stringContaining('fs.file-max'),
      expect.stringContaining('net.ipv4.tcp_max_orphans'),
      expect.stringContaining('kernel.pid_max'),
      expect.stringContaining('net.core.rmem_default'),
    ]);
  });
});
