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
  // Creates what is made only once, such as the spawner.
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
  await expect.poll(() => snapshotResources(server)).toEqual(before);
});

it('nothing is left of commands in cells, terminals, open input and requests for files', async () => {
  const job = (input: Record<string, unknown>, mutation = 'submitJob', type = 'SubmitJobInput') =>
    server
      .query<Record<string, { job: { id: string } }>>(
        `mutation ($input: ${type}!) { ${mutation}(input: $input) { job { id } } }`,
        { input },
      )
      .then((answer) => answer[mutation]?.job.id ?? '');
  const round = async (graceMs: number): Promise<void> => {
    const id = await job({ command: 'cat', terminal: { rows: 5, columns: 20 } });
    await server.running(id);
    const inCell = (input: Record<string, unknown>) =>
      job({ jobId: id, ...input }, 'execInJob', 'ExecInJobInput');
    const execs = await Promise.all([
      inCell({ command: 'sleep 1000 & exec sleep 1000' }),
      inCell({ command: 'cat', openStdin: true }),
      inCell({ command: 'exec sleep 1000', terminal: { rows: 5, columns: 20 } }),
      inCell({ argv: ['nosuch'] }),
    ]);
    for (const exec of execs.slice(0, 3)) await server.running(exec);
    for (const to of [id, execs[1]])
      await server.query(
        `mutation { writeStdin(input: { jobId: "${to}", offset: 0, text: "x" }) { accepted } }`,
      );
    await server.query(
      `mutation { resizeTerminal(input: { jobId: "${id}", rows: 9, columns: 9 }) { job { id } } }`,
    );
    const files = 'a: files(path: "/") { nodes { name } } b: files(path: "/etc/passwd") { content { text } }';
    const looks = Array.from({ length: 4 }, () => server.query(`{ job(id: "${id}") { ${files} } }`));
    await Promise.all(looks);
    // One that is interrupted by the end of the job.
    const late = server.ask(`{ job(id: "${id}") { ${files} } }`);
    await server.stop(id, graceMs);
    await late;
    for (const exec of execs) await server.ended(exec);
  };
  await round(0);
  const before = await snapshotAtRest(server);
  for (const graceMs of [0, 5000, 0]) await round(graceMs);
  await expect.poll(() => snapshotResources(server)).toEqual(before);
});
