/** Thousands of jobs leave nothing behind, over restarts of the server. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readFrames } from '../support/cell.ts';
import { BEGAN, type Life, randomLife, rightVerdicts, verdictOf } from '../support/churn.ts';
import { randomFrom } from '../support/random.ts';
import { snapshotAtRest, snapshotSince } from '../support/resource-snapshot.ts';
import { RestartableServer } from '../support/restartable-server.ts';
import { type JobFields, TestServer } from '../support/server.ts';

const JOBS = Number(process.env['CLOISTER_CHURN_JOBS'] ?? 1000);
const SEED = Number(process.env['CLOISTER_CHURN_SEED'] ?? 1 + (Date.now() % 1_000_000));
const AT_ONCE = 16;
/** The server is ended, and started again, when these fractions of the jobs have been submitted. */
const RESTARTS: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [25, 'SIGKILL'],
  [50, 'SIGTERM'],
  [75, 'SIGKILL'],
]);

/** Verdicts that occur among many jobs with certainty. */
const CERTAIN = [
  'left alone: COMPLETED',
  'left alone: FAILED',
  'left alone: LIMIT_EXCEEDED OUTPUT',
  'left alone: LIMIT_EXCEEDED TIME',
  'orphaned: LOST',
  'stopped: STOPPED',
];

let server: TestServer;
let restartable: RestartableServer;

beforeAll(async () => {
  server = await TestServer.start();
  restartable = new RestartableServer(server);
});

afterAll(() => server.dispose());

const isFinal = async (id: string): Promise<boolean> =>
  !['QUEUED', 'RUNNING'].includes((await server.job(id)).status);

const meetFate = async (id: string, { fate }: Life): Promise<void> => {
  if (fate.kind === 'left alone') return;
  await pause(fate.after);
  if (fate.kind === 'stopped') {
    const stopped = await restartable.persist(() => server.stop(id, fate.grace));
    expect(await restartable.persist(() => server.job(id))).toEqual(stopped);
    return;
  }
  await expect
    .poll(async () => restartable.orphan(id) || (await restartable.persist(() => isFinal(id))), {
      interval: 5,
    })
    .toBe(true);
};

/** What a job wrote to a stream, by the file that its supervisor kept. */
const written = (id: string, stream: number): Buffer => {
  const log = readFileSync(join(server.stateDir, 'jobs', id, 'log'));
  return Buffer.concat(readFrames(log).flatMap((frame) => (frame.stream === stream ? [frame.bytes] : [])));
};

const checkEnd = (job: JobFields, life: Life): void => {
  const verdict = verdictOf(job);
  const what = `${life.kind.name}, ${life.fate.kind}: ${JSON.stringify(job)}`;
  expect(rightVerdicts(life), what).toContain(verdict);
  const began = written(job.id, 2).toString();
  // A job runs at most once, whatever happens to the server.
  expect(['', BEGAN], what).toContain(began);
  if (verdict === 'LOST') expect([job.exitCode, job.signal], what).toEqual([null, null]);
  if (verdict !== life.kind.natural || verdict === 'FAILED') return;
  // On a slow machine the timeout may expire before the shell writes its first word.
  if (life.kind.natural !== 'LIMIT_EXCEEDED TIME') expect(began, what).toBe(BEGAN);
  if (life.kind.output !== undefined) expect(written(job.id, 1).length, what).toBe(life.kind.output);
};

it(`leaves nothing of ${JOBS} jobs, and each ends with a correct status (CLOISTER_CHURN_SEED=${SEED})`, async () => {
  await server.run({ command: 'true' });
  const before = await snapshotAtRest(server);
  const random = randomFrom(SEED);
  const verdicts: Record<string, number> = {};
  let next = 0;

  const live = async (number: number, life: Life): Promise<void> => {
    const idempotencyKey = `churn-${number}`;
    const id = await restartable.persist(() => server.submit({ ...life.kind.input, idempotencyKey }));
    await meetFate(id, life);
    const job = await restartable.persist(() => server.ended(id));
    checkEnd(job, life);
    const what = `${life.fate.kind}: ${verdictOf(job).replace(/^COMPLETED.*/, 'COMPLETED')}`;
    verdicts[what] = (verdicts[what] ?? 0) + 1;
  };

  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < JOBS && !failed) {
      const number = next++;
      const life = randomLife(random);
      const signal = (number * 100) % JOBS === 0 ? RESTARTS.get((number * 100) / JOBS) : undefined;
      if (signal !== undefined) restartable.restart(signal);
      await live(number, life).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };

  const workers = await Promise.allSettled(Array.from({ length: AT_ONCE }, worker));
  await restartable.isUp();
  for (const ended of workers) if (ended.status === 'rejected') throw ended.reason;
  console.log(verdicts);
  // With few jobs not every verdict can be expected.
  if (JOBS >= 500) expect(Object.keys(verdicts)).toEqual(expect.arrayContaining(CERTAIN));
  const { jobs } = await server.query<{ jobs: { totalCount: number } }>('{ jobs(first: 1) { totalCount } }');
  expect(jobs.totalCount).toBe(JOBS + 1);
  await expect.poll(() => snapshotSince(server, before)).toEqual(before);
  // A server logs what it could not do for a job.
  expect(server.faults).toEqual([]);
}, 600_000);
