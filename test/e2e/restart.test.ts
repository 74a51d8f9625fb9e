/** Jobs survive a restart of the server. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cgroupOf, cgroupOfJob, spawnerOf } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';
import { endSleep, sleepThen } from '../support/sleeper.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

/** Counts up, one line every 20 ms, forever. */
const COUNTER = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done';

const isRunning = async (id: string): Promise<void> => {
  await expect.poll(async () => (await server.job(id)).status).toBe('RUNNING');
};

/** The pid of the supervisor, as it noted it in the job's folder. */
const supervisor = (id: string): number =>
  Number(readFileSync(join(server.stateDir, 'jobs', id, 'started'), 'utf8').split(' ')[0]);

const numbers = (text: string): number[] => text.trimEnd().split('\n').map(Number);

describe('a server that ends', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s leaves its jobs running, and the next one finds them',
    async (signal) => {
      const id = await server.submit({ command: COUNTER });
      await isRunning(id);
      await server.end(signal);
      const log = join(server.stateDir, 'jobs', id, 'log');
      const size = statSync(log).size;
      await expect.poll(() => statSync(log).size).toBeGreaterThan(size);
      await server.boot();
      expect((await server.job(id)).status).toBe('RUNNING');
      const job = await server.stop(id, 0);
      expect(job).toMatchObject({ status: 'STOPPED', signal: 'SIGKILL' });
      const counted = numbers((await server.output(id)).stdout);
      expect(counted).toEqual(counted.map((_, index) => index + 1));
    },
  );

  it('finds the end of a job that ended in the meantime', async () => {
    const id = await server.submit({ command: `echo before; ${sleepThen('echo after; exit 5')}` });
    await isRunning(id);
    await server.end('SIGKILL');
    await endSleep(join(server.stateDir, 'jobs', id));
    await expect.poll(() => existsSync(join(server.stateDir, 'exits', id))).toBe(true);
    await server.boot();
    expect(await server.job(id)).toMatchObject({ status: 'COMPLETED', exitCode: 5 });
    expect(await server.output(id)).toEqual({ stdout: 'before\nafter\n', stderr: '' });
    expect(readdirSync(join(server.stateDir, 'exits'))).toEqual([]);
  });

  it('completes subscriptions on SIGTERM, and exits with 0', async () => {
    const id = await server.submit({ command: 'echo up; sleep 1000' });
    const received: unknown[] = [];
    const following = (async () => {
      const document = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }';
      for await (const data of server.subscribe(document, { id })) received.push(data);
    })();
    await expect.poll(() => received.length).toBeGreaterThan(0);
    expect(await server.end('SIGTERM')).toBe(0);
    // Settles only with the protocol's own "complete".
    await following;
    await server.boot();
    await server.stop(id, 0);
  });

  it('lets a follower continue from its last cursor, with no gap and no duplicate', async () => {
    const id = await server.submit({ command: COUNTER });
    let text = '';
    let cursor: string | undefined;
    const follow = async (until: number): Promise<void> => {
      const document =
        'subscription ($id: ID!, $after: String) { logs(jobId: $id, after: $after) { entries { text } cursor } }';
      for await (const data of server.subscribe(document, { id, after: cursor })) {
        const { logs } = data as { logs: { entries: { text: string }[]; cursor: string } };
        for (const entry of logs.entries) text += entry.text;
        cursor = logs.cursor;
        if (numbers(text).length >= until) return;
      }
    };
    await follow(5);
    await server.end('SIGKILL');
    await server.boot();
    await follow(15);
    await server.stop(id, 0);
    const counted = numbers(text);
    expect(counted).toEqual(counted.map((_, index) => index + 1));
  });
});

describe('a supervisor that is killed', () => {
  it('takes its cell along, and the job is LOST', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await isRunning(id);
    const cgroup = cgroupOfJob(server, id);
    expect(existsSync(cgroup)).toBe(true);
    process.kill(supervisor(id), 'SIGKILL');
    const job = await server.ended(id);
    expect(job).toMatchObject({ status: 'LOST', exitCode: null });
    expect(job.error).toContain('killed');
    expect(existsSync(cgroup)).toBe(false);
  });

  it('while no server runs leaves a job that the next server declares LOST', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await isRunning(id);
    const pid = supervisor(id);
    await server.end('SIGKILL');
    process.kill(pid, 'SIGKILL');
    while (existsSync(`/proc/${pid}`)) await pause(5);
    await server.boot();
    expect((await server.ended(id)).status).toBe('LOST');
  });
});

describe('a spawner that is killed', () => {
  it('is replaced by another one, which starts what this one was asked to; running jobs are not affected', async () => {
    const running = await server.submit({ command: COUNTER });
    await isRunning(running);
    const first = spawnerOf(await cgroupOf(server));
    // A stopped spawner answers no request: both are pending when it is killed.
    process.kill(first, 'SIGSTOP');
    const jobs = await Promise.all([
      server.submit({ command: 'exit 3' }),
      server.submit({ command: 'exit 4' }),
    ]);
    const plans = jobs.map((id) => join(server.stateDir, 'jobs', id, 'plan'));
    await expect.poll(() => plans.every(existsSync)).toBe(true);
    process.kill(first, 'SIGKILL');
    const ended = await Promise.all(jobs.map((id) => server.ended(id)));
    expect(ended).toMatchObject([
      { status: 'COMPLETED', exitCode: 3 },
      { status: 'COMPLETED', exitCode: 4 },
    ]);
    expect(await server.stop(running, 0)).toMatchObject({ status: 'STOPPED', signal: 'SIGKILL' });
    const counted = numbers((await server.output(running)).stdout);
    expect(counted).toEqual(counted.map((_, index) => index + 1));
  });
});

describe('a state folder', () => {
  it('is for one server at a time', async () => {
    const flags = ['serve', '--listen', '127.0.0.1:0', '--state-dir', server.stateDir];
    const { execFile } = await import('node:child_process');
    const second = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile(process.execPath, ['src/main.ts', ...flags], (error, _stdout, stderr) =>
        resolve({ code: error?.code, stderr }),
      );
    });
    expect(second.code).toBe(1);
    expect(second.stderr).toBe(`cloister: ${server.stateDir}: another server is using this state folder\n`);
  });

  it('keeps its token for its owner, and uses it again', async () => {
    const { token } = server;
    expect(statSync(join(server.stateDir, 'token')).mode & 0o777).toBe(0o600);
    await server.end();
    await server.boot();
    expect(server.token).toBe(token);
  });
});
