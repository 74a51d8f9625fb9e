/** Jobs that have ended leave no process, cgroup, mount or descriptor. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { snapshotAtRest, snapshotResources } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

it('nothing is left of jobs that ended, however they ended', async () => {
  // Brings what is made once, such as the spawner.
  await server.run({ command: 'true' });
  const before = await snapshotAtRest(server);
  const inputs = [
    { command: 'echo out; echo err >&2' },
    { command: 'sleep 1000 & exit 3' },
    { command: 'setsid sleep 1000; true', limits: { timeout: '200ms' } },
    { argv: ['nosuch'] },
    { command: 'yes', limits: { output: '10K' } },
    { command: 'kill -9 $$' },
    { command: 'cat', stdin: 'x'.repeat(100_000) },
  ];
  const statuses: Record<string, number> = {};
  for (let round = 0; round < 6; round++) {
    const jobs = await Promise.all(inputs.map((input) => server.run(input)));
    for (const { status } of jobs) statuses[status] = (statuses[status] ?? 0) + 1;
    const stopped = await server.submit({ command: 'sleep 1000' });
    await server.stop(stopped, round % 2 === 0 ? 0 : 5000);
  }
  expect(statuses).toEqual({ COMPLETED: 24, LIMIT_EXCEEDED: 12, FAILED: 6 });
  await expect.poll(() => snapshotResources(server), { timeout: 10_000 }).toEqual(before);
});
