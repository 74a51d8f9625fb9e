/** Two users, a viewer and an admin at work on one server, with tokens that the command line made. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseServeConfig } from '../../src/config/config.ts';
import { codeBlocks, PROJECT, readDocument } from '../docs/documents.ts';
import { TestServer } from '../support/server.ts';

const BIN = join(import.meta.dirname, '../../bin/cloister');
const run = promisify(execFile);

let server: TestServer;
let admin: string;

beforeAll(async () => {
  server = await TestServer.start();
  admin = server.token;
});

afterAll(async () => {
  server.token = admin;
  await server.dispose();
});

/** Runs the command line as the holder of a token. */
const cloister = async (token: string, ...args: string[]): Promise<string> => {
  const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_TOKEN: token };
  const done = run(BIN, args, { env });
  // Otherwise "cloister run" waits for input to feed to the command.
  done.child.stdin?.end();
  return (await done).stdout.trim();
};

/** The error message of a command line that fails. */
const failure = async (token: string, ...args: string[]): Promise<string> => {
  try {
    return `it succeeded: ${await cloister(token, ...args)}`;
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
};

const create = (subject: string, role: string, ...more: string[]): Promise<string> =>
  cloister(
    admin,
    'token',
    'create',
    '--name',
    `of ${subject}`,
    '--subject',
    subject,
    '--role',
    role,
    ...more,
  );

describe('tokens', () => {
  it('let each work with its own jobs', async () => {
    const [alice, bob, viewer] = await Promise.all([
      create('alice', 'user'),
      create('bob', 'user', '--expires', '1h'),
      create('alice', 'VIEWER'),
    ]);
    expect(await cloister(alice, 'run', '-q', 'echo from alice')).toBe('from alice');
    expect(await cloister(bob, 'list', '-q')).toBe('');
    const id = await cloister(alice, 'list', '-q');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(await cloister(viewer, 'list', '-q')).toBe(id);
    expect(await cloister(viewer, 'logs', id)).toBe('from alice');
    expect(await failure(viewer, 'delete', id)).toContain('role: expected ADMIN or USER, got VIEWER');
    expect(await failure(viewer, 'submit', 'true')).toContain('role: expected ADMIN or USER, got VIEWER');
    for (const command of ['status', 'logs', 'delete', 'stop'])
      expect(await failure(bob, command, id)).toMatch(/no job/);
    expect(await failure(alice, 'token', 'list')).toContain('role: expected ADMIN, got USER');
    expect(await cloister(admin, 'list', '-q')).toBe(id);
    expect(await cloister(alice, 'delete', id)).toBe(id);
  });

  it('are listed, survive a restart, and are refused once revoked', async () => {
    const secret = await create('carol', 'user');
    const who = ['api', '{ viewer { subject token { id name } } }', '--get', 'viewer.subject'];
    expect(await cloister(secret, ...who)).toBe('carol');
    await server.end();
    await server.boot();
    expect(await cloister(secret, ...who)).toBe('carol');
    const rows = (await cloister(admin, 'token', 'list')).split('\n').map((row) => row.split('\t'));
    const row = rows.find(([, , subject]) => subject === 'carol');
    expect(row).toMatchObject({ 1: 'of carol', 3: 'USER', 6: 'valid' });
    expect(rows.flat().join()).not.toContain('clo_');
    const id = row?.[0] ?? '';
    expect(await cloister(admin, 'token', 'revoke', id)).toBe(id);
    expect(await failure(secret, ...who)).toContain('authorization: expected "Bearer <token>"');
    expect(JSON.parse(await cloister(admin, 'token', 'list', '--json'))).toContainEqual(
      expect.objectContaining({ id, subject: 'carol', revokedAt: expect.any(String) }),
    );
  });

  it('of the state folder is replaced while a log is followed, which continues', async () => {
    const local = (...args: string[]) => {
      const { CLOISTER_URL: _url, CLOISTER_TOKEN: _token, ...env } = process.env;
      const done = run(BIN, [...args, '--state-dir', server.stateDir], { env });
      done.child.stdin?.end();
      return done;
    };
    const id = await server.submit({ command: 'echo one; until [ -e go ]; do sleep 0.05; done; echo two' });
    await server.running(id);
    const follow = [local('logs', '-f', id), local('logs', '-f', '--url', server.url, id)];
    const given = failure(admin, 'logs', '-f', id);
    // Each has printed the first line.
    await Promise.all(
      follow.map(({ child }) => new Promise((resolve) => child.stdout?.once('data', resolve))),
    );
    const { stdout } = await local('token', 'rotate-admin');
    expect(await given).toMatch(
      /authorization: expected .*the server does not accept the token of CLOISTER_TOKEN/,
    );
    server.token = stdout.trim();
    admin = server.token;
    expect(readFileSync(join(server.stateDir, 'token'), 'utf8')).toBe(stdout);
    await server.submit({ command: 'true' });
    await server.query(
      'mutation ($id: ID!) { signalJob(input: { jobId: $id, signal: "CONT" }) { job { id } } }',
      {
        id,
      },
    );
    for (const { child } of follow) expect(child.exitCode).toBeNull();
    await server.stop(id, 0);
    for (const done of follow) expect((await done).stdout).toBe('one\n');
    await server.end();
    await server.boot();
    expect(server.token).toBe(admin);
  });

  it.each([
    [['--role', 'root'], '--role: expected one of ADMIN, USER, VIEWER, got "root"'],
    [['--role', 'user', '--expires', '5'], '--expires: expected a unit'],
    [
      ['--role', 'user', '--expires', '2020-01-01T00:00:00Z'],
      'input.expiresAt: expected a time in the future',
    ],
    [['--role', 'user', '--subject', ''], 'input.subject: expected from 1 to 128 printable characters'],
  ])('are not made with %j', async (flags, message) => {
    const args = ['token', 'create', '--name', 'n', '--subject', 's', ...flags];
    expect(await failure(admin, ...args)).toContain(message);
  });
});

describe('docs/access.md', () => {
  const sectionOf = (heading: string): string =>
    new RegExp(`^## ${heading}$[\\s\\S]*?^## `, 'm').exec(readDocument('docs/access.md'))?.[0] ?? '';

  it.each(['Tokens', 'Links to a job'])('has commands that work: %s', async (heading) => {
    const folder = mkdtempSync(join(tmpdir(), 'cloister-access-'));
    const blocks = codeBlocks(sectionOf(heading)).filter(({ language }) => language === 'sh');
    expect(blocks.length).toBeGreaterThan(0);
    try {
      for (const { text } of blocks) {
        const env = {
          ...process.env,
          PATH: `${join(PROJECT, 'bin')}:${process.env['PATH']}`,
          CLOISTER_URL: server.url,
          CLOISTER_TOKEN: admin,
        };
        const script = `set -euo pipefail; exec </dev/null\n${text}`;
        const { stdout } = await run('bash', ['-c', script], { cwd: folder, env });
        expect(stdout).not.toBe('');
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('starts servers only with existing settings', () => {
    const documents = ['docs/access.md', 'docs/browser.md'].flatMap((path) => codeBlocks(readDocument(path)));
    const commands = documents.filter(({ text }) => text.startsWith('cloister serve '));
    expect(commands).toHaveLength(3);
    for (const { text } of commands) {
      const flags: Record<string, string> = {};
      for (const [, name = '', value = ''] of text.matchAll(/--([a-z-]+) ([^\s\\]+)/g)) {
        const key = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
        flags[key] = key in flags ? `${flags[key]},${value}` : value;
      }
      const config = parseServeConfig(flags, {});
      expect([...config.set.keys()].sort()).toEqual(Object.keys(flags).sort());
    }
  });
});
