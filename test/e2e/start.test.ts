// What `cloister serve` does when it cannot start: it says why, and nothing that was opened keeps the process alive.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it } from 'vitest';
import { removeCgroup } from '../../src/runtime/cgroup/index.ts';
import { statePaths } from '../../src/state/paths.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { cgroup2Mount } from '../support/cgroup2.ts';
import { disposers } from '../support/disposers.ts';
import { ID_BASE, IMAGES, testImage } from '../support/image.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
const dispose = disposers();

beforeAll(() => testImage());

interface Start {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly errors: () => string;
  readonly code: Promise<number | null>;
}

const stateFolder = (): string => {
  const stateDir = mkdtempSync(join(tmpdir(), 'cloister-start-'));
  dispose(() => rmSync(stateDir, { recursive: true, force: true }));
  return stateDir;
};

const start = (
  flags: readonly string[],
  env: Record<string, string> = {},
  stateDir = stateFolder(),
): Start => {
  symlinkSync(IMAGES, join(stateDir, 'images'));
  const args = ['--listen', '127.0.0.1:0', '--state-dir', stateDir, '--id-base', String(ID_BASE), ...flags];
  const child = spawn(process.execPath, ['src/main.ts', 'serve', ...args], {
    cwd: PROJECT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  dispose(() => child.kill('SIGKILL'));
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const code = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  return { child, output: () => output, errors: () => errors, code };
};

/** A cgroup in which no controller is available, on any machine. */
const bareCgroup = (): string => {
  const outer = join(cgroup2Mount(), `bare-${process.pid}`);
  mkdirSync(join(outer, 'inner'), { recursive: true });
  dispose(() => removeCgroup(outer));
  return join(outer, 'inner');
};

it.each([
  ['--max-memory', '1Gi'],
  ['--max-pids', '100'],
  ['--ceiling-cpus', '1'],
  ['--ceiling-memory', '1Gi'],
  ['--ceiling-pids', '100'],
  ['--capacity-cpus', '1'],
  ['--capacity-memory', '1Gi'],
])('with %s, which needs a controller that is missing, the server says so and ends', async (flag, value) => {
  const { code, errors, output } = start(['--cgroup-root', bareCgroup(), flag, value]);
  expect(await code).toBe(1);
  expect(errors()).toMatch(new RegExp(`^cloister: ${flag}: this server cannot enforce it: .+`, 'm'));
  expect(output()).toBe('');
});

it.each<[readonly string[], string]>([
  [
    ['--default-timeout', '2h', '--max-timeout', '1h'],
    '--default-timeout: expected at most "1h", which --max-timeout allows, got "2h"',
  ],
  [
    ['--default-memory', '2Gi', '--ceiling-memory', '1Gi'],
    '--default-memory: expected at most "1Gi", which --ceiling-memory allows, got "2Gi"',
  ],
  [
    ['--default-cpus', '2', '--capacity-cpus', '1'],
    '--default-cpus: expected at most "1", which --capacity-cpus allows, got "2"',
  ],
  [['--launcher', '/nonexistent/cell'], '/nonexistent/cell: spawnSync /nonexistent/cell ENOENT'],
  [['--cgroup-root', '/proc'], '/proc'],
])('with %j the server says what is wrong and ends', async (flags, message) => {
  const { code, errors, output } = start(flags);
  expect(await code).toBe(1);
  expect(errors()).toContain(message);
  expect(output()).toBe('');
});

it('names the variable that a setting came from', async () => {
  const { code, errors } = start(['--max-disk', '1Mi'], { CLOISTER_DEFAULT_DISK: '2Mi' });
  expect(await code).toBe(1);
  expect(errors()).toContain(
    'CLOISTER_DEFAULT_DISK: expected at most "1Mi", which --max-disk allows, got "2Mi"',
  );
});

it('a port that is taken is reported before anything slow is done', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => {
    other.listen(0, '127.0.0.1', resolve);
  });
  dispose(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { code, errors } = start(['--listen', `127.0.0.1:${port}`]);
  expect(await code).toBe(1);
  // No line of those that are logged once cells are tried and images are looked at.
  expect(errors()).toBe(
    `cloister: cannot listen on 127.0.0.1:${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n`,
  );
});

it('a signal in the middle of a start ends it without a failure', async () => {
  const { child, code, errors } = start([]);
  await expect.poll(errors, { interval: 5 }).toContain('controllers:');
  child.kill('SIGTERM');
  expect(await code).toBe(0);
});

it('a variable that is not a setting is named, with the nearest one that is', async () => {
  const { code, errors } = start(['--launcher', '/nonexistent/cell'], {
    CLOISTER_MAX_MEMROY: '1Gi',
    CLOISTER_TOKEN: 'a-setting-of-the-client',
  });
  expect(await code).toBe(1);
  expect(errors()).toContain(
    'CLOISTER_MAX_MEMROY: there is no such setting and it has no effect; the nearest is CLOISTER_MAX_MEMORY"}\n',
  );
  expect(errors()).not.toContain('CLOISTER_TOKEN');
});

it.each([
  ['0.0.0.0', '127.0.0.1'],
  ['[::]', '[::1]'],
])('listening on %s, the server prints a link that leads to it', async (everywhere, loopback) => {
  const { child, code, output } = start(['--listen', `${everywhere}:0`, '--listen-public']);
  await expect.poll(output).toContain('Token: ');
  const link = /^GraphiQL: (\S+)$/m.exec(output())?.[1] ?? '';
  expect(new URL(link).hostname).toBe(loopback);
  expect(output()).toContain(`listens on ${link} and every other address of this machine\n`);
  expect((await fetch(new URL('/health', link))).status).toBe(200);
  child.kill('SIGTERM');
  expect(await code).toBe(0);
});

describe('a large database', () => {
  /** With a table of 40 MiB that nobody reads. */
  const large = async (): Promise<{ readonly stateDir: string; readonly path: string }> => {
    const stateDir = stateFolder();
    const { database: path } = statePaths(stateDir);
    await openStore(path).close();
    const db = new Database(path);
    db.pragma('synchronous = OFF');
    db.exec('CREATE TABLE ballast (text TEXT)');
    const insert = db.prepare('INSERT INTO ballast VALUES (?)');
    const row = 'x'.repeat(1000);
    db.transaction(() => {
      for (let index = 0; index < 40 * 1024; index++) insert.run(row);
    })();
    db.close();
    return { stateDir, path };
  };

  it('that is damaged ends the server, which has started meanwhile', async () => {
    const { stateDir, path } = await large();
    const file = openSync(path, 'r+');
    for (let page = 5000; page < 5010; page++)
      writeSync(file, Buffer.alloc(4096, 0xff), 0, 4096, page * 4096);
    closeSync(file);
    const { code, errors } = start([], {}, stateDir);
    expect(await code).toBe(1);
    expect(errors()).toContain(`${path}: the database is damaged: `);
  });

  it('that is sound does not delay the start', async () => {
    const { stateDir } = await large();
    const { child, code, output, errors } = start([], {}, stateDir);
    await expect.poll(output).toContain('Token: ');
    child.kill('SIGTERM');
    expect(await code).toBe(0);
    expect(errors()).not.toContain('damaged');
    expect(errors()).not.toContain('was not checked');
  });
});
