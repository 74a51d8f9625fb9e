/** Limits of a server that is not root, in a delegated cgroup. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Delegated, delegate } from '../support/delegated.ts';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

const MIB = 1024 * 1024;

let delegated: Delegated;
let server: TestServer;

beforeAll(async () => {
  delegated = delegate();
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

  it('ends a job that takes more memory than it may, and reports it', async () => {
    const job = await server.run({
      command: 'echo before; head -c 209715200 /dev/zero | tail',
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
    await expect.poll(async () => (await server.job(id)).status, { timeout: 60_000 }).toBe('RUNNING');
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
