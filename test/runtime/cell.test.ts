/** The launcher: how commands end, and what it records. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StopScope } from '../../src/jobs/job.ts';
import { removeCgroup } from '../../src/runtime/cgroup/index.ts';
import { explainFailure } from '../../src/runtime/launch-failure.ts';
import { recoverTail } from '../../src/runtime/log/recover-tail.ts';
import { type Argv, CellBench, type Finished, readFrames } from '../support/cell.ts';
import { ID_BASE } from '../support/image.ts';
import { program } from '../support/programs.ts';
import { type Call, Strace } from '../support/strace.ts';

let bench: CellBench;

beforeAll(() => {
  bench = new CellBench();
});

afterAll(async () => {
  // Removing the bench's cgroup fails as long as a cell has left one in it.
  await bench.close();
});

/** Processes of the launcher that work in a folder. */
const workersIn = (folder: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return (
        readlinkSync(`/proc/${pid}/cwd`) === realpathSync(folder) &&
        readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('cell-')
      );
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });

const lines = (text: string): string[] => text.trimEnd().split('\n');

describe('the end of a command', () => {
  it('is its exit code', async () => {
    const codes = [0, 1, 2, 100, 125, 126, 127, 128, 137, 255];
    for (const code of codes) {
      const { record } = await bench.sh(`exit ${code}`);
      expect(record).toMatchObject({ executed: true, cause: 'none', termination: { kind: 'exited', code } });
    }
  });

  it('is the signal that killed it', async () => {
    const { record } = await bench.sh('kill -SEGV $$');
    expect(record.termination).toEqual({ kind: 'signaled', signal: 'SIGSEGV' });
  });

  it('ends the cell although something it started holds the output open', async () => {
    const { record, stdout } = await bench.sh('sleep 1000 & echo out; exit 3');
    expect(record.termination).toEqual({ kind: 'exited', code: 3 });
    expect(stdout).toBe('out\n');
  });

  it('does not come with the end of its output', async () => {
    const { record } = await bench.sh('exec >&- 2>&-; sleep 0.3; exit 7');
    expect(record.termination).toEqual({ kind: 'exited', code: 7 });
    expect(record.durationNs).toBeGreaterThan(250_000_000n);
  });

  it('takes daemons along', async () => {
    const { record } = await bench.sh('setsid sh -c "sleep 1000 &" ; (sleep 1000 &); exit 0');
    expect(record.termination).toEqual({ kind: 'exited', code: 0 });
  });

  it('waits for a probe that holds the lock for a moment', async () => {
    const id = await bench.prepare(['/bin/true']);
    const folder = join(bench.state, 'jobs', id);
    const holder = spawn('flock', [folder, 'sh', '-c', 'echo; read released'], { stdio: 'pipe' });
    await once(holder.stdout, 'data');
    setTimeout(() => holder.stdin.end(), 200);
    await bench.spawner.start(id);
    const { record } = await bench.follow(id).finished;
    expect(record).toMatchObject({ executed: true, termination: { kind: 'exited', code: 0 } });
  });

  it('does not come from a supervisor whose folder was moved aside meanwhile', async () => {
    const id = await bench.prepare(['/bin/true']);
    const folder = join(bench.state, 'jobs', id);
    const holder = spawn('flock', [folder, 'sh', '-c', 'echo; read released'], { stdio: 'pipe' });
    await once(holder.stdout, 'data');
    const started = bench.spawner.start(id).then(String, String);
    // Its working directory is the folder once it waits for the lock.
    await expect.poll(() => workersIn(folder), { interval: 5 }).toHaveLength(1);
    renameSync(folder, `${folder}.aside`);
    cpSync(`${folder}.aside`, folder, { recursive: true });
    holder.stdin.end();
    expect(await started).toContain('Stale file handle');
    expect(readdirSync(`${folder}.aside`)).toEqual(['plan']);
    await bench.spawner.start(id);
    expect((await bench.follow(id).finished).record.executed).toBe(true);
  });

  it('stays as it is when the job is started once more', async () => {
    const { id, folder, finished } = await bench.start(['/bin/true']);
    await finished;
    const kept = readdirSync(folder).sort();
    await expect(bench.spawner.start(id)).rejects.toThrow('File exists');
    expect(readdirSync(folder).sort()).toEqual(kept);
  });

  it('leaves no cgroup, no control socket, and the lock free', async () => {
    const cell = await bench.start(['/bin/sleep', '1000']);
    await cell.running;
    expect(await bench.spawner.probe(cell.id)).toBe(true);
    expect(lines(readFileSync(join(cell.cgroup, 'cgroup.procs'), 'utf8'))).toHaveLength(2);
    cell.control.stop(0);
    await cell.finished;
    expect(existsSync(cell.cgroup)).toBe(false);
    expect(readdirSync(cell.folder).sort()).toEqual(['index', 'isolation', 'log', 'plan', 'started']);
    await expect.poll(() => bench.spawner.probe(cell.id)).toBe(false);
  });
});

describe('a command that cannot be executed', () => {
  const failure = async (argv: Argv): Promise<string> => {
    const { record, stdout, stderr } = await bench.run(argv);
    expect(record).toMatchObject({ executed: false, termination: null });
    expect(stdout + stderr).toBe('');
    return record.failure === null ? '' : explainFailure(record.failure);
  };

  it('is reported with its name and the reason', async () => {
    expect(await failure(['nosuch'])).toBe('no such file or directory: nosuch');
    expect(await failure(['/no/such'])).toBe('no such file or directory: /no/such');
    expect(await failure(['/tmp'])).toBe('is a directory: /tmp');
    expect(await failure(['/etc/passwd'])).toBe('permission denied: /etc/passwd');
    expect(await failure(['/etc/passwd/x'])).toBe('not a directory: /etc/passwd/x');
  });

  it('is reported with the interpreter that is missing', async () => {
    const steps = [{ kind: 'file', path: '/tmp/script', mode: 0o755, text: '#! /no/python -u\n' }] as const;
    const { record } = await bench.run(['/tmp/script'], { steps });
    expect(record.failure && explainFailure(record.failure)).toBe(
      'no such file or directory: /no/python, the interpreter of /tmp/script',
    );
  });

  it('cannot be the launcher itself', async () => {
    expect(await failure(['/proc/self/exe'])).toBe('permission denied: /proc/self/exe');
  });

  it('is reported when its working directory is missing', async () => {
    const { record } = await bench.run(['/bin/true'], { workdir: '/nowhere' });
    expect(record.failure && explainFailure(record.failure)).toBe(
      'working directory: no such file or directory: /nowhere',
    );
  });

  it('is found through PATH as execvp finds it', async () => {
    const env = [{ name: 'PATH', value: '/etc:/tmp:/bin' }];
    const steps = [{ kind: 'file', path: '/tmp/true', mode: 0o644, text: '' }] as const;
    const { record } = await bench.run(['true'], { env, steps });
    expect(record.termination).toEqual({ kind: 'exited', code: 0 });
  });
});

describe('the cell', () => {
  it('has namespaces of its own, all seven', async () => {
    const kinds = ['user', 'pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup'];
    const { stdout } = await bench.sh(`for k in ${kinds.join(' ')}; do stat -Lc %i /proc/self/ns/$k; done`);
    const own = lines(stdout).map(Number);
    const ours = kinds.map((kind) => statSync(`/proc/self/ns/${kind}`).ino);
    for (const [index, inode] of own.entries()) expect(inode, kinds[index]).not.toBe(ours[index]);
    expect(own).toHaveLength(kinds.length);
  });

  it('is root inside and nobody outside', async () => {
    const { stdout } = await bench.sh('id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map');
    const [uid, gid, ...maps] = lines(stdout);
    expect([uid, gid]).toEqual(['0', '0']);
    for (const map of maps) expect(map.trim().split(/ +/)).toEqual(['0', String(ID_BASE), '65536']);
  });

  it('gives the command no capability and no way to new privileges', async () => {
    const { stdout } = await bench.sh('grep -E "^(Cap|NoNewPrivs)" /proc/self/status');
    const fields = new Map(lines(stdout).map((line) => line.split(':\t') as [string, string]));
    expect(fields.get('NoNewPrivs')).toBe('1');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(fields.get(set), set).toBe('0000000000000000');
  });

  it('hands no descriptor on and resets signals', async () => {
    // The fourth is the folder that ls itself reads.
    expect(lines((await bench.run(['ls', '/proc/self/fd'])).stdout)).toEqual(['0', '1', '2', '3']);
    const { stdout } = await bench.run(['grep', '-E', 'Sig(Ign|Blk)', '/proc/self/status']);
    expect(lines(stdout)).toEqual(['SigBlk:\t0000000000000000', 'SigIgn:\t0000000000000000']);
  });

  it('shows nothing of the host: environment, arguments and executable of PID 1, mounts, cgroup', async () => {
    const { stdout, stderr } = await bench.sh(
      'tr -d "\\0" < /proc/1/cmdline; cat /proc/1/comm; cat /proc/1/environ; ls /proc/1/fd; ls -l /proc/1/exe; cat /proc/self/mountinfo /proc/self/cgroup; env',
    );
    expect(lines(stdout)[0]).toBe('init');
    expect(stdout).not.toContain(bench.state);
    expect(stdout).not.toContain('cloister');
    expect(stdout).toContain('0::/\n');
    for (const file of ['environ', 'fd', 'exe'])
      expect(stderr).toMatch(new RegExp(`/proc/1/${file}'?: .*Permission denied`));
    expect(stdout).not.toMatch(/shared:|master:/);
  });

  it('has a loopback that is up and no other interface', async () => {
    const { stdout } = await bench.sh('ip -o link | wc -l; ip addr show lo | grep -c "inet 127.0.0.1"');
    expect(lines(stdout)).toEqual(['1', '1']);
  });

  it('has devices that work, and only those', async () => {
    const { stdout } = await bench.sh(
      'ls /dev | tr "\\n" " "; echo; echo x > /dev/null && head -c 3 /dev/zero | wc -c; echo y > /dev/shm/y && cat /dev/shm/y; echo err > /dev/stderr; echo out > /dev/stdout',
    );
    expect(lines(stdout)).toEqual([
      'fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ',
      '3',
      'y',
      'out',
    ]);
  });

  it('has /proc/sys and /sys that cannot be written', async () => {
    const { stdout } = await bench.sh(
      'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/hostname /sys/power/state; do : 2>/dev/null >> $f || echo no; done',
    );
    const { stdout: readOnly } = await bench.sh('grep -E " /(proc/)?sys " /proc/mounts | cut -d" " -f2,4');
    expect(stdout).not.toContain('yes');
    for (const line of lines(readOnly)) expect(line).toMatch(/ ro,nosuid,nodev,noexec/);
    expect(lines(readOnly)).toHaveLength(2);
  });

  it('writes to a layer of its own: the image stays as it is', async () => {
    const first = await bench.sh(
      'echo changed > /etc/motd && rm /etc/passwd && rm -r /opt && mkdir /opt && ls -a /opt',
    );
    expect(first).toMatchObject({ stderr: '', stdout: '.\n..\n' });
    const second = await bench.sh('cat /etc/motd; test -f /etc/passwd && echo there');
    expect(second.stdout).not.toContain('changed');
    expect(second.stdout).toContain('there');
  });

  it('has a writable layer of limited size', async () => {
    const root = { image: (await import('../support/image.ts')).testImage() };
    const { stderr, record } = await bench.sh('dd if=/dev/zero of=/big bs=64k count=64', {
      root: {
        owners: null,
        image: await root.image,
        layerOptions: 'mode=755,size=1048576',
        lowers: [],
        overlayOptions: '',
      },
    });
    expect(stderr).toContain('No space left on device');
    expect(record.termination).toEqual({ kind: 'exited', code: 1 });
  });

  it('runs as the user that was asked for', async () => {
    const user = { uid: 65534, gid: 65533, groups: [100, 101] };
    const { stdout } = await bench.sh('id -u; id -g; id -G; echo mine > /dev/stdout; touch /x 2>&1', {
      user,
    });
    expect(lines(stdout)).toEqual([
      '65534',
      '65533',
      '65533 100 101',
      'mine',
      'touch: /x: Permission denied',
    ]);
  });

  it('reaps what is orphaned', async () => {
    const { stdout } = await bench.sh(
      'for i in $(seq 50); do (sleep 0.01 &); done; sleep 0.5; ps -o stat | grep -c Z; true',
    );
    expect(stdout).toBe('0\n');
  });
});

describe('a stop', () => {
  it('is SIGTERM to the command, whose own end is then reported', async () => {
    const cell = await bench.start([
      '/bin/sh',
      '-c',
      'trap "echo bye; exit 9" TERM; echo up; while :; do sleep 0.05; done',
    ]);
    await expect.poll(() => readFileSync(join(cell.folder, 'log')).toString('latin1')).toContain('up');
    cell.control.stop(60_000);
    const { record, stdout } = await cell.finished;
    expect(record).toMatchObject({ cause: 'stop', termination: { kind: 'exited', code: 9 } });
    expect(stdout).toBe('up\nbye\n');
  });

  it('ends sleep, which would ignore it as PID 1', async () => {
    const cell = await bench.start(['/bin/sleep', '1000']);
    await cell.running;
    cell.control.stop(60_000);
    expect((await cell.finished).record.termination).toEqual({ kind: 'signaled', signal: 'SIGTERM' });
  });

  it('kills after the grace period what ignores it', async () => {
    const cell = await bench.start(['/bin/sh', '-c', 'trap "" TERM; echo up; while :; do sleep 0.05; done']);
    await expect.poll(() => readFileSync(join(cell.folder, 'log')).toString('latin1')).toContain('up');
    cell.control.stop(200);
    const { record } = await cell.finished;
    expect(record).toMatchObject({ cause: 'stop', termination: { kind: 'signaled', signal: 'SIGKILL' } });
    expect(record.durationNs).toBeGreaterThan(200_000_000n);
  });
});

describe('the scope of a stop', () => {
  // Ends after what it has to clean up.
  const CHILD = 'trap "sleep 0.2; echo cleaned up; exit" TERM; echo up; while :; do sleep 0.05; done';
  const STUBBORN = 'trap "" TERM; echo up; while :; do sleep 0.05; done';

  const stopped = async (line: string, scope: StopScope, graceMs = 60_000): Promise<Finished> => {
    const cell = await bench.start(['/bin/sh', '-c', line], {
      stop: { signal: 'SIGTERM', scope },
    });
    await expect.poll(() => readFileSync(join(cell.folder, 'log')).toString('latin1')).toContain('up');
    await cell.control.stop(graceMs);
    return cell.finished;
  };

  it.each<[StopScope, string]>([
    ['COMMAND', 'up\n'],
    ['GROUP', 'up\ncleaned up\n'],
    ['CELL', 'up\ncleaned up\n'],
  ])('%s, for what a shell runs', async (scope, output) => {
    const { record, stdout } = await stopped(`(${CHILD}); echo after`, scope);
    expect(stdout).toBe(output);
    expect(record).toMatchObject({ cause: 'stop', termination: { kind: 'signaled', signal: 'SIGTERM' } });
  });

  it.each<[StopScope, string]>([
    ['GROUP', 'up\n'],
    ['CELL', 'up\ncleaned up\n'],
  ])('%s, for what has a session of its own', async (scope, output) => {
    expect((await stopped(`setsid sh -c '${CHILD}' & wait`, scope)).stdout).toBe(output);
  });

  it('waits for what was asked to end no longer than the grace period', async () => {
    const { record } = await stopped(`(${STUBBORN}); echo after`, 'GROUP', 300);
    expect(record).toMatchObject({ cause: 'stop', termination: { kind: 'signaled', signal: 'SIGTERM' } });
    expect(record.durationNs).toBeGreaterThan(300_000_000n);
  });
});

describe('limits that the supervisor keeps', () => {
  it('ends what runs too long', async () => {
    const { record } = await bench.run(['/bin/sleep', '1000'], { timeoutMs: 200 });
    expect(record).toMatchObject({ cause: 'time', termination: { kind: 'signaled', signal: 'SIGKILL' } });
    expect(record.durationNs).toBeGreaterThanOrEqual(200_000_000n);
  });

  it('ends what writes too much, keeps what fits to the byte and counts the rest', async () => {
    const { record, frames } = await bench.sh('yes', { outputBytes: 100_000 });
    expect(record).toMatchObject({ cause: 'output', keptBytes: 100_000 });
    const kept = frames
      .filter((frame) => frame.flags === 0)
      .reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(kept).toBe(100_000);
    const marked = frames
      .filter((frame) => frame.flags === 1)
      .map(({ bytes }) => Number(bytes.readBigUInt64LE()));
    expect(marked.reduce((sum, count) => sum + count, 0)).toBe(record.droppedBytes);
    expect(record.droppedBytes).toBeGreaterThan(0);
  });

  it('reports that too much was written even if the command had ended by then', async () => {
    const { record } = await bench.sh('head -c 5000 /dev/zero', { outputBytes: 4999 });
    expect(record).toMatchObject({ cause: 'output', keptBytes: 4999, droppedBytes: 1 });
  });
});

describe('a limit of CPU time', () => {
  it('counts all processes together, and ends the cell', async () => {
    const { record } = await bench.sh('while :; do :; done & while :; do :; done', { cpuTimeMs: 500 });
    expect(record).toMatchObject({ cause: 'cputime', termination: { kind: 'signaled', signal: 'SIGKILL' } });
    const used = Number(/usage_usec (\d+)/.exec(record.files.get('cpu.stat') ?? '')?.[1]);
    expect(used).toBeGreaterThanOrEqual(500_000);
  });

  it('leaves a cell alone that waits', async () => {
    const { record } = await bench.sh('sleep 1; exit 3', { cpuTimeMs: 500 });
    expect(record).toMatchObject({ cause: 'none', termination: { kind: 'exited', code: 3 } });
  });
});

describe('output in small writes', () => {
  it('is gathered, even where each write is read separately', async () => {
    const packets = readFileSync(program(join(import.meta.dirname, '../support/packets.c')));
    const line = 'cat >/tmp/packets && chmod 755 /tmp/packets && exec /tmp/packets 5000';
    const { record, frames } = await bench.run(['/bin/sh', '-c', line], {}, packets);
    expect(record).toMatchObject({ termination: { kind: 'exited', code: 0 }, keptBytes: 5000 });
    expect(16 * frames.length).toBeLessThan(5000);
  });
});

describe('output of which only the beginning and the end are kept', () => {
  const truncated = { outputBytes: 100_000, outputPolicy: 'TRUNCATE' } as const;

  it('has both, and between them the count of what was dropped', async () => {
    const { record, frames } = await bench.sh('seq 200000; exit 3', truncated);
    expect(record).toMatchObject({ cause: 'none', termination: { kind: 'exited', code: 3 } });
    const all = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('');
    const mark = frames.findIndex(({ flags }) => flags === 1);
    const bytes = (some: typeof frames): string => some.map((frame) => frame.bytes.toString()).join('');
    const head = bytes(frames.slice(0, mark));
    const tail = bytes(frames.slice(mark + 1));
    expect(head).toBe(all.slice(0, 50_000));
    expect(all.endsWith(tail)).toBe(true);
    expect(tail.length).toBeGreaterThanOrEqual(25_000);
    expect(head.length + tail.length).toBeLessThanOrEqual(100_000);
    expect(record.keptBytes).toBe(head.length + tail.length);
    expect(record.droppedBytes).toBe(all.length - record.keptBytes);
    expect(frames[mark]?.bytes.readBigUInt64LE()).toBe(BigInt(record.droppedBytes));
    const times = frames.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((a, b) => Number(a - b)));
  });

  it('leaves nothing else in the folder', async () => {
    const cell = await bench.start(['/bin/sh', '-c', 'seq 200000'], truncated);
    await cell.finished;
    expect(readdirSync(cell.folder).sort()).toEqual(['index', 'isolation', 'log', 'plan', 'started']);
  });

  it('is kept next to the log until then, and is appended by the server if the supervisor is gone', async () => {
    const cell = await bench.start(['/bin/sh', '-c', 'seq 200000; sleep 1000'], truncated);
    await cell.running;
    const path = (name: string): string => join(cell.folder, name);
    await expect
      .poll(() => readFileSync(path('tail.0'), 'latin1') + readFileSync(path('tail.1'), 'latin1'))
      .toContain('\n200000\n');
    const supervisor = Number.parseInt(readFileSync(path('started'), 'utf8'), 10);
    process.kill(supervisor, 'SIGKILL');
    // A supervisor that is gone writes nothing more, so that there is no record.
    await expect(cell.finished).rejects.toThrow('ENOENT');
    await recoverTail(path('log'));
    const frames = readFrames(readFileSync(path('log')));
    const all = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('');
    const mark = frames.findIndex(({ flags }) => flags === 1);
    const bytes = (some: typeof frames): string =>
      some.map((frame) => frame.bytes.toString('latin1')).join('');
    const head = bytes(frames.slice(0, mark));
    const tail = bytes(frames.slice(mark + 1));
    expect(head).toBe(all.slice(0, 50_000));
    expect(all.endsWith(tail)).toBe(true);
    expect(tail.length).toBeGreaterThanOrEqual(25_000);
    expect(frames[mark]?.bytes.readBigUInt64LE()).toBe(BigInt(all.length - head.length - tail.length));
    await removeCgroup(cell.cgroup);
  });

  it('costs the disk no more than what is kept of it', async () => {
    const line = 'head -c 50000000 /dev/zero; echo end; sleep 1000';
    const cell = await bench.start(['/bin/sh', '-c', line], { ...truncated, outputBytes: 512 << 10 });
    await cell.running;
    const path = (name: string): string => join(cell.folder, name);
    const over = (): boolean =>
      ['tail.0', 'tail.1'].some((name) => readFileSync(path(name)).includes('end\n'));
    await expect.poll(over, { interval: 100 }).toBe(true);
    const supervisor = Number.parseInt(readFileSync(path('started'), 'utf8'), 10);
    // What it has made dirty, as proc_pid_io(5) counts it: a page again each time that the kernel has written it back.
    const written = Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${supervisor}/io`, 'utf8'))?.[1]);
    await cell.control.stop(0);
    const { record } = await cell.finished;
    expect(record.droppedBytes).toBeGreaterThan(49_000_000);
    expect(written).toBeLessThan(5_000_000);
  });

  it('is whole when it is short enough', async () => {
    const { record, frames } = await bench.sh('head -c 60000 /dev/zero', truncated);
    expect(record).toMatchObject({ cause: 'none', keptBytes: 60_000, droppedBytes: 0 });
    expect(frames.filter(({ flags }) => flags === 1)).toEqual([]);
  });

  it('is kept to its last byte however little may be kept', async () => {
    const { record, stdout } = await bench.sh('echo 0123456789', { ...truncated, outputBytes: 8 });
    expect(record).toMatchObject({ keptBytes: 6, droppedBytes: 5 });
    expect(stdout).toBe('01239\n');
  });
});

describe('output', () => {
  it('arrives whole, whenever the command ends', async () => {
    for (let round = 0; round < 20; round++) {
      const { frames, record } = await bench.sh('head -c 1048576 /dev/zero');
      expect(frames.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(1_048_576);
      expect(record).toMatchObject({ keptBytes: 1_048_576, droppedBytes: 0 });
    }
  });

  it('keeps streams apart and in the order in which they were written', async () => {
    const { frames } = await bench.sh(
      'for i in 1 2 3; do echo o$i; sleep 0.1; echo e$i >&2; sleep 0.1; done',
    );
    expect(frames.map(({ stream, bytes }) => `${stream}${bytes}`)).toEqual(
      [1, 2, 3].flatMap((i) => [`1o${i}\n`, `2e${i}\n`]),
    );
    const times = frames.map(({ time }) => time);
    expect(times).toEqual(times.toSorted());
    expect(new Set(times).size).toBe(times.length);
  });

  it('is exact for bytes of any kind', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256));
    const { frames } = await bench.run(['/bin/cat'], {}, bytes);
    expect(Buffer.concat(frames.map((frame) => frame.bytes)).equals(bytes)).toBe(true);
  });
});

describe('standard input', () => {
  it('is /dev/null when there is none', async () => {
    const { record, stdout } = await bench.sh('cat; readlink /proc/self/fd/0');
    expect(record.termination).toEqual({ kind: 'exited', code: 0 });
    expect(stdout).toBe('/dev/null\n');
  });

  it('is fed to the end, more than a pipe holds', async () => {
    const { stdout } = await bench.run(['/usr/bin/wc', '-c'], {}, Buffer.alloc(5_000_000, 'x'));
    expect(stdout).toBe('5000000\n');
  });

  it('may be left unread', async () => {
    const { record } = await bench.run(['/bin/true'], {}, Buffer.alloc(5_000_000, 'x'));
    expect(record.termination).toEqual({ kind: 'exited', code: 0 });
  });
});

it('waits for the kernel to take mounts apart once only before the command is executed', async () => {
  await bench.sh('true');
  // A test may run in a thread, whose children these are then.
  const children = readdirSync('/proc/self/task').flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  );
  const spawner = children.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'cell-spawner\n');
  const trace = await Strace.toFamily(Number(spawner));
  let calls: readonly Call[] = [];
  try {
    expect((await bench.sh('exit 3')).record.termination).toEqual({ kind: 'exited', code: 3 });
  } finally {
    calls = await trace.end();
  }
  // Each waits for an RCU grace period, which a machine with much to do is late with.
  expect(calls.filter(({ name }) => name === 'umount2')).toHaveLength(1);
});
