/** Pausing, resuming, signals, usage and limits of a running job. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const UPDATES = 'subscription ($id: ID!) { jobUpdated(jobId: $id) { status pausedAt } }';
const USAGE = 'subscription ($id: ID!, $every: Duration) { usage(jobId: $id, interval: $every) { cpuTime } }';
const COUNTING = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done';

const code = async (name: string, type: string, input: unknown): Promise<unknown> => {
  const { errors } = await server.ask(
    `mutation ($input: ${type}!) { ${name}(input: $input) { job { id } } }`,
    { input },
  );
  return errors?.[0]?.extensions?.['code'];
};

/** Output of a job so far. */
const written = async (id: string): Promise<number> => {
  const { job } = await server.query<{ job: { logs: { entries: unknown[] } } }>(
    'query ($id: ID!) { job(id: $id) { logs(first: "1Mi") { entries { cursor } } } }',
    { id },
  );
  return job.logs.entries.length;
};

describe('pauseJob', () => {
  it('freezes a job, reports it, and resumeJob thaws it', async () => {
    const id = await server.submit({ command: COUNTING });
    const seen: unknown[] = [];
    const watching = (async () => {
      for await (const data of server.subscribe(UPDATES, { id })) {
        const { status, pausedAt } = (data as { jobUpdated: { status: string; pausedAt: string | null } })
          .jobUpdated;
        seen.push(pausedAt === null ? status : 'PAUSED');
      }
    })();
    await server.running(id);
    const paused = await server.pause(id);
    expect(paused).toMatchObject({ status: 'RUNNING', pausedAt: expect.any(String) });
    expect(await server.pause(id)).toMatchObject({ pausedAt: paused.pausedAt });
    const before = await server.query<{ job: { usage: { cpuTime: number } } }>(
      'query ($id: ID!) { job(id: $id) { usage { cpuTime } } }',
      { id },
    );
    await expect.poll(() => written(id)).toBe(await written(id));
    expect(await server.resume(id)).toMatchObject({ status: 'RUNNING', pausedAt: null });
    expect(await server.resume(id)).toMatchObject({ status: 'RUNNING', pausedAt: null });
    const count = await written(id);
    await expect.poll(() => written(id)).toBeGreaterThan(count);
    expect(before.job.usage.cpuTime).toBeGreaterThanOrEqual(0);
    await server.stop(id, 0);
    await watching;
    expect(seen.filter((state) => state !== 'QUEUED')).toEqual(['RUNNING', 'PAUSED', 'RUNNING', 'STOPPED']);
  });

  it('is an event of its own', async () => {
    const { jobEvents } = await firstEvent('0');
    const id = await server.submit({ command: 'sleep 1000' });
    await server.running(id);
    await server.pause(id);
    await server.resume(id);
    await server.stop(id, 0);
    const events: string[] = [];
    for await (const data of server.subscribe(
      'subscription ($after: String) { jobEvents(after: $after) { status job { id } } }',
      { after: jobEvents.cursor },
    )) {
      const { status, job } = (data as { jobEvents: { status: string; job: { id: string } } }).jobEvents;
      if (job.id !== id) continue;
      events.push(status);
      if (status === 'STOPPED') break;
    }
    expect(events).toEqual(['QUEUED', 'RUNNING', 'RUNNING', 'RUNNING', 'STOPPED']);
  });

  it('survives the server, which finds the job paused', async () => {
    const id = await server.submit({ command: COUNTING });
    await server.running(id);
    await server.pause(id);
    await server.end('SIGKILL');
    await server.boot();
    expect(await server.job(id)).toMatchObject({ status: 'RUNNING', pausedAt: expect.any(String) });
    await expect.poll(async () => (await server.resume(id)).pausedAt).toBeNull();
    await server.stop(id, 0);
  });

  it('shows that it was resumed by somebody else while the server was down', async () => {
    const id = await server.submit({ command: COUNTING });
    await server.running(id);
    await server.pause(id);
    const cgroup = cgroupOfJob(server, id);
    await server.end();
    writeFileSync(join(cgroup, 'cgroup.freeze'), '0');
    expect(readFileSync(join(cgroup, 'cgroup.events'), 'utf8')).toContain('frozen 0');
    await server.boot();
    await expect.poll(async () => (await server.job(id)).pausedAt).toBeNull();
    await server.stop(id, 0);
  });

  it('is refused for a job that does not run, and for one that is unknown', async () => {
    const { id } = await server.run({ command: 'true' });
    expect(await code('pauseJob', 'PauseJobInput', { jobId: id })).toBe('JOB_NOT_RUNNING');
    expect(await code('resumeJob', 'ResumeJobInput', { jobId: id })).toBe('JOB_NOT_RUNNING');
    expect(await code('pauseJob', 'PauseJobInput', { jobId: 'nosuch' })).toBe('NOT_FOUND');
  });
});

const firstEvent = async (after: string): Promise<{ jobEvents: { cursor: string } }> => {
  for await (const data of server.subscribe(
    'subscription ($after: String) { jobEvents(after: $after) { cursor } }',
    { after },
  ))
    return data as { jobEvents: { cursor: string } };
  throw new Error('no event');
};

describe('signalJob', () => {
  it('reaches the command', async () => {
    const id = await server.submit({
      command: 'trap "echo got; exit 7" USR1; echo up; while :; do sleep 0.05; done',
    });
    await expect.poll(() => written(id)).toBe(1);
    await server.signal(id, 'usr1');
    expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 7 });
  });

  it('may end it', async () => {
    const id = await server.submit({ argv: ['/bin/sleep', '1000'] });
    await server.running(id);
    await server.signal(id, '9');
    expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', signal: 'SIGKILL' });
  });

  it.each(['nosuch', '0', '65', '', 'SIG'])('refuses %j', async (signal) => {
    const { errors } = await server.ask(
      'mutation ($input: SignalJobInput!) { signalJob(input: $input) { job { id } } }',
      { input: { jobId: 'x', signal } },
    );
    expect(errors?.[0]?.message).toContain('input.signal: expected a signal by its name or number');
  });

  it('is refused for a job that does not run', async () => {
    const { id } = await server.run({ command: 'true' });
    expect(await code('signalJob', 'SignalJobInput', { jobId: id, signal: 'HUP' })).toBe('JOB_NOT_RUNNING');
  });
});

describe('usage', () => {
  it('is sent at intervals while the job runs, and at its end', async () => {
    const id = await server.submit({
      command: 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; sleep 0.5',
    });
    const samples: number[] = [];
    for await (const data of server.subscribe(USAGE, { id, every: '100ms' }))
      samples.push((data as { usage: { cpuTime: number } }).usage.cpuTime);
    expect(samples.length).toBeGreaterThan(2);
    expect(samples).toEqual(samples.toSorted((a, b) => a - b));
    expect(samples.at(-1)).toBe((await server.job(id)).usage?.['cpuTime']);
  });

  it('of a job that has ended is its final usage', async () => {
    const { id } = await server.run({ command: 'true' });
    const samples: unknown[] = [];
    for await (const data of server.subscribe(USAGE, { id })) samples.push(data);
    expect(samples).toHaveLength(1);
  });

  it('is refused at an interval that is too short', async () => {
    const { id } = await server.run({ command: 'true' });
    const stream = server.subscribe(USAGE, { id, every: '99ms' });
    await expect(stream.next()).rejects.toThrow(
      'interval: expected from 100 to 3600000 milliseconds, got 99',
    );
  });
});

describe('a limit', () => {
  it('of CPU time counts all processes together, and reports what was used', async () => {
    const job = await server.run({
      command: 'while :; do :; done & while :; do :; done',
      limits: { cpuTime: '500ms' },
    });
    expect(job).toMatchObject({
      status: 'LIMIT_EXCEEDED',
      limitExceeded: 'CPU_TIME',
      error: 'it used more CPU time than its limit of 500 ms and was killed',
    });
    expect(job.limitsHit[0]).toMatchObject({
      limit: 'cpuTime',
      value: 500,
      unit: 'milliseconds',
      ended: true,
      evidence: [{ file: 'cpu.stat', key: 'usage_usec', value: expect.any(Number) }],
    });
    expect(job.limitsHit[0]?.peak).toBeGreaterThanOrEqual(500);
  });

  it('of time reports how long it ran', async () => {
    const job = await server.run({ command: 'sleep 1000', limits: { timeout: '300ms' } });
    expect(job).toMatchObject({ limitExceeded: 'TIME' });
    expect(job.limitsHit).toMatchObject([{ limit: 'timeout', value: 300, ended: true }]);
    expect(job.limitsHit[0]?.peak).toBeGreaterThanOrEqual(300);
  });

  it('of output ends the job, or keeps its beginning and its end', async () => {
    const killed = await server.run({ command: 'seq 100000', limits: { output: 10_000 } });
    expect(killed).toMatchObject({ limitExceeded: 'OUTPUT', output: { kept: 10_000 } });
    expect(killed.limitsHit).toMatchObject([{ limit: 'output', value: 10_000, ended: true }]);
    const cut = await server.run({
      command: 'seq 100000',
      limits: { output: 10_000, outputPolicy: 'TRUNCATE' },
    });
    expect(cut).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    expect(cut.limitsHit).toMatchObject([{ limit: 'output', value: 10_000, ended: false }]);
    expect((cut.output?.kept ?? 0) + (cut.output?.dropped ?? 0)).toBe(588_895);
    const { stdout } = await server.output(cut.id);
    expect(stdout.startsWith('1\n2\n3\n')).toBe(true);
    expect(stdout.endsWith('\n99999\n100000\n')).toBe(true);
    expect(stdout.length).toBe(cut.output?.kept);
  });

  it('of inodes stops a job that makes many files', async () => {
    const job = await server.run({
      command: 'i=0; while echo >/tmp/f$i; do i=$((i+1)); done 2>/dev/null; echo $i',
      limits: { inodes: 100 },
    });
    const made = Number((await server.output(job.id)).stdout);
    expect(made).toBeGreaterThanOrEqual(90);
    expect(made).toBeLessThanOrEqual(100);
  });
});
