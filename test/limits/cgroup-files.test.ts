/** The limits that are files of a job's cgroup, on a kernel that has the controllers. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TEST_IMAGE_PATHS } from '../support/image.ts';
import { TAKE_MEMORY } from '../support/limits.ts';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

const MIB = 1024 * 1024;
// The test machine has all that these tests need: there none is left out.
const inTestMachine = hostname() === 'cloister-vm';

let server: TestServer;
let cgroup: string;

const pathOf = async (one: TestServer): Promise<string> => {
  const { server: info } = await one.query<{ server: { cgroup: { path: string } } }>(
    '{ server { cgroup { path } } }',
  );
  return info.cgroup.path;
};

beforeAll(async () => {
  server = await TestServer.start();
  cgroup = await pathOf(server);
});

afterAll(() => server.dispose());

const setting = (id: string, file: string): string =>
  readFileSync(join(cgroupOfJob(server, id), file), 'utf8').trim();

describe('a share of CPU time', () => {
  it('is the weight that the job was given, and divides a CPU accordingly', async () => {
    const spin = { command: 'while :; do :; done', limits: { cpuset: '0' } };
    const light = await server.submit({ ...spin, limits: { ...spin.limits, cpuWeight: 20 } });
    const heavy = await server.submit({ ...spin, limits: { ...spin.limits, cpuWeight: 500 } });
    await server.running(light);
    await server.running(heavy);
    expect(setting(light, 'cpu.weight')).toBe('20');
    expect(setting(heavy, 'cpu.weight')).toBe('500');
    // What each had while both ran, however long that takes.
    const cpuTimeUs = (id: string): number =>
      Number(/^usage_usec (\d+)$/m.exec(setting(id, 'cpu.stat'))?.[1]);
    const before = { light: cpuTimeUs(light), heavy: cpuTimeUs(heavy) };
    const had = () => ({ light: cpuTimeUs(light) - before.light, heavy: cpuTimeUs(heavy) - before.heavy });
    await expect.poll(() => had().light + had().heavy).toBeGreaterThan(2_000_000);
    const share = had();
    expect(share.heavy).toBeGreaterThan(5 * share.light);
    await Promise.all([server.stop(light, 0), server.stop(heavy, 0)]);
  });
});

describe('a set of CPUs', () => {
  it('is all that the job may run on', async () => {
    const job = await server.run({
      command: 'grep Cpus_allowed_list /proc/self/status; nproc',
      limits: { cpuset: '1' },
    });
    expect((await server.output(job.id)).stdout).toBe('Cpus_allowed_list:\t1\n1\n');
    expect(job.limits['cpuset']).toBe('1');
  });

  it('is refused when it names a CPU that does not exist', async () => {
    const { errors } = await server.ask(
      'mutation { submitJob(input: { command: "true", limits: { cpuset: "0,99" } }) { job { id } } }',
    );
    expect(errors?.[0]?.message).toMatch(/^input\.limits\.cpuset: expected a list of CPUs .* got "0,99"$/);
  });
});

describe('memory.high', () => {
  it('slows a job down without ending it, and reports it', async () => {
    const job = await server.run({
      command: 'head -c 33554432 /dev/zero >/tmp/x; echo done',
      limits: { memory: '64Mi', memoryHigh: '16Mi', timeout: '5s' },
    });
    const hit = job.limitsHit.find(({ limit }) => limit === 'memoryHigh');
    expect(hit).toMatchObject({ value: 16 * MIB, ended: false });
    expect(hit?.evidence[0]).toMatchObject({ file: 'memory.events', key: 'high' });
    expect(hit?.evidence[0]?.value).toBeGreaterThan(0);
  });
});

describe('a verdict', () => {
  it('of memory quotes what the kernel counted', async () => {
    const job = await server.run({
      command: TAKE_MEMORY,
      limits: { memory: '32Mi' },
    });
    expect(job.limitsHit[0]).toMatchObject({ limit: 'memory', value: 32 * MIB, unit: 'bytes', ended: true });
    const evidence = new Map(job.limitsHit[0]?.evidence.map(({ key, value }) => [key, value]));
    expect(evidence.get('oom_kill')).toBeGreaterThan(0);
    expect(evidence.get('oom')).toBeGreaterThan(0);
    expect(job.error).toBe(job.limitsHit[0]?.message);
  });

  it('of processes counts those that could not be started', async () => {
    const job = await server.run({
      command: 'i=0; while [ $i -lt 50 ]; do sleep 1000 & i=$((i+1)); done',
      limits: { pids: 10 },
    });
    expect(job.limitsHit.find(({ limit }) => limit === 'pids')).toMatchObject({
      value: 10,
      peak: 10,
      ended: false,
    });
    expect(job.usage?.['forksRefused']).toBeGreaterThan(0);
  });

  it('of CPUs reports for how long it was throttled', async () => {
    const job = await server.run({
      command: 'while :; do :; done',
      limits: { cpus: 0.2, timeout: '3s' },
    });
    expect(job.limitsHit.map(({ limit, ended }) => [limit, ended])).toEqual([
      ['timeout', true],
      ['cpus', false],
    ]);
  });
});

describe('pressure', () => {
  it.runIf(inTestMachine || existsSync('/proc/pressure/cpu'))('is reported', async () => {
    const { id } = await server.run({ command: 'while :; do :; done', limits: { cpus: 0.1, timeout: '2s' } });
    const { job } = await server.query<{
      job: { usage: { pressure: Record<string, { some: number; full: number }> } };
    }>(
      'query ($id: ID!) { job(id: $id) { usage { pressure { cpu { some full } memory { some full } io { some full } } } } }',
      {
        id,
      },
    );
    expect(job.usage.pressure['cpu']?.some).toBeGreaterThan(0);
  });
});

describe('the server and its supervisors', () => {
  it('have priority over jobs where CPU time is short', () => {
    for (const name of ['server', 'supervisors'])
      expect(readFileSync(join(cgroup, name, 'cpu.weight'), 'utf8').trim()).toBe('1000');
    expect(readFileSync(join(cgroup, 'jobs', 'cpu.weight'), 'utf8').trim()).toBe('100');
  });
});

describe('ceilings', () => {
  it('are there by default', () => {
    expect(Number(readFileSync(join(cgroup, 'jobs', 'memory.max'), 'utf8'))).toBeGreaterThan(0);
    expect(readFileSync(join(cgroup, 'jobs', 'pids.max'), 'utf8').trim()).toBe('16384');
    expect(readFileSync(join(cgroup, 'jobs', 'cpu.max'), 'utf8').trim()).toBe('max 100000');
  });

  it('bound all jobs together, and the reason distinguishes them from the limit of the job', async () => {
    const low = await TestServer.start(
      '--ceiling-memory',
      '64Mi',
      '--ceiling-pids',
      '40',
      '--ceiling-cpus',
      '1.5',
    );
    try {
      const jobs = join(await pathOf(low), 'jobs');
      expect(readFileSync(join(jobs, 'memory.max'), 'utf8').trim()).toBe(String(64 * MIB));
      expect(readFileSync(join(jobs, 'cpu.max'), 'utf8').trim()).toBe('150000 100000');
      // Each may have almost all of it, and not both.
      const limits = { memory: '60Mi', pids: 30 };
      const first = await low.submit({
        command: 'head -c 33554432 /dev/zero >/dev/shm/x; echo up; sleep 1000',
        limits,
      });
      await expect.poll(async () => (await low.output(first, false)).stdout).toBe('up\n');
      const hog = await low.run({ command: TAKE_MEMORY, limits });
      expect(hog).toMatchObject({ status: 'LIMIT_EXCEEDED', limitExceeded: 'MEMORY' });
      expect(hog.limitsHit[0]).toMatchObject({ limit: 'ceiling', value: null, ended: true });
      expect(hog.error).toContain('all jobs together');
      await low.stop(first, 0);
      const forks = 'i=0; while [ $i -lt 26 ]; do sleep 1000 & i=$((i+1)); done; echo all; sleep 1000';
      const many = await low.submit({ command: forks, limits });
      await expect.poll(async () => (await low.output(many, false)).stdout).toBe('all\n');
      const more = await low.run({ command: forks, limits: { ...limits, timeout: '60s' } });
      expect((await low.output(more.id)).stderr).toContain("can't fork");
      const { errors } = await low.ask(
        'mutation { submitJob(input: { command: "true", limits: { memory: "65Mi" } }) { job { id } } }',
      );
      expect(errors?.[0]?.message).toContain(`expected at most ${64 * MIB} bytes`);
    } finally {
      await low.dispose();
    }
  });
});

describe('what a server has for all jobs together, and what it allows each', () => {
  let bounded: TestServer;

  beforeAll(async () => {
    const capacity = ['--capacity-memory', '1Gi', '--capacity-cpus', '1.5'];
    bounded = await TestServer.start(...capacity, '--max-pids', '20');
  });
  afterAll(() => bounded.dispose());

  const refusal = async (limits: object) => {
    const document = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
    return (await bounded.ask(document, { input: { command: 'true', limits } })).errors?.[0];
  };

  it('refuses a job that could never start, by the limit at fault', async () => {
    expect(await refusal({ cpus: 1.6 })).toMatchObject({
      message: expect.stringContaining('at most 1.5, the capacity of this server for all jobs together'),
      extensions: { code: 'BAD_USER_INPUT', field: 'input.limits.cpus' },
    });
    expect(await refusal({ memory: '2Gi' })).toMatchObject({
      message: expect.stringContaining(`at most ${1024 * MIB}, the capacity of this server`),
      extensions: { code: 'BAD_USER_INPUT', field: 'input.limits.memory' },
    });
    expect(await refusal({ cpus: 1.5, memory: '1Gi' })).toBeUndefined();
  });

  it('refuses a job that asks for more than the maximum, and gives no more to one that does not ask', async () => {
    expect(await refusal({ pids: 21 })).toMatchObject({
      message: 'input.limits.pids: expected at most 20 processes, the maximum of this server, got 21',
      extensions: { code: 'BAD_USER_INPUT', field: 'input.limits.pids' },
    });
    expect((await bounded.run({ command: 'true' })).limits).toMatchObject({ pids: 20 });
  });
});

describe('traffic with a disk', () => {
  const DISK = '/dev/ram1';
  const READING = { command: 'time -f %e cat /blob >/dev/null' };

  /** A server whose images lie on a disk of their own, which only the test machine has. */
  const onDisk = async (run: (one: TestServer) => Promise<void>): Promise<void> => {
    const mount = mkdtempSync(join(tmpdir(), 'cloister-disk-'));
    execFileSync('mke2fs', ['-q', '-F', '-t', 'ext2', DISK]);
    execFileSync('mount', ['-t', 'ext2', DISK, mount]);
    const one = new TestServer(join(mount, 'state'), []);
    try {
      for (const folder of ['exits', 'images']) mkdirSync(join(mount, 'state', folder), { recursive: true });
      execFileSync('cp', ['-a', ...TEST_IMAGE_PATHS, join(mount, 'state', 'images')]);
      const [image = ''] = execFileSync('find', [
        join(mount, 'state', 'images'),
        '-name',
        'busybox',
        '-path',
        '*/bin/*',
      ])
        .toString()
        .split('\n');
      writeFileSync(join(image, '..', '..', 'blob'), Buffer.alloc(4 * MIB, 'x'));
      await one.boot();
      await run(one);
      await one.dispose();
    } finally {
      await one.end('SIGKILL');
      execFileSync('umount', [mount]);
      rmSync(mount, { recursive: true });
    }
  };

  it.runIf(inTestMachine || existsSync(DISK))(
    'is bounded, by default for the disk of the state folder',
    async () => {
      await onDisk(async (one) => {
        const seconds = async (limits: Record<string, unknown>): Promise<number> => {
          // What is not on the disk yet stays in memory.
          execFileSync('sync');
          writeFileSync('/proc/sys/vm/drop_caches', '3');
          const job = await one.run({ ...READING, limits });
          expect(job).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
          return Number((await one.output(job.id)).stderr);
        };
        const free = await seconds({});
        const bound = await seconds({ io: [{ readBps: '1Mi' }] });
        expect(bound).toBeGreaterThan(2.5);
        expect(bound).toBeGreaterThan(free + 2);
        const id = await one.submit({
          command: 'sleep 1000',
          limits: { io: [{ device: DISK, writeIops: 7 }] },
        });
        await one.running(id);
        expect(readFileSync(join(cgroupOfJob(one, id), 'io.max'), 'utf8')).toBe(
          '1:1 rbps=max wbps=max riops=max wiops=7\n',
        );
        await one.stop(id, 0);
      });
    },
  );

  it.runIf(inTestMachine || existsSync(DISK))(
    'is refused where the state folder lies on no disk',
    async () => {
      const { errors } = await server.ask(
        'mutation { submitJob(input: { command: "true", limits: { io: [{ readBps: 1 }] } }) { job { id } } }',
      );
      expect(errors?.[0]?.extensions?.['code']).toBe('LIMIT_UNAVAILABLE');
    },
  );
});
