/** Removal of old jobs. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/sqlite-store.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

afterEach(() => server.dispose());

const error = async (name: string, type: string, input: unknown) => {
  const { errors } = await server.ask(
    `mutation ($input: ${type}!) { ${name}(input: $input) { job { id } } }`,
    { input },
  );
  return errors?.[0]?.extensions?.['code'];
};

const remove = (jobId: string): Promise<unknown> =>
  server.query('mutation ($input: DeleteJobInput!) { deleteJob(input: $input) { job { id } } }', {
    input: { jobId },
  });

const pin = (jobId: string, pinned: boolean): Promise<unknown> =>
  server.query('mutation ($input: PinJobInput!) { pinJob(input: $input) { job { id pinned } } }', {
    input: { jobId, pinned },
  });

const ids = async (): Promise<string[]> => {
  const { jobs } = await server.query<{ jobs: { nodes: { id: string }[] } }>(
    '{ jobs(first: 100) { nodes { id } } }',
  );
  return jobs.nodes.map(({ id }) => id);
};

const folder = (id: string): string => join(server.stateDir, 'jobs', id);
const BIG =
  'i=0; while [ $i -lt 20000 ]; do echo "line $i of a log that is worth compressing"; i=$((i+1)); done';

describe('deleteJob', () => {
  it('removes everything of a job', async () => {
    server = await TestServer.start();
    const { id } = await server.run({
      command: 'echo x',
      labels: [{ key: 'k', value: 'v' }],
      idempotencyKey: 'key',
    });
    const other = await server.run({ command: 'echo y' });
    await remove(id);
    expect(await error('deleteJob', 'DeleteJobInput', { jobId: id })).toBe('NOT_FOUND');
    await expect.poll(() => existsSync(folder(id))).toBe(false);
    expect(await ids()).toEqual([other.id]);
    // The key is free again.
    const again = await server.submit({ command: 'echo x', idempotencyKey: 'key' });
    expect(again).not.toBe(id);
    await server.ended(again);
    const events: string[] = [];
    for await (const data of server.subscribe('subscription { jobEvents(after: "0") { job { id } } }')) {
      events.push((data as { jobEvents: { job: { id: string } } }).jobEvents.job.id);
      if (events.filter((one) => one === again).length === 3) break;
    }
    expect(events).not.toContain(id);
  });

  it('refuses a job that has not ended, and one that is pinned', async () => {
    server = await TestServer.start();
    const id = await server.submit({ command: 'sleep 1000' });
    await server.running(id);
    expect(await error('deleteJob', 'DeleteJobInput', { jobId: id })).toBe('JOB_NOT_ENDED');
    await pin(id, true);
    await server.stop(id, 0);
    expect(await error('deleteJob', 'DeleteJobInput', { jobId: id })).toBe('JOB_PINNED');
    await pin(id, false);
    await remove(id);
    expect(await ids()).toEqual([]);
  });

  it('leaves the log to those who are reading it', async () => {
    server = await TestServer.start();
    const { id } = await server.run({ command: 'head -c 4000000 /dev/zero' });
    const document = 'subscription ($id: ID!) { logs(jobId: $id) { entries { bytes } } }';
    let bytes = 0;
    for await (const data of server.subscribe(document, { id })) {
      if (bytes === 0) await remove(id);
      for (const entry of (data as { logs: { entries: { bytes: string }[] } }).logs.entries)
        bytes += Buffer.from(entry.bytes, 'base64').length;
    }
    expect(bytes).toBe(4_000_000);
    await expect.poll(() => existsSync(folder(id))).toBe(false);
  });

  it('keeps cursors of events valid, also of those that were removed as well', async () => {
    server = await TestServer.start();
    const { id } = await server.run({ command: 'true' });
    let cursor = '';
    for await (const data of server.subscribe('subscription { jobEvents(after: "0") { cursor status } }')) {
      const { jobEvents } = data as { jobEvents: { cursor: string; status: string } };
      cursor = jobEvents.cursor;
      if (jobEvents.status === 'COMPLETED') break;
    }
    await remove(id);
    const next = await server.submit({ command: 'true' });
    for await (const data of server.subscribe(
      'subscription ($after: String) { jobEvents(after: $after) { job { id } } }',
      { after: cursor },
    )) {
      expect((data as { jobEvents: { job: { id: string } } }).jobEvents.job.id).toBe(next);
      break;
    }
    await server.ended(next);
  });

  it('is finished by the next server when this one dies', async () => {
    server = await TestServer.start();
    const { id } = await server.run({ command: 'echo x' });
    await server.end('SIGKILL');
    // The state that a server leaves that was killed between removing the row and the folder.
    const store = openStore(join(server.stateDir, 'cloister.db'));
    expect(await store.remove([id])).toEqual([id]);
    await store.close();
    expect(existsSync(folder(id))).toBe(true);
    await server.boot();
    await expect.poll(() => existsSync(folder(id))).toBe(false);
    await server.end();
    const after = openStore(join(server.stateDir, 'cloister.db'));
    expect(await after.removals()).toEqual([]);
    await after.close();
  });
});

describe('retention', () => {
  it('removes the oldest beyond a number, and never what is pinned or runs', async () => {
    server = await TestServer.start();
    const running = await server.submit({ command: 'sleep 1000' });
    await server.running(running);
    const jobs: string[] = [];
    for (let index = 0; index < 6; index++) jobs.push((await server.run({ command: `echo ${index}` })).id);
    await pin(jobs[1] ?? '', true);
    await server.end();
    const strict = new TestServer(server.stateDir, ['--retain-jobs', '3']);
    server = strict;
    await server.boot();
    const left = [running, jobs[1], jobs[3], jobs[4], jobs[5]];
    await expect.poll(async () => (await ids()).toSorted()).toEqual(left.toSorted());
    const folders = () => readdirSync(join(server.stateDir, 'jobs')).filter((name) => !name.startsWith('.'));
    await expect.poll(() => folders().toSorted()).toEqual(left.toSorted());
  });

  it('removes what is too old', async () => {
    server = await TestServer.start();
    const { id } = await server.run({ command: 'true' });
    await server.end();
    server = new TestServer(server.stateDir, ['--retain-age', '1ms', '--retain-jobs', 'none']);
    await server.boot();
    await expect.poll(ids).toEqual([]);
    await expect.poll(() => existsSync(folder(id))).toBe(false);
  });

  it('removes the oldest of what takes too much room', async () => {
    server = await TestServer.start();
    const jobs: string[] = [];
    for (let index = 0; index < 3; index++)
      jobs.push((await server.run({ command: 'head -c 1000000 /dev/urandom' })).id);
    await server.end();
    server = new TestServer(server.stateDir, ['--retain-bytes', '2200000']);
    await server.boot();
    await expect.poll(async () => (await ids()).toSorted()).toEqual(jobs.slice(1).toSorted());
  });
});

describe('removing thousands of jobs', () => {
  it('does not keep anybody waiting', async () => {
    server = await TestServer.start();
    const { id: model } = await server.run({ command: 'true' });
    await server.end();
    const db = new Database(join(server.stateDir, 'cloister.db'));
    // Like the one that ran, each a millisecond older.
    db.exec(`
      INSERT INTO jobs (id, owner, created_at, image, spec, status, started_at, finished_at, exit_code)
        WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 5000)
        SELECT substr(hex, 1, 8) || '-' || substr(hex, 9) || printf('-7000-8000-%012x', i), owner, created_at - i, image,
          spec, status, started_at - i, finished_at - i, exit_code
        FROM (SELECT number.i, jobs.*, printf('%012x', created_at - i) AS hex FROM number, jobs);
    `);
    db.close();
    server = new TestServer(server.stateDir, ['--retain-jobs', '1']);
    await server.boot();
    const waits: number[] = [];
    for (let left = Number.POSITIVE_INFINITY; left > 1; ) {
      const began = performance.now();
      const { jobs } = await server.query<{ jobs: { totalCount: number } }>('{ jobs { totalCount } }');
      waits.push(performance.now() - began);
      left = jobs.totalCount;
    }
    expect(await ids()).toEqual([model]);
    // Many requests were answered in between, and none waited for the whole removal.
    expect(waits.length).toBeGreaterThan(10);
    const total = waits.reduce((sum, wait) => sum + wait, 0);
    expect(Math.max(...waits)).toBeLessThan(total / 4);
  });
});

describe('compression', () => {
  it('makes old logs smaller, and reads them as before from any cursor', async () => {
    server = await TestServer.start();
    const { id } = await server.run({ command: BIG, limits: { timeout: '5m' } });
    const page = async (after?: string) => {
      const { job } = await server.query<{
        job: { logs: { entries: { text: string; cursor: string }[]; cursor: string } };
      }>(
        'query ($id: ID!, $after: String) { job(id: $id) { logs(after: $after) { entries { text cursor } cursor } } }',
        {
          id,
          after,
        },
      );
      return job.logs;
    };
    const first = await page();
    const second = await page(first.cursor);
    const { stdout } = await server.output(id);
    const before = statSync(join(folder(id), 'log')).size;
    await server.end();
    server = new TestServer(server.stateDir, ['--compress-after', '1ms']);
    await server.boot();
    await expect.poll(() => statSync(join(folder(id), 'log')).size).toBeLessThan(before / 4);
    expect(readFileSync(join(folder(id), 'log')).readUInt32LE()).toBe(0xfd2fb528);
    expect(await page()).toEqual(first);
    expect(await page(first.cursor)).toEqual(second);
    expect((await server.output(id)).stdout).toBe(stdout);
  });
});
