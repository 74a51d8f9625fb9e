/** A server that runs out of descriptors. */

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const limitTo = (files: number | string): void => {
  execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${files}:`]);
};

it('a server without descriptors refuses what it cannot do, and recovers without a restart', async () => {
  await server.run({ command: 'true' });
  const lasting = await server.submit({ command: 'echo before; sleep 1; echo after' });
  await server.running(lasting);
  limitTo(readdirSync(`/proc/${server.pid}/fd`).length + 1);
  // Each needs a folder, a plan, a log and a connection to its supervisor.
  const asked = await Promise.allSettled(
    Array.from({ length: 30 }, (_, index) =>
      fetch(server.url, {
        method: 'POST',
        signal: AbortSignal.timeout(3000),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${server.token}` },
        body: JSON.stringify({
          query: `mutation { submitJob(input: { command: "echo ${index}" }) { job { id } } }`,
        }),
      }),
    ),
  );
  expect(asked).toHaveLength(30);
  limitTo(4096);
  await expect
    .poll(async () => (await server.ask('{ __typename }')).data)
    .toEqual({
      __typename: 'Query',
    });
  const job = await server.run({ command: 'echo works' });
  expect(job).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  expect((await server.output(job.id)).stdout).toBe('works\n');
  expect(await server.ended(lasting)).toMatchObject({ status: 'COMPLETED' });
  expect((await server.output(lasting)).stdout).toBe('before\nafter\n');
  // Every accepted job has an end.
  const open = async (): Promise<number> => {
    const { jobs } = await server.query<{ jobs: { totalCount: number } }>(
      '{ jobs(filter: { status: [QUEUED, RUNNING] }) { totalCount } }',
    );
    return jobs.totalCount;
  };
  await expect.poll(open, { message: server.errors }).toBe(0);
  // And nothing that ran is taken for lost because its record could not be opened.
  const { lost } = await server.query<{ lost: { totalCount: number } }>(
    '{ lost: jobs(filter: { status: LOST }) { totalCount } }',
  );
  expect(lost.totalCount, server.errors).toBe(0);
});
