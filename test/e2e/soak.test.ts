/** The memory and descriptors of a server under a long load. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomLife, rightVerdicts, verdictOf } from '../support/churn.ts';
import { randomFrom } from '../support/random.ts';
import { cgroupOf, snapshotAtRest, snapshotResources } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

// What a server holds does not grow with the jobs that it has seen. By default for a moment; "make soak" takes an hour.
const SECONDS = Number(process.env['CLOISTER_SOAK_SECONDS'] ?? 20);
const SEED = Number(process.env['CLOISTER_SOAK_SEED'] ?? 1 + (Date.now() % 1_000_000));
const AT_ONCE = 6;
const SAMPLES = 24;
const KEPT_JOBS = 200;
const MIB = 1 << 20;
const WAL_MOST = 64 * MIB;
const MEMORY_MOST = 1024 * MIB;
/** By then the heap has grown to what it needs under this load. */
const STEADY_SECONDS = 300;
/** How much the memory of a process of this size varies by itself, and what garbage may wait to be collected. */
const MEMORY_PLAY = 64 * MIB;

let server: TestServer;
let cgroup: string;

beforeAll(async () => {
  server = await TestServer.start('--retain-jobs', String(KEPT_JOBS), '--compress-after', '1s');
  await server.run({ command: 'true' });
  cgroup = await cgroupOf(server);
});

afterAll(() => server.dispose());

interface Sample {
  readonly jobs: number;
  /** Resident bytes of the server. */
  readonly memory: number;
  readonly descriptors: number;
  readonly wal: number;
  /** Cgroups that were removed and that something still keeps in the kernel. */
  readonly dying: number;
}

const sample = (jobs: number): Sample => {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const stat = readFileSync(join(cgroup, 'cgroup.stat'), 'utf8');
  return {
    jobs,
    memory: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024,
    descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
    wal: statSync(join(server.stateDir, 'cloister.db-wal')).size,
    dying: Number(/^nr_dying_descendants (\d+)$/m.exec(stat)?.[1]),
  };
};

/** Runs another command in the cell of a job that does not end by itself, and waits for its end. */
const visit = async (id: string): Promise<void> => {
  const { execInJob } = await server.query<{ execInJob: { job: { id: string } } }>(
    'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }',
    { input: { jobId: id, command: 'tty; exec cat', terminal: { rows: 10, columns: 40 } } },
  );
  const visitor = execInJob.job.id;
  await server.running(visitor);
  await server.query('mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }', {
    input: { jobId: visitor, offset: 0, text: 'x\n', endOfInput: true },
  });
  expect(verdictOf(await server.ended(visitor))).toBe('COMPLETED 0');
};

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

it(
  `holds no more after ${SECONDS} s of jobs than before (CLOISTER_SOAK_SEED=${SEED})`,
  async () => {
    const random = randomFrom(SEED);
    const until = Date.now() + SECONDS * 1000;
    const before = await snapshotAtRest(server);
    let jobs = 0;

    const worker = async (): Promise<void> => {
      while (Date.now() < until) {
        const life = randomLife(random);
        const id = await server.submit(life.kind.input);
        const following = server.output(id);
        if (life.kind.natural === null) {
          await visit(id);
          jobs += 1;
        }
        if (life.fate.kind !== 'left alone') {
          await pause(life.fate.after);
          await server.stop(id, life.fate.kind === 'stopped' ? life.fate.grace : 0);
        }
        await following;
        const verdict = verdictOf(await server.job(id));
        expect([...rightVerdicts(life), 'STOPPED'], life.kind.name).toContain(verdict);
        jobs += 1;
      }
    };

    const samples: Sample[] = [];
    const sampling = async (): Promise<void> => {
      for (let number = 1; number <= SAMPLES; number++) {
        await pause(Math.max(0, until - (SECONDS * 1000 * (SAMPLES - number)) / SAMPLES - Date.now()));
        samples.push(sample(jobs));
      }
    };
    const working = [sampling(), ...Array.from({ length: AT_ONCE }, worker)];
    await Promise.all(working).catch((error: unknown) => {
      const lives = existsSync(`/proc/${server.pid}`) ? 'lives' : 'is gone';
      throw new Error(`after ${jobs} jobs; the server ${lives}: ${server.errors.slice(-2000)}`, {
        cause: error,
      });
    });
    console.table(samples.map((one) => ({ ...one, memory: `${Math.round(one.memory / MIB)} MiB` })));

    // The first third fills caches and what is kept of jobs.
    const third = SAMPLES / 3;
    const [early, late] = [samples.slice(third, 2 * third), samples.slice(2 * third)];
    const middle = (some: readonly Sample[], what: keyof Sample): number =>
      median(some.map((one) => one[what]));
    expect(middle(late, 'memory')).toBeLessThan(MEMORY_MOST);
    if (SECONDS >= STEADY_SECONDS)
      expect(middle(late, 'memory')).toBeLessThan(middle(early, 'memory') + MEMORY_PLAY);
    expect(Math.max(...samples.map(({ wal }) => wal))).toBeLessThan(WAL_MOST);
    expect(middle(late, 'descriptors')).toBeLessThan(2 * middle(early, 'descriptors'));
    expect(middle(late, 'dying')).toBeLessThan(2 * middle(early, 'dying') + 100);
    expect(jobs).toBeGreaterThan(SECONDS);
    await expect
      .poll(async () => ({ ...(await snapshotResources(server)), files: [] }))
      .toEqual({ ...before, files: [] });
  },
  SECONDS * 1000 + 120_000,
);
