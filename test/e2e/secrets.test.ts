/** Secret variables: where they are stored, where they never appear, and when they are removed. */

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

const BIN = join(import.meta.dirname, '../../bin/cloister');
const run = promisify(execFile);
const SECRET = 'planted-secret-83b1c';
const ENV = [
  { name: 'OPEN', value: 'visible' },
  { name: 'KEY', value: SECRET, secret: true },
];

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('--log-level', 'debug');
});

afterAll(() => server.dispose());

const cloister = (...args: string[]) => {
  const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_TOKEN: server.token, KEY: SECRET };
  const done = run(BIN, args, { env });
  done.child.stdin?.end();
  return done;
};

/** The files of the state folder that hold the secret; the database and the logs of jobs are not looked at. */
const holders = (): string[] =>
  ['jobs', 'secrets', 'stdin', 'exits']
    .flatMap((folder) => readdirSync(join(server.stateDir, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name !== 'log')
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => readFileSync(path, 'latin1').includes(SECRET))
    .map((path) => path.slice(server.stateDir.length + 1));

it('reaches the command, comes back nowhere, and is gone when the job has ended', async () => {
  const id = await server.submit({
    command: 'case "$KEY" in planted*83b1c) echo "it is there" ;; esac; sleep 1000',
    env: ENV,
    idempotencyKey: 'k',
  });
  await server.running(id);
  await expect.poll(async () => (await server.output(id, false)).stdout).toBe('it is there\n');
  const files = holders();
  expect(files.sort()).toEqual([`jobs/${id}/plan`, `secrets/${id}`]);
  for (const path of files) expect(statSync(join(server.stateDir, path)).mode & 0o777).toBe(0o600);
  const { job } = await server.query<{ job: object }>(
    `{ job(id: "${id}") { env { name value valueBytes secret } } }`,
  );
  expect(job).toEqual({
    env: [
      { name: 'OPEN', value: 'visible', valueBytes: null, secret: false },
      { name: 'KEY', value: '', valueBytes: null, secret: true },
    ],
  });
  await server.stop(id, 0);
  // Its end is stored first, so that the next attempt cannot lack them.
  await expect.poll(holders).toEqual([]);
});

it('is not in the database, its copy, the log of the server, and what commands print', async () => {
  await cloister('run', '--secret-env', 'KEY', 'test -n "$KEY"');
  const { jobs } = await server.query<{
    jobs: { nodes: { id: string; status: string; exitCode: number }[] };
  }>('{ jobs(first: 1) { nodes { id status exitCode } } }');
  const [last] = jobs.nodes;
  expect(last).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  const copy = join(server.stateDir, 'copy.db');
  await run(BIN, ['backup', copy, '--state-dir', server.stateDir]);
  const { stdout } = await cloister('status', '--json', last?.id ?? '');
  expect(stdout).toContain('"KEY"');
  const dump = readFileSync(copy, 'latin1');
  expect(dump).toContain('visible');
  for (const text of [stdout, dump, server.errors]) expect(text).not.toContain(SECRET);
  await expect(cloister('rerun', last?.id ?? '')).rejects.toMatchObject({
    stderr: expect.stringContaining('whose values are not kept: KEY'),
  });
});

it('is there for every attempt, also after a restart of the server, and then gone', async () => {
  const id = await server.submit({
    command: 'case "$KEY" in planted*) exit 3 ;; esac',
    env: ENV,
    retries: { limit: 1, backoff: '1s' },
  });
  await server.ended(id);
  const { job } = await server.query<{ job: { exitCode: number; retriedBy: { id: string } } }>(
    `{ job(id: "${id}") { exitCode retriedBy { id } } }`,
  );
  expect(job.exitCode).toBe(3);
  await server.end('SIGKILL');
  await server.boot();
  expect((await server.ended(job.retriedBy.id)).exitCode).toBe(3);
  await expect.poll(holders).toEqual([]);
  expect(readdirSync(join(server.stateDir, 'secrets'))).toEqual([]);
});

it('is asked for again where a job is submitted as it was read', async () => {
  const { errors } = await server.ask(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }',
    { input: { command: 'true', env: [{ name: 'KEY', value: '', secret: true }] } },
  );
  expect(errors).toMatchObject([
    { message: 'input.env[0].value: expected the value of the secret, which no job gives back, got ""' },
  ]);
});
