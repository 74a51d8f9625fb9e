/** The entry point of the container image: the server that it starts, its crashes and its end. */

import { mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { IMAGES, testImage } from '../support/image.ts';
import { TestServer } from '../support/server.ts';

const PROJECT = join(import.meta.dirname, '..', '..');

let server: TestServer;

beforeAll(async () => {
  await testImage();
  const stateDir = mkdtempSync(join(tmpdir(), 'cloister-entrypoint-'));
  mkdirSync(join(stateDir, 'exits'));
  symlinkSync(IMAGES, join(stateDir, 'images'));
  // The next server has to listen at the same address.
  const listen = ['--listen', `127.0.0.1:${await freePort()}`];
  const wrap = (command: readonly string[]): readonly string[] => [
    'env',
    `PATH=${join(PROJECT, 'bin')}:${process.env['PATH']}`,
    'CLOISTER_ON_STOP=stop-jobs',
    join(PROJECT, 'docker', 'entrypoint'),
    ...command.slice(command.indexOf('serve')),
  ];
  server = new TestServer(stateDir, listen, wrap);
  await server.boot();
});

afterAll(() => server.dispose());

/** The running servers that the entry point has started. */
const servers = (): readonly number[] =>
  readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
    .filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('main.ts'));

it('starts a server that was killed again, and its jobs continue', async () => {
  const id = await server.submit({ command: 'echo up; sleep 1000' });
  await expect.poll(async () => (await server.job(id)).status).toBe('RUNNING');
  const [first = -1, ...others] = servers();
  expect(others).toEqual([]);
  process.kill(first, 'SIGKILL');
  const status = async (): Promise<string> => {
    try {
      return (await server.job(id)).status;
    } catch (error) {
      // Nobody listens meanwhile.
      return String(error);
    }
  };
  await expect.poll(() => servers().some((pid) => pid !== first)).toBe(true);
  await expect.poll(status).toBe('RUNNING');
  expect(server.errors).toContain('The server ended with code 137 and is started again');
});

it('passes SIGTERM on to the server, whose jobs end before it does', async () => {
  const id = await server.submit({
    command: 'trap "echo cleaned up; exit 0" TERM; echo up; while :; do sleep 0.1; done',
  });
  await expect.poll(async () => (await server.output(id, false)).stdout).toContain('up');
  expect(await server.end('SIGTERM')).toBe(0);
  await server.boot();
  expect(await server.job(id)).toMatchObject({ status: 'STOPPED', exitCode: 0 });
  expect((await server.output(id)).stdout).toBe('up\ncleaned up\n');
});
