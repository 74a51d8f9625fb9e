/** A state folder of which something is missing. */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

it('without its database is refused, and nothing in it is touched', async () => {
  const id = await server.submit({ command: 'sleep 1000' });
  await server.running(id);
  const inside = (...path: string[]): string => join(server.stateDir, ...path);
  const supervisor = Number.parseInt(readFileSync(inside('jobs', id, 'started'), 'utf8'), 10);
  await server.end('SIGKILL');
  const aside = inside('aside');
  mkdirSync(aside);
  const database = readdirSync(server.stateDir).filter((name) => name.startsWith('cloister.db'));
  for (const name of database) renameSync(inside(name), join(aside, name));
  const before = readdirSync(inside('jobs', id));
  await expect(server.boot()).rejects.toThrow(
    /cloister\.db: there is no database, but there are jobs in \S+\/jobs: nothing was changed\. Restore the database/,
  );
  expect(readdirSync(inside('jobs', id))).toEqual(before);
  expect(existsSync(inside('cloister.db'))).toBe(false);
  expect(existsSync(`/proc/${supervisor}`)).toBe(true);
  for (const name of database) renameSync(join(aside, name), inside(name));
  await server.boot();
  expect((await server.job(id)).status).toBe('RUNNING');
  await server.stop(id, 0);
});

it('without the folder of a job that ran, as after a restored backup, reports the job as lost', async () => {
  const id = await server.submit({ command: 'sleep 1000' });
  await server.running(id);
  const folder = join(server.stateDir, 'jobs', id);
  const supervisor = Number.parseInt(readFileSync(join(folder, 'started'), 'utf8'), 10);
  await server.end('SIGKILL');
  process.kill(supervisor, 'SIGKILL');
  rmSync(folder, { recursive: true });
  await server.boot();
  expect((await server.ended(id)).status).toBe('LOST');
});

it('without the log of a job says so, and never that it wrote nothing', async () => {
  const { id } = await server.run({ command: 'echo kept' });
  rmSync(join(server.stateDir, 'jobs', id), { recursive: true });
  const lost = [{ extensions: { code: 'LOG_LOST', field: 'jobId' } }];
  expect((await server.ask(`{ job(id: "${id}") { status logs { endOfLog } } }`)).errors).toMatchObject(lost);
  const grep = `{ job(id: "${id}") { logs(grep: "kept") { endOfLog } } }`;
  expect((await server.ask(grep)).errors).toMatchObject(lost);
  await expect(server.output(id)).rejects.toThrow('is missing: it was removed, or not restored');
  // One that never ran wrote nothing.
  const waits = await server.submit({ command: 'true', startAfter: '2100-01-01T00:00:00Z' });
  await server.stop(waits, 0);
  expect((await server.output(waits)).stdout).toBe('');
});
