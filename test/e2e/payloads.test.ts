/**
 * Commands, environments and standard input of jobs: how much memory the server needs for them, and that they are
 * complete.
 */

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

const KIB = 1024;
const MIB = 1024 * KIB;
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

/** A server with a small heap, whose queue takes `JOBS` jobs of `bytes` bytes while another one runs. */
const boot = async (bytes: number): Promise<TestServer> => {
  await testImage();
  const stateDir = mkdtempSync(join(tmpdir(), 'cloister-payloads-'));
  symlinkSync(IMAGES, join(stateDir, 'images'));
  // One caller gets nine tenths of the places.
  const queued = Math.ceil((JOBS * (bytes + 1024)) / 0.9);
  const flags = ['--max-running', '1', '--max-queued-bytes', `${queued}`];
  const server = new TestServer(stateDir, flags, ([node = '', ...rest]) => [
    node,
    `--max-old-space-size=${HEAP_MIB}`,
    ...rest,
  ]);
  dispose(() => server.dispose());
  await server.boot();
  await server.running(await server.submit({ command: 'sleep 1000' }));
  return server;
};

const LIST = '{ jobs(first: 100) { nodes { id status } } }';

/** Fills the queue beyond its limit, and restarts the server with it. */
const fillAndRestart = async (server: TestServer, input: Record<string, unknown>): Promise<string[]> => {
  const ids: string[] = [];
  for (let count = 0; count < JOBS; count++) ids.push(await server.submit(input));
  const { errors } = await server.ask(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }',
    { input },
  );
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'QUEUE_FULL' });
  await server.query(LIST);
  await server.end('SIGKILL');
  await server.boot();
  await Promise.all([server.query(LIST), server.query(LIST)]);
  expect(peakMib(server.pid)).toBeLessThan(MOST_RSS_MIB);
  return ids;
};

it('a server with a small heap takes the largest queue that it allows, and starts with it', async () => {
  const server = await boot(EACH);
  const stdin = 'x'.repeat(EACH);
  const ids = await fillAndRestart(server, { command: 'wc -c', stdin });
  expect(readdirSync(join(server.stateDir, 'stdin'))).toHaveLength(JOBS);
  const last = ids.at(-1) ?? '';
  const { job } = await server.query<{ job: { stdin: string } }>(`{ job(id: "${last}") { stdin } }`);
  expect(job.stdin === stdin).toBe(true);
});

const LARGEST = 1024 * KIB - 2 * KIB;
const variables = Array.from({ length: 8 }, (_, number) => ({
  name: `N${number}`,
  value: 'x'.repeat(LARGEST / 8 - 16),
}));

it.each<[string, Record<string, unknown>, string, unknown]>([
  ['a command line', { command: `true ${'#'.repeat(LARGEST)}` }, 'command', `true ${'#'.repeat(LARGEST)}`],
  ['an environment', { command: 'echo $N7 | wc -c', env: variables }, 'env { name value }', variables],
])(
  '%s of the largest size costs no memory while its job waits, and no time in lists',
  async (_name, input, field, value) => {
    const server = await boot(LARGEST);
    const ids = await fillAndRestart(server, input);
    const last = ids.at(-1) ?? '';
    const { job } = await server.query<{ job: Record<string, unknown> }>(
      `{ job(id: "${last}") { ${field} } }`,
    );
    expect(Object.values(job)[0]).toEqual(value);
    const [first] = (
      await server.query<{ jobs: { nodes: { id: string }[] } }>(
        '{ jobs(first: 1, filter: { status: [RUNNING] }) { nodes { id } } }',
      )
    ).jobs.nodes;
    await server.stop(first?.id ?? '', 0);
    expect(await server.ended(last)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    expect(peakMib(server.pid)).toBeLessThan(MOST_RSS_MIB);
  },
);

it('attempts share a standard input, which is kept as long as one of them', async () => {
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
  await expect.poll(retriedBy).not.toBeNull();
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

it('a standard input that was not restored is reported where it is read, and no job starts without it', async () => {
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
