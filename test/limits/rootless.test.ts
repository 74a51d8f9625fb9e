/** Limits of a server that is not root, in a delegated cgroup. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Delegated, delegate } from '../support/delegated.ts';
import { TAKE_MEMORY } from '../support/limits.ts';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

const MIB = 1024 * 1024;

let delegated: Delegated;
let server: TestServer;

beforeAll(async () => {
  // What a process with CAP_SYS_RESOURCE writes is the least that those without it can set.
  delegated = delegate({ prepare: 'echo 300 >/proc/self/oom_score_adj' });
  const { unprivileged } = delegated;
  server = new TestServer(unprivileged.stateDir, ['--launcher', unprivileged.launcher], (command) =>
    unprivileged.command(command),
  );
  await server.boot();
});

afterAll(async () => {
  await server.end();
  await delegated.dispose();
});

describe('a server that is not root, in a cgroup that was left to it', () => {
  it('has the controllers', async () => {
    const { server: info } = await server.query<{ server: { cgroup: { controllers: string[] } } }>(
      '{ server { cgroup { controllers } } }',
    );
    expect(info.cgroup.controllers).toEqual(expect.arrayContaining(['cpu', 'memory', 'pids']));
  });

  it('that may not lower its own OOM score adjustment gives it to jobs, as systemd starts the services of users', async () => {
    const { id, status } = await server.run({ command: 'cat /proc/self/oom_score_adj' });
    expect(status).toBe('COMPLETED');
    expect((await server.output(id)).stdout).toBe('300\n');
  });

  it('ends a job that takes more memory than it may, and reports it', async () => {
    const job = await server.run({
      command: `echo before; ${TAKE_MEMORY}`,
      limits: { memory: '32Mi' },
    });
    expect(job).toMatchObject({ status: 'LIMIT_EXCEEDED', limitExceeded: 'MEMORY', signal: 'SIGKILL' });
    expect(job.usage?.['oomKills']).toBeGreaterThan(0);
    expect((await server.output(job.id)).stdout).toBe('before\n');
  });

  it('bounds processes and CPU time', async () => {
    const id = await server.submit({
      // The shell that cannot fork ends.
      command: '(for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done); exec sleep 1000',
      limits: { pids: 4, cpus: 0.5, memory: '64Mi' },
    });
    const setting = (file: string) => readFileSync(join(cgroupOfJob(server, id), file), 'utf8').trim();
    await expect.poll(async () => (await server.job(id)).status).toBe('RUNNING');
    expect([setting('pids.max'), setting('cpu.max'), setting('memory.max')]).toEqual([
      '5',
      '50000 100000',
      String(64 * MIB),
    ]);
    await server.stop(id, 0);
    const { stderr } = await server.output(id);
    expect(stderr).toMatch(/can't fork|Resource temporarily unavailable/);
  });
});
