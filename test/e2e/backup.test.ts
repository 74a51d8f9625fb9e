/** A backup of a running server, and restoring it. */

import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-backup-'));
  server = await TestServer.start();
});

afterAll(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true });
});

it('is made while the server runs, and restored as the README says', async () => {
  const kept = await server.run({ command: 'echo kept' });
  const running = await server.submit({ command: 'sleep 1000' });
  await expect.poll(async () => (await server.job(running)).status).toBe('RUNNING');

  const copy = join(folder, 'copy.db');
  const cloister = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
  await promisify(execFile)(process.execPath, [cloister, 'backup', copy, '--state-dir', server.stateDir]);
  const later = await server.run({ command: 'echo later' });
  await server.stop(running, 0);

  await server.end();
  const database = join(server.stateDir, 'cloister.db');
  for (const name of ['-wal', '-shm']) rmSync(`${database}${name}`, { force: true });
  copyFileSync(copy, database);
  await server.boot();

  expect((await server.job(kept.id)).status).toBe('COMPLETED');
  expect((await server.output(kept.id)).stdout).toBe('kept\n');
  // It was running when the copy was made, and its supervisor has exited since.
  expect((await server.ended(running)).status).toBe('LOST');
  expect((await server.ask(`{ job(id: "${later.id}") { status } }`)).errors?.[0]?.extensions?.['code']).toBe(
    'NOT_FOUND',
  );
});
