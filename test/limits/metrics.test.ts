/** What all cells use together, as the metrics say: where the kernel counts it. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const value = async (name: string): Promise<number> => {
  const headers = { authorization: `Bearer ${server.token}` };
  const text = await (await fetch(new URL('/metrics', server.url), { headers })).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
};

it('has CPU time, memory and processes of the jobs that run, and the time of those that have ended', async () => {
  const MiB = 2 ** 20;
  // The variable is in memory of its own; the loop takes CPU time.
  const command =
    'x=$(head -c 20000000 /dev/zero | tr "\\0" x); sleep 1000 & sleep 1000 & while :; do :; done';
  const id = await server.submit({ command });
  await server.running(id);
  const used = { interval: 100 };
  await expect.poll(() => value('cloister_cgroup_memory_bytes'), used).toBeGreaterThan(15 * MiB);
  await expect.poll(() => value('cloister_cgroup_processes'), used).toBeGreaterThanOrEqual(3);
  await expect.poll(() => value('cloister_cgroup_cpu_seconds_total'), used).toBeGreaterThan(0.5);
  await server.stop(id, 0);
  // A cell that waits for a job has one.
  const others = async () =>
    (await value('cloister_cgroup_processes')) - (await value('cloister_cells_prepared'));
  await expect.poll(others, used).toBe(0);
  expect(await value('cloister_cgroup_memory_bytes')).toBeLessThan(15 * MiB);
  expect(await value('cloister_cgroup_cpu_seconds_total')).toBeGreaterThan(0.5);
}, 200_000);
