/** What jobs are given to read: how much memory the server takes for it, and that all of it is there. */

import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { IMAGES, testImage } from '../support/image.ts';
import { TestServer } from '../support/server.ts';

const dispose = disposers();

const MIB = 1024 * 1024;
const HEAP_MIB = 96;
const EACH = 4 * MIB;
const JOBS = 40;
/** Heap, code, SQLite and one request; the queue has 160 MiB, of which it needs nothing. */
const MOST_RSS_MIB = 290;

const start = async (...flags: string[]): Promise<TestServer> => {
  const server = await TestServer.start(...flags);
  dispose(() => server.dispose());
  return server;
};

/** The most memory that a process has had, in MiB (proc_pid_status(5)). */
const peakMib = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

it('a server with a small heap takes the largest queue that it allows, and starts with it', async () => {
  await testImage();
  const stateDir = mkdtempSync(join(tmpdir(), 'cloister-payloads-'));
  symlinkSync(IMAGES, join(stateDir, 'images'));
  const flags = ['--max-running', '1', '--max-queued-bytes', `${JOBS * (EACH + 1024)}`];
  const server = new TestServer(stateDir, flags, ([node = '', ...rest]) => [
    node,
    `--max-old-space-size=${HEAP_MIB}`,
    ...rest,
  ]);
  dispose(() => server.dispose());
  await server.boot();
  await server.running(await server.submit({ command: 'sleep 1000' }));
  const stdin = 'x'.repeat(EACH);
  const ids: string[] = [];
  for (let count = 0; count < JOBS; count++) ids.push(await server.submit({ command: 'wc -c', stdin }));
  const { errors } = await server.ask(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }',
    { input: { command: 'wc -c', stdin } },
  );
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'QUEUE_FULL' });
  expect(readdirSync(join(server.stateDir, 'stdin'))).toHaveLength(JOBS);
  await server.query('{ jobs(first: 100) { nodes { id status } } }');
  await server.end('SIGKILL');

  await server.boot();
  await server.query('{ jobs(first: 100) { nodes { id status } } }');
  expect(peakMib(server.pid)).toBeLessThan(MOST_RSS_MIB);
  const last = ids.at(-1) ?? '';
  const { job } = await server.query<{ job: { stdin: string } }>(`{ job(id: "${last}") { stdin } }`);
  expect(job.stdin === stdin).toBe(true);
}, 120_000);

it('attempts share a standard input, which lasts as long as one of them is kept', async () => {
  const server = await start();
  const id = await server.submit({
    command: 'cat; exit 1',
    stdin: 'text',
    retries: { limit: 1, backoff: '1ms' },
  });
  const retriedBy = async (): Promise<string | null> =>
    (
      await server.query<{ job: { retriedBy: { id: string } | null } }>(
        `{ job(id: "${id}") { retriedBy { id } } }`,
      )
    ).job.retriedBy?.id ?? null;
  await expect.poll(retriedBy, { timeout: 20_000 }).not.toBeNull();
  const next = (await retriedBy()) ?? '';
  await server.ended(next);
  const file = (job: string): string => join(server.stateDir, 'stdin', job);
  expect(statSync(file(next)).ino).toBe(statSync(file(id)).ino);
  await server.query(`mutation { deleteJob(input: { jobId: "${id}" }) { job { id } } }`);
  await expect.poll(() => readdirSync(join(server.stateDir, 'stdin'))).toEqual([next]);
  expect((await server.output(next)).stdout).toBe('text');
  const { job } = await server.query<{ job: { stdin: string } }>(`{ job(id: "${next}") { stdin } }`);
  expect(job.stdin).toBe('text');
});

it('a standard input that was not restored is missed where it is read, and no job starts without it', async () => {
  const server = await start('--max-running', '1');
  const first = await server.submit({ command: 'sleep 1000' });
  await server.running(first);
  const id = await server.submit({ command: 'cat', stdin: 'text' });
  rmSync(join(server.stateDir, 'stdin', id));
  writeFileSync(join(server.stateDir, 'stdin', 'orphan'), 'of a job that was never stored');
  const { errors } = await server.ask(`{ job(id: "${id}") { stdin } }`);
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'UNAVAILABLE' });
  await server.stop(first, 0);
  expect(await server.ended(id)).toMatchObject({
    status: 'FAILED',
    error: 'the job could not be started: its standard input no longer exists',
  });
  await server.end();
  await server.boot();
  expect(readdirSync(join(server.stateDir, 'stdin'))).toEqual([]);
});
