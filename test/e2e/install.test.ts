/** What `make install` makes: a server that needs nothing of the checkout, and is upgraded while jobs run. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { IMAGES, testImage } from '../support/image.ts';
import { TestServer } from '../support/server.ts';

const PROJECT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

let folder: string;
let installed: string;
let server: TestServer | undefined;

const install = () => run('make', ['install', `DESTDIR=${folder}`, 'PREFIX=/opt/cl'], { cwd: PROJECT });

beforeAll(async () => {
  await testImage();
  folder = mkdtempSync(join(tmpdir(), 'cloister-install-'));
  installed = join(folder, 'opt/cl');
  await install();
}, 300_000);

afterAll(async () => {
  await server?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

it('runs without the checkout, on its own Node.js', async () => {
  const env = { PATH: '/usr/bin:/bin' };
  const { stdout } = await run(join(installed, 'bin/cloister'), ['--version'], { cwd: '/', env });
  expect(stdout.trim()).toBe(JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')).version);
  const unit = readFileSync(join(installed, 'lib/systemd/system/cloister.service'), 'utf8');
  expect(unit).toContain('ExecStart=/opt/cl/lib/cloister/bin/cloister serve\n');
  expect(unit).toMatch(/^KillMode=process$/m);
});

it('is upgraded while a job continues to run', async () => {
  const stateDir = join(folder, 'state');
  mkdirSync(join(stateDir, 'exits'), { recursive: true });
  symlinkSync(IMAGES, join(stateDir, 'images'));
  server = new TestServer(stateDir, [], ([, , ...rest]) => [join(installed, 'bin/cloister'), ...rest]);
  await server.boot();
  const program = () => readlinkSync(`/proc/${server?.pid}/exe`);
  expect(program()).toBe(join(installed, 'lib/cloister/.tools/node/node_modules/.bin/node'));
  const id = await server.submit({ command: 'echo before; read line; echo "$line"', openStdin: true });
  await server.running(id);
  await install();
  await server.end('SIGTERM');
  await server.boot();
  expect(program()).toBe(join(installed, 'lib/cloister/.tools/node/node_modules/.bin/node'));
  expect((await server.job(id)).status).toBe('RUNNING');
  await server.query('mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }', {
    input: { jobId: id, offset: 0, text: 'after\n', endOfInput: true },
  });
  expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  expect((await server.output(id)).stdout).toBe('before\nafter\n');
});
