/** What happens when each process dies at each moment: the table of docs/durability.md. */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newJobId } from '../../src/jobs/id.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { cgroupOfJob } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';
import { endSleep, sleepThen } from '../support/sleeper.ts';

// What each part leaves when it dies between two of its steps, and what the next server makes of it. The steps are: the
// standard input is kept; the row is committed; the folder is made; the supervisor makes `started`; the command runs; the record is renamed into
// exits/; the end is committed; the record is removed.

let server: TestServer;

// One state folder for all: each test ends its jobs.
beforeAll(async () => {
  server = await TestServer.start('--max-running', '1');
});

afterAll(() => server.dispose());

const folder = (id: string): string => join(server.stateDir, 'jobs', id);
const supervisorOf = (id: string): number =>
  Number.parseInt(readFileSync(join(folder(id), 'started'), 'utf8'), 10);

/** Inserts a job, a copy of another one, that no server has seen yet. */
const commitLike = async (model: string): Promise<string> => {
  const store = openStore(join(server.stateDir, 'cloister.db'));
  const job = await store.get(model);
  if (job === undefined) throw new Error('no such model');
  const id = newJobId();
  await store.insert({ ...job, id, retriedBy: null, state: { status: 'QUEUED' } });
  await store.close();
  return id;
};

describe('a server that dies', () => {
  it('after the standard input was kept and before the row was committed: it is removed', async () => {
    await server.end('SIGKILL');
    const kept = join(server.stateDir, 'stdin');
    writeFileSync(join(kept, newJobId()), 'complete');
    writeFileSync(join(kept, newJobId()), '');
    await server.boot();
    expect(readdirSync(kept)).toEqual([]);
    // After the commit the next server finds it.
    const { id: model } = await server.run({ command: 'cat', stdin: 'fed\n' });
    await server.end('SIGKILL');
    const id = await commitLike(model);
    writeFileSync(join(kept, id), 'fed\n');
    await server.boot();
    await server.ended(id);
    expect((await server.output(id)).stdout).toBe('fed\n');
  });

  it('before the row is committed or the answer is read: sent again, the request makes one job', async () => {
    const count = async (): Promise<number> =>
      (await server.query<{ jobs: { totalCount: number } }>('{ jobs { totalCount } }')).jobs.totalCount;
    const before = await count();
    for (let round = 0; round < 5; round++) {
      const input = { command: 'echo once', idempotencyKey: `key ${round}` };
      const lost = server.submit(input).catch(() => undefined);
      // From immediately to well after the commit.
      await new Promise((resolve) => setTimeout(resolve, 5 * round));
      await server.end('SIGKILL');
      await lost;
      await server.boot();
      const id = await server.submit(input);
      await server.ended(id);
      expect((await server.output(id)).stdout).toBe('once\n');
      expect(await count()).toBe(before + round + 1);
    }
  });

  it('after the row was written: the next one starts the job, once', async () => {
    const { id: model } = await server.run({ command: 'echo once' });
    await server.end('SIGKILL');
    const id = await commitLike(model);
    await server.boot();
    expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    expect((await server.output(id)).stdout).toBe('once\n');
  });

  it('after the folder was made: the next one starts the job, once, in a new folder', async () => {
    const { id: model } = await server.run({ command: 'echo once' });
    await server.end('SIGKILL');
    const id = await commitLike(model);
    mkdirSync(folder(id), { mode: 0o700 });
    writeFileSync(join(folder(id), 'plan'), 'half a pl');
    writeFileSync(join(folder(id), 'log'), '');
    // And a folder that an earlier server had moved aside.
    const aside = join(server.stateDir, 'jobs', `.${id}.1.1`);
    mkdirSync(join(aside, 'x'), { recursive: true });
    await server.boot();
    expect(existsSync(aside)).toBe(false);
    expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    expect((await server.output(id)).stdout).toBe('once\n');
  });

  it('after it had fenced off a start, and before it acted on that: the next one starts the job, once', async () => {
    const { id: model } = await server.run({ command: 'echo once' });
    await server.end('SIGKILL');
    const id = await commitLike(model);
    mkdirSync(folder(id), { mode: 0o700 });
    // The file of a supervisor that was killed before it had written into it is as empty.
    for (const name of ['plan', 'log', 'started']) writeFileSync(join(folder(id), name), '');
    await server.boot();
    expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    expect((await server.output(id)).stdout).toBe('once\n');
  });

  it('after a start that nobody survived: the job is lost and never run again', async () => {
    const { id: model } = await server.run({ command: 'echo once' });
    await server.end('SIGKILL');
    const id = await commitLike(model);
    mkdirSync(folder(id), { mode: 0o700 });
    for (const name of ['plan', 'log']) writeFileSync(join(folder(id), name), '');
    writeFileSync(join(folder(id), 'started'), `${process.pid} 1\n`);
    await server.boot();
    expect(await server.ended(id)).toMatchObject({
      status: 'LOST',
      error: 'its supervisor ended without recording the result: it was killed, or the machine went down',
    });
    expect((await server.output(id)).stdout).toBe('');
  });

  it('after the end of a job, whose record is read as often as necessary', async () => {
    const id = await server.submit({ command: sleepThen('exit 5') });
    await server.running(id);
    await server.end('SIGKILL');
    await endSleep(folder(id));
    await expect.poll(() => readFileSync(join(server.stateDir, 'exits', id)).length).toBeGreaterThan(0);
    const record = readFileSync(join(server.stateDir, 'exits', id));
    await server.boot();
    expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 5 });
    // The server died again between the commit and the removal.
    await server.end('SIGKILL');
    writeFileSync(join(server.stateDir, 'exits', id), record);
    await server.boot();
    expect(await server.job(id)).toMatchObject({ status: 'COMPLETED', exitCode: 5 });
    expect(() => readFileSync(join(server.stateDir, 'exits', id))).toThrow('ENOENT');
  });

  it('with the machine: what ran is lost, what waited starts', async () => {
    const ran = await server.submit({ command: 'echo up; sleep 1000' });
    await server.running(ran);
    const waited = await server.submit({ command: 'echo after' });
    const supervisor = supervisorOf(ran);
    await server.end('SIGKILL');
    process.kill(supervisor, 'SIGKILL');
    await server.boot();
    expect(await server.ended(ran)).toMatchObject({ status: 'LOST', exitCode: null });
    expect(await server.ended(waited)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
    expect((await server.output(waited)).stdout).toBe('after\n');
  });

  it('or hangs: deadlines are still enforced', async () => {
    const id = await server.submit({ command: 'sleep 1000', limits: { timeout: '1s' } });
    await server.running(id);
    const supervisor = supervisorOf(id);
    process.kill(server.pid, 'SIGSTOP');
    // While the server is stopped. (On a busy machine it may have read the record before it was stopped.)
    const record = join(server.stateDir, 'exits', id);
    await expect
      .poll(() => existsSync(record) || !existsSync(`/proc/${supervisor}`), { interval: 20 })
      .toBe(true);
    process.kill(server.pid, 'SIGCONT');
    const job = await server.ended(id);
    expect(job).toMatchObject({ limitExceeded: 'TIME' });
    const ran = Date.parse(job.finishedAt ?? '') - Date.parse(job.startedAt ?? '');
    expect(ran).toBeGreaterThanOrEqual(1000);
  });
});

describe('a supervisor that is killed', () => {
  it.each([true, false])('has kept the end of an output that is cut (with a server: %s)', async (served) => {
    const id = await server.submit({
      command: 'seq 100000; sleep 1000',
      limits: { output: '64Ki', outputPolicy: 'TRUNCATE' },
    });
    await server.running(id);
    const part = (name: string): string => readFileSync(join(folder(id), name), 'latin1');
    await expect.poll(() => part('tail.0') + part('tail.1')).toContain('\n100000\n');
    if (!served) await server.end('SIGKILL');
    process.kill(supervisorOf(id), 'SIGKILL');
    if (!served) await server.boot();
    expect(await server.ended(id)).toMatchObject({ status: 'LOST' });
    const { stdout } = await server.output(id);
    const all = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join('');
    const head = 32 << 10;
    expect(stdout.slice(0, head)).toBe(all.slice(0, head));
    expect(all.endsWith(stdout.slice(head))).toBe(true);
    expect(stdout.length).toBeGreaterThanOrEqual(head + (16 << 10));
    expect(readdirSync(folder(id)).filter((name) => name.startsWith('tail'))).toEqual([]);
  });
});

describe('a record', () => {
  it.each([0, 1, 20, 100])('that is cut after %d bytes is never taken for an end', async (length) => {
    const id = await server.submit({ command: sleepThen('exit 5') });
    await server.running(id);
    await server.end('SIGKILL');
    await endSleep(folder(id));
    const path = join(server.stateDir, 'exits', id);
    await expect.poll(() => readFileSync(path).length).toBeGreaterThan(100);
    truncateSync(path, length);
    const logged = server.errors.length;
    await server.boot();
    expect(await server.ended(id)).toMatchObject({ status: 'LOST', exitCode: null });
    expect(readFileSync(join(folder(id), 'exit.damaged'))).toHaveLength(length);
    expect(server.errors.slice(logged)).toContain('it is kept as');
  });

  it('that a power loss has left as zeros is never taken for an end, nor one that came back', async () => {
    const stored = await server.submit({ command: 'exit 6' });
    await server.ended(stored);
    const id = await server.submit({ command: sleepThen('exit 5') });
    await server.running(id);
    await server.end('SIGKILL');
    await endSleep(folder(id));
    const path = join(server.stateDir, 'exits', id);
    await expect.poll(() => readFileSync(path).length).toBeGreaterThan(100);
    copyFileSync(path, join(server.stateDir, 'exits', stored));
    writeFileSync(path, Buffer.alloc(readFileSync(path).length));
    await server.boot();
    expect(await server.ended(id)).toMatchObject({ status: 'LOST', exitCode: null });
    expect(await server.ended(stored)).toMatchObject({ status: 'COMPLETED', exitCode: 6 });
    await expect.poll(() => readdirSync(join(server.stateDir, 'exits'))).toEqual([]);
  });
});

describe('the init of a cell that is killed', () => {
  it('takes the job along, which has ended by that signal', async () => {
    const id = await server.submit({ command: 'echo up; sleep 1000' });
    await server.running(id);
    const [init = ''] = readFileSync(join(cgroupOfJob(server, id), 'cgroup.procs'), 'utf8').split('\n');
    process.kill(Number(init), 'SIGKILL');
    expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: null, signal: 'SIGKILL' });
    expect((await server.output(id)).stdout).toBe('up\n');
  });
});
