/** The client of the spawner. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JobPlan, planCell } from '../../../src/cells/launch.ts';
import { encodePlan, type LaunchPlan } from '../../../src/runtime/protocol/plan.ts';
import { SpawnError, Spawner } from '../../../src/runtime/protocol/spawner.ts';
import { CellBench, LAUNCHER } from '../../support/cell.ts';

let jobs: string;
let spawner: Spawner;

beforeEach(() => {
  jobs = mkdtempSync(join(tmpdir(), 'cloister-spawner-'));
  spawner = new Spawner({ launcher: LAUNCHER, jobs, cgroup: '' });
});

afterEach(async () => {
  await spawner.close();
  rmSync(jobs, { recursive: true });
});

/** A folder in which a supervisor marks the job as its own, and then waits forever before it answers. */
const trap = (id: string): void => {
  mkdirSync(join(jobs, id));
  execFileSync('mkfifo', [join(jobs, id, 'exit')]);
};

/** The pid of the supervisor that has marked a job as its own. */
const supervisorOf = async (id: string): Promise<number> => {
  const started = join(jobs, id, 'started');
  await expect.poll(() => existsSync(started) && readFileSync(started, 'utf8')).toMatch(/\n$/);
  return Number.parseInt(readFileSync(started, 'utf8'), 10);
};

const parentOf = (pid: number): number =>
  Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

it('reports a supervisor that was killed before it could answer', async () => {
  trap('one');
  const started = spawner.start('one').catch((error: unknown) => error);
  process.kill(await supervisorOf('one'), 'SIGKILL');
  expect(await started).toEqual(new SpawnError('its supervisor was killed by signal 9'));
  expect(await spawner.probe('one')).toBe(false);
});

it('asks the next spawner when one is killed, and leaves the supervisor that it made alone', async () => {
  trap('one');
  const started = spawner.start('one').catch((error: unknown) => error);
  const supervisor = await supervisorOf('one');
  process.kill(parentOf(supervisor), 'SIGKILL');
  expect(await started).toEqual(new SpawnError('Resource temporarily unavailable'));
  expect(await spawner.probe('one')).toBe(true);
  process.kill(supervisor, 'SIGKILL');
  await expect.poll(() => spawner.probe('one')).toBe(false);
});

it('finds no mark of a supervisor that could not begin', async () => {
  // Where the record is to be written.
  mkdirSync(join(jobs, 'one', 'exit'), { recursive: true });
  await expect(spawner.start('one')).rejects.toThrow('Is a directory');
  expect(existsSync(join(jobs, 'one', 'started'))).toBe(false);
});

it('gives up in the end', async () => {
  const broken = new Spawner({ launcher: '/bin/false', jobs, cgroup: '' });
  await expect(broken.start('one')).rejects.toThrow('the spawner ended (code 1)');
  await broken.close();
});

describe('a prepared cell', () => {
  let bench: CellBench;
  beforeEach(() => {
    bench = new CellBench();
  });
  afterEach(() => bench.close());

  /** Has a cell prepared from the plan of a job, as it is or changed. */
  const prepare = async (job: JobPlan, change: Partial<LaunchPlan> = {}): Promise<void> => {
    const folder = join(bench.state, 'jobs', '.cell');
    mkdirSync(folder);
    writeFileSync(
      join(folder, 'plan'),
      encodePlan({ ...planCell(job, job, job.cgroup?.path ?? null), ...change }),
    );
    await bench.spawner.prepare('cell', () => undefined);
  };

  it('is given to no job whose plan has another', async () => {
    const others: Partial<LaunchPlan>[] = [
      { root: { ...(await bench.plan(['true'])).plan.root, layerOptions: 'mode=755,size=1m' } },
      { resourceLimits: [] },
      { steps: [{ kind: 'mkdir', path: '/other', mode: 0o755 }] },
      { oomScore: 7 },
      { clocks: 7 },
    ];
    for (const other of others) {
      const { id, plan } = await bench.plan(['true']);
      // As a server makes it.
      writeFileSync(join(bench.state, 'jobs', id, 'log'), '');
      await prepare(plan, other);
      expect(await bench.spawner.startIn('cell', id)).toBe(true);
      const { record } = await bench.follow(id).finished;
      expect(record).toMatchObject({
        executed: false,
        failure: { step: 'plan', subject: 'of another cell' },
      });
      rmSync(join(bench.state, 'jobs', '.cell'), { recursive: true });
    }
  });

  it('is one of one job', async () => {
    const { id, plan } = await bench.plan(['hostname']);
    await prepare(plan);
    expect(await bench.spawner.startIn('cell', id)).toBe(true);
    expect(await bench.spawner.startIn('cell', 'other')).toBe(false);
    expect((await bench.follow(id).finished).stdout).toBe('cell\n');
  });

  it('that was frozen before its job came has the time limits of the job from when its command runs', async () => {
    const { id, plan } = await bench.plan(['true'], { cpuTimeMs: 60_000, timeoutMs: 60_000 });
    await prepare(plan);
    const cgroup = plan.cgroup?.path ?? '';
    writeFileSync(join(cgroup, 'cgroup.freeze'), '1');
    await expect.poll(() => readFileSync(join(cgroup, 'cgroup.events'), 'utf8')).toContain('frozen 1');
    expect(await bench.spawner.startIn('cell', id)).toBe(true);
    const cell = bench.follow(id);
    // With this answer the supervisor has noticed that the cell is frozen.
    await expect(cell.control.pause()).rejects.toThrow('it does not run');
    writeFileSync(join(cgroup, 'cgroup.freeze'), '0');
    expect((await cell.finished).record).toMatchObject({
      cause: 'none',
      termination: { kind: 'exited', code: 0 },
    });
  });

  it('that is dismissed is gone, which a later request for it reports', async () => {
    const { id, plan } = await bench.plan(['true']);
    await prepare(plan);
    bench.spawner.dismiss('cell');
    expect(await bench.spawner.startIn('cell', id)).toBe(false);
    await expect.poll(() => existsSync(plan.cgroup?.path ?? '')).toBe(false);
  });

  it('that cannot be made says why', async () => {
    const { plan } = await bench.plan(['true']);
    const root = { ...plan.root, layerOptions: 'size=nothing' };
    await expect(prepare(plan, { root })).rejects.toThrow('layer: size=nothing: Invalid argument');
    expect(existsSync(plan.cgroup?.path ?? '')).toBe(false);
  });
});
