/** What confines a cell: /proc, /sys, namespaces and devices. */

import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CAPABILITIES } from '../../src/runtime/capabilities.ts';
import { mountSteps } from '../../src/runtime/mounts.ts';
import type { LaunchPlan, Step } from '../../src/runtime/protocol/plan.ts';
import { coreLimit, mostProcesses, resourceLimits } from '../../src/runtime/rlimits.ts';
import { CellBench } from '../support/cell.ts';
import { testImage } from '../support/image.ts';

let bench: CellBench;
beforeAll(() => {
  bench = new CellBench();
});
afterAll(() => bench.close());

const lines = (text: string): string[] => text.trimEnd().split('\n');

/** A cell without one of its defences: what the probe finds there shows that it can find something. */
const without = (kind: Step['kind']): Pick<LaunchPlan, 'steps'> => ({
  steps: mountSteps({ shmBytes: 4096, ids: 65_536, hostname: 'cell', cgroup: true, devices: true }).filter(
    (step) => step.kind !== kind,
  ),
});

describe('/proc', () => {
  const probe = 'cat /proc/interrupts /proc/timer_list /proc/softirqs | head -c 100; ls /proc/irq | head -1';

  it('shows no devices and none of their users', async () => {
    const { stdout, stderr } = await bench.sh(probe);
    expect([stdout, stderr]).toEqual(['', '']);
    expect((await bench.sh(probe, without('mask'))).stdout).not.toBe('');
  });

  it('covers folders with an empty one that cannot be written', async () => {
    const { stdout } = await bench.sh('ls -a /proc/irq /proc/bus; : 2>&1 > /proc/bus/x');
    expect(stdout).toMatch(/^\/proc\/bus:\n\.\n\.\.\n\n\/proc\/irq:\n\.\n\.\.\n/);
    expect(stdout).toContain('Read-only file system');
  });
});

describe('namespaces below the cell', () => {
  it('cannot be made, even without the filter of system calls', async () => {
    const nested = 'unshare -U true && echo nested; cat /proc/sys/user/max_user_namespaces';
    const held = await bench.sh(nested, { seccomp: null });
    expect(held.stdout).toBe('0\n');
    expect(held.stderr).toContain('No space left on device');
    const weak = await bench.sh(nested, { seccomp: null, ...without('write') });
    expect(weak.stdout).toMatch(/^nested\n/);
  });
});

describe('/sys', () => {
  it('has the CPUs, the own cgroup and nothing else', async () => {
    const { stdout } = await bench.sh(
      'find /sys -not -path "/sys/fs/cgroup/*" -type f | sort; cat /sys/fs/cgroup/cgroup.events',
    );
    expect(lines(stdout)).toEqual([
      ...['online', 'possible', 'present'].map((name) => `/sys/devices/system/cpu/${name}`),
      'populated 1',
      'frozen 0',
    ]);
  });

  it('cannot be written, not even by root of the cell', async () => {
    const probe =
      'cd /sys; mkdir x; true >> fs/cgroup/cgroup.freeze; mkdir fs/cgroup/x; true >> devices/system/cpu/online';
    const { stderr } = await bench.sh(probe, { capabilities: CAPABILITIES.ROOT_IN_CELL });
    expect(lines(stderr)).toHaveLength(4);
    for (const line of lines(stderr)) expect(line).toMatch(/Read-only file system|Permission denied/);
  });
});

describe('names', () => {
  const copied: string[] = [];
  afterAll(() => {
    for (const folder of copied) rmSync(folder, { recursive: true });
  });

  const changed = async (change: (tree: string) => void): Promise<Pick<LaunchPlan, 'root'>> => {
    const folder = mkdtempSync(join(tmpdir(), 'cloister-image-'));
    copied.push(folder);
    const image = join(folder, 'tree');
    // With the owners, who are those of the cell.
    execFileSync('cp', ['-a', await testImage(), image]);
    change(image);
    return {
      root: { image, lowers: [], owners: null, layerOptions: 'mode=755,size=67108864', overlayOptions: '' },
    };
  };

  it('are localhost and its own, and no resolver is named', async () => {
    const { stdout } = await bench.sh('cat /etc/hosts /etc/hostname; grep -c nameserver /etc/resolv.conf');
    expect(lines(stdout)).toEqual([
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      '127.0.1.1\tcell',
      'cell',
      '0',
    ]);
  });

  it('replace a link of the image, and what it leads to stays as it is', async () => {
    const image = await changed((tree) => {
      rmSync(join(tree, 'etc/hosts'));
      symlinkSync('/etc/motd', join(tree, 'etc/hosts'));
      writeFileSync(join(tree, 'etc/motd'), 'canary\n');
    });
    const { stdout } = await bench.sh(
      'cat /etc/motd; head -1 /etc/hosts; test -L /etc/hosts || echo file',
      image,
    );
    expect(lines(stdout)).toEqual(['canary', '127.0.0.1\tlocalhost', 'file']);
  });

  it.each(['etc', 'proc', 'sys', 'dev'])('are refused to an image whose /%s is a link', async (name) => {
    const image = await changed((tree) => {
      renameSync(join(tree, name), join(tree, 'elsewhere'));
      symlinkSync('/elsewhere', join(tree, name));
    });
    const { record } = await bench.sh('true', image);
    expect(record.failure).toMatchObject({ errno: 40 });
    expect(record.failure?.subject).toMatch(new RegExp(`^/${name}`));
  });
});

// CAP_KILL (capabilities(7)), as the kernel writes sets.
const KILL = '0000000000000020';
const NONE = '0'.repeat(16);

describe('capabilities', () => {
  const probe =
    'touch /x; chown 1000:1000 /x && echo owner; su nobody -s /bin/sh -c "id -u; grep CapEff /proc/self/status"; grep -E "^Cap" /proc/self/status';

  it('of root in the cell are what its profile names, and end with the user', async () => {
    const { stdout } = await bench.sh(probe, { capabilities: CAPABILITIES.ROOT_IN_CELL });
    expect(lines(stdout)).toEqual([
      'owner',
      '65534',
      'CapEff:\t0000000000000000',
      'CapInh:\t0000000000000000',
      'CapPrm:\t00000000000004fb',
      'CapEff:\t00000000000004fb',
      'CapBnd:\t00000000000004fb',
      'CapAmb:\t0000000000000000',
    ]);
  });

  it('are none otherwise', async () => {
    const { stdout, stderr } = await bench.sh(probe);
    expect(stdout).not.toContain('owner');
    expect(stderr).toContain('Operation not permitted');
  });

  it('are for init only what signals to other users take', async () => {
    const cell = await bench.start(['/bin/sleep', '1000'], { capabilities: CAPABILITIES.ROOT_IN_CELL });
    await cell.running;
    const [init = ''] = readFileSync(join(cell.cgroup, 'cgroup.procs'), 'utf8').split('\n');
    const status = (): string => readFileSync(`/proc/${init}/status`, 'utf8');
    // It gives up its own while the command begins, whose bounds it has had before.
    await vi.waitUntil(() => status().includes(`CapEff:\t${KILL}\n`), { timeout: 100_000, interval: 5 });
    expect(status().match(/^(Cap|NoNewPrivs|Seccomp:).*/gm)).toEqual([
      `CapInh:\t${NONE}`,
      `CapPrm:\t${KILL}`,
      `CapEff:\t${KILL}`,
      `CapBnd:\t${NONE}`,
      `CapAmb:\t${NONE}`,
      'NoNewPrivs:\t1',
      'Seccomp:\t2',
    ]);
    cell.control.stop(0);
    await cell.finished;
  });

  it('are none for another user', async () => {
    const { stdout } = await bench.sh('grep -E "^Cap(Prm|Eff|Inh|Amb)" /proc/self/status', {
      capabilities: CAPABILITIES.ROOT_IN_CELL,
      user: { uid: 1000, gid: 1000, groups: [] },
    });
    for (const line of lines(stdout)) expect(line).toMatch(/:\t0{16}$/);
  });
});

describe('limits of processes', () => {
  it('are those of the plan', async () => {
    const { stdout } = await bench.sh(
      'ulimit -c; ulimit -l; ulimit -q; ulimit -i; ulimit -u; ulimit -r; ulimit -n',
      {
        resourceLimits: resourceLimits(77, 0),
      },
    );
    expect(lines(stdout)).toEqual(['0', '64', '819200', '4096', '94', '0', '1024']);
  });

  it('bound processes where no cgroup counts them', async () => {
    const { stderr, stdout } = await bench.sh('for i in $(seq 30); do sleep 5 & done; echo all', {
      resourceLimits: resourceLimits(4, 0),
      timeoutMs: 10_000,
    });
    expect(stderr).toContain("can't fork");
    expect(stdout).toBe('');
  });

  it.each([
    [32_768, 4096],
    [4_194_304, 32_768],
    [1000, 256],
  ])('without one for processes are a share of the %i process ids of the machine: %i', (ids, most) => {
    const file = join(bench.state, 'pid_max');
    writeFileSync(file, `${ids}\n`);
    expect(mostProcesses(file)).toBe(most);
    const limit = resourceLimits(null, 0).find(({ resource }) => resource === 6);
    expect(limit).toMatchObject({ soft: mostProcesses(), hard: mostProcesses() });
  });

  it.each([
    ['core', 0],
    ['|/usr/lib/systemd/systemd-coredump %P', 1],
  ])('keep the core of a crash from %s', (pattern, limit) => {
    const file = join(bench.state, 'core_pattern');
    writeFileSync(file, `${pattern}\n`);
    expect(coreLimit(file)).toBe(limit);
  });
});

describe('what a cell inherits', () => {
  const OOM = '/proc/self/oom_score_adj';

  it('is not the OOM score of the server', async () => {
    const before = readFileSync(OOM, 'utf8');
    writeFileSync(OOM, '300');
    const other = new CellBench();
    try {
      expect((await other.run(['cat', OOM])).stdout).toBe('0\n');
      expect((await other.run(['cat', OOM], { oomScore: 700 })).stdout).toBe('700\n');
    } finally {
      writeFileSync(OOM, before);
      await other.close();
    }
  });

  it('is a launcher in memory, sealed, and not the file on disk', async () => {
    const cell = await bench.start(['/bin/sleep', '1000']);
    await cell.running;
    const [init = ''] = readFileSync(join(cell.cgroup, 'cgroup.procs'), 'utf8').split('\n');
    expect(readlinkSync(`/proc/${init}/exe`)).toBe('/memfd:cell (deleted)');
    expect(() => closeSync(openSync(`/proc/${init}/exe`, 'r+'))).toThrow(/ETXTBSY|EPERM/);
    cell.control.stop(0);
    await cell.finished;
  });
});
