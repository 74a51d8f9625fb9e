/** Limits of memory, processes and CPU time, on a kernel that has the controllers. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TAKE_MEMORY } from '../support/limits.ts';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

const MIB = 1024 * 1024;

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
  const { server: info } = await server.query<{
    server: { cgroup: { path: string; controllers: string[] } };
  }>('{ server { cgroup { path controllers } } }');
  expect(info.cgroup.controllers).toEqual(expect.arrayContaining(['cpu', 'memory', 'pids']));
});

afterAll(() => server.dispose());

const setting = (id: string, file: string): string =>
  readFileSync(join(cgroupOfJob(server, id), file), 'utf8').trim();

const isRunning = (id: string): Promise<void> =>
  expect.poll(async () => (await server.job(id)).status).toBe('RUNNING');

describe('memory', () => {
  it('ends a job that takes more, reports it, and leaves other jobs alone', async () => {
    const sibling = await server.submit({ command: 'sleep 1000', limits: { memory: '32Mi' } });
    await isRunning(sibling);
    const hog = await server.run({
      command: `echo before; ${TAKE_MEMORY}`,
      limits: { memory: '32Mi' },
    });
    expect(hog).toMatchObject({ status: 'LIMIT_EXCEEDED', limitExceeded: 'MEMORY', signal: 'SIGKILL' });
    expect(hog.error).toContain(String(32 * MIB));
    expect(hog.usage?.['oomKills']).toBeGreaterThan(0);
    expect(hog.usage?.['memoryPeak']).toBeLessThanOrEqual(32 * MIB);
    expect((await server.output(hog.id)).stdout).toBe('before\n');
    expect((await server.job(sibling)).status).toBe('RUNNING');
    expect(await server.stop(sibling, 0)).toMatchObject({ status: 'STOPPED' });
  });

  it('kills every process of the job', async () => {
    const job = await server.run({
      command: `for i in 1 2 3; do sleep 1000 & done; ${TAKE_MEMORY}; echo survived`,
      limits: { memory: '32Mi' },
    });
    expect(job.limitExceeded).toBe('MEMORY');
    expect((await server.output(job.id)).stdout).toBe('');
  });

  it('counts what is written to the root and to /dev/shm', async () => {
    const job = await server.run({
      command: 'dd if=/dev/zero of=/dev/shm/x bs=1M count=60',
      limits: { memory: '32Mi', disk: '128Mi' },
    });
    expect(job.limitExceeded).toBe('MEMORY');
  });

  it('has no way out into swap', async () => {
    const id = await server.submit({ command: 'sleep 1000', limits: { memory: '32Mi' } });
    await isRunning(id);
    expect(setting(id, 'memory.max')).toBe(String(32 * MIB));
    expect(setting(id, 'memory.swap.max')).toBe('0');
    expect(setting(id, 'memory.oom.group')).toBe('1');
    await server.stop(id, 0);
  });

  it('does not affect a job that stays below', async () => {
    const job = await server.run({
      command: 'dd if=/dev/zero bs=8M count=1 | wc -c',
      limits: { memory: '64Mi' },
    });
    expect(job).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    expect(job.usage?.['oomKills']).toBe(0);
    expect(job.usage?.['memoryPeak']).toBeGreaterThan(8 * MIB);
  });
});

describe('pids', () => {
  it('hold a fork bomb', async () => {
    const job = await server.run({
      command: 'i=0; while [ $i -lt 200 ]; do sleep 1000 & i=$((i+1)); done',
      limits: { pids: 20 },
    });
    // The shell gives up at the first fork that is refused.
    expect(job).toMatchObject({ status: 'COMPLETED', exitCode: 2 });
    expect((await server.output(job.id)).stderr).toContain("can't fork");
  });

  it('are as many as the job may have, its init not counted', async () => {
    const id = await server.submit({
      command:
        'i=0; while [ $i -lt 9 ]; do sleep 1000 & i=$((i+1)); done; echo all; sleep 1000 || echo refused; wait',
      limits: { pids: 10 },
    });
    const document = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }';
    let text = '';
    for await (const data of server.subscribe(document, { id })) {
      for (const entry of (data as { logs: { entries: { text: string }[] } }).logs.entries)
        text += entry.text;
      if (text.includes("can't fork")) break;
    }
    expect(text).toMatch(/^all\n/);
    expect((await server.ended(id)).exitCode).toBe(2);
  });
});

describe('cpus', () => {
  it('give a busy loop its share and no more, as cpu.stat counts', async () => {
    const job = await server.run({
      command: 'while :; do :; done',
      limits: { cpus: 0.5, timeout: '8s' },
    });
    expect(job.limitExceeded).toBe('TIME');
    const wall = Date.parse(job.finishedAt ?? '') - Date.parse(job.startedAt ?? '');
    const share = (job.usage?.['cpuTime'] ?? 0) / wall;
    expect(share).toBeGreaterThan(0.35);
    expect(share).toBeLessThan(0.6);
    expect(job.usage?.['throttledTime']).toBeGreaterThan(0);
  });
});

describe('defaults', () => {
  it('bound every job', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await isRunning(id);
    const { limits } = await server.job(id);
    expect(limits).toMatchObject({ cpus: 1, memory: 512 * MIB, swap: 0, pids: 256 });
    expect(setting(id, 'memory.max')).toBe(String(512 * MIB));
    expect(setting(id, 'pids.max')).toBe('257');
    expect(setting(id, 'cpu.max')).toBe('100000 100000');
    await server.stop(id, 0);
  });

  it('do not charge the supervisor to the job', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await isRunning(id);
    expect(setting(id, 'cgroup.procs').split('\n')).toHaveLength(2);
    await server.stop(id, 0);
  });
});
