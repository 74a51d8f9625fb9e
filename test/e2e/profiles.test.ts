/** Servers that the command line keeps under names. */

import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { codeBlocks, PROJECT, readDocument } from '../docs/documents.ts';
import { disposers } from '../support/disposers.ts';
import { TestServer } from '../support/server.ts';

const dispose = disposers();
let server: TestServer;
let home: string;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'cloister-profiles-'));
  dispose(() => rmSync(home, { recursive: true }));
});

const path = (): string => join(home, '.config/cloister/config.toml');

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const shell = (script: string, input = '', more: Record<string, string> = {}): Promise<Result> =>
  new Promise((resolve) => {
    const { CLOISTER_URL: _url, CLOISTER_TOKEN: _token, XDG_CONFIG_HOME: _xdg, ...env } = process.env;
    const child = execFile(
      'bash',
      // Bash takes a socket as standard input for a remote shell, and reads ~/.bashrc then.
      ['--norc', '-euo', 'pipefail', '-c', script],
      { cwd: home, env: { ...env, HOME: home, PATH: `${join(PROJECT, 'bin')}:${env['PATH']}`, ...more } },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    // Not every command reads it.
    child.stdin?.on('error', () => undefined).end(input);
  });

const WHO = "cloister api '{ viewer { subject } }' --get viewer.subject";

const createToken = async (subject: string): Promise<string> => {
  const { createToken: made } = await server.query<{ createToken: { secret: string } }>(
    'mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }',
    { input: { name: 'n', subject, role: 'USER' } },
  );
  return made.secret;
};

describe('cloister login', () => {
  it('stores servers, readable only by their user, until logout', async () => {
    const [alice, bob] = await Promise.all([createToken('alice'), createToken('bob')]);
    const { origin, host } = new URL(server.url);
    const login = await shell(`cloister login ${origin}`, `${alice}\n`);
    const name = host.replace(':', '-');
    expect(login).toMatchObject({ code: 0, stdout: '' });
    expect(login.stderr).toContain(`signed in to ${server.url} as alice (USER), kept as profile ${name}`);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, '.config/cloister')).mode & 0o777).toBe(0o700);
    await shell(`cloister login ${server.url} --profile other`, bob);
    // The last is the default; a name, by flag or variable, counts more, and a URL or a token more than that.
    expect((await shell(WHO)).stdout).toBe('bob\n');
    expect((await shell(`${WHO} --profile ${name}`)).stdout).toBe('alice\n');
    expect((await shell(WHO, '', { CLOISTER_PROFILE: name })).stdout).toBe('alice\n');
    expect((await shell(`${WHO} --profile ${name}`, '', { CLOISTER_TOKEN: bob })).stdout).toBe('bob\n');
    expect((await shell(WHO, '', { CLOISTER_STATE_DIR: server.stateDir })).stdout).toBe('admin\n');
    expect((await shell(`cloister profile use ${name} && ${WHO}`)).stdout).toBe(`${name}\nalice\n`);
    expect((await shell('cloister profile list')).stdout).toBe(
      `NAME\tURL\tSIGNS IN BY\tDEFAULT\n${name}\t${server.url}\ttoken\tyes\nother\t${server.url}\ttoken\t\n`,
    );
    expect((await shell('cloister run -q "echo hello"')).stdout).toBe('hello\n');
    expect((await shell('cloister logout')).code).toBe(0);
    expect(readFileSync(path(), 'utf8')).not.toContain(alice);
    expect((await shell(`${WHO} --profile ${name}`)).stderr).toContain(
      `--profile: expected one of other; got "${name}"`,
    );
    await shell('cloister logout --profile other');
    expect((await shell('cloister logout')).stderr).toContain('there is no profile to forget');
  });

  it('stores nothing that does not work', async () => {
    const wrong = await shell(`cloister login ${server.url}`, 'clo_wrong');
    expect(wrong.stderr).toMatch(/authorization: expected "Bearer <token>".*the token of standard input$/m);
    expect((await shell(`cloister login ${server.url}`, '')).stderr).toMatch(
      /^cloister: token: expected printable ASCII/,
    );
    expect((await shell('cloister login http://127.0.0.1:1', 'x')).stderr).toMatch(
      /cannot reach http:\/\/127\.0\.0\.1:1/,
    );
    expect((await shell('cloister login ftp://jobs.example', 'x')).stderr).toMatch(
      /^cloister: url: expected an http/,
    );
    expect((await shell(`cloister login ${server.url} --profile "a b"`, 'x')).stderr).toMatch(
      /--profile: expected letters/,
    );
    expect(() => readFileSync(path())).toThrow('ENOENT');
  });

  it('is named in the error when its token is wrong, as a flag or a variable is', async () => {
    const where = async (command: string, env: Record<string, string> = {}): Promise<string | undefined> =>
      / the server does not accept the token of (.*)/.exec((await shell(command, '', env)).stderr)?.[1];
    const login = `cloister login ${server.url} --profile gone`;
    expect(await where(`${login} --token clo_wrong`)).toBe('--token');
    expect((await shell(login, await createToken('carol'))).code).toBe(0);
    const { tokens } = await server.query<{ tokens: readonly { id: string; subject: string }[] }>(
      '{ tokens { id subject } }',
    );
    await server.query(
      'mutation ($id: ID!) { revokeToken(input: { id: $id }) { token { id } } }',
      tokens.find(({ subject }) => subject === 'carol'),
    );
    expect(await where('cloister list')).toBe('the profile gone: "cloister login" takes a new one');
    expect(await where('cloister list', { CLOISTER_TOKEN: 'clo_wrong' })).toBe('CLOISTER_TOKEN');
    expect(await where('cloister list --token clo_wrong', { CLOISTER_TOKEN: 'x' })).toBe('--token');
    await shell('cloister logout --profile gone');
  });

  it('works as documented', async () => {
    const section = /^## Profiles$[\s\S]*?^## /m.exec(readDocument('docs/access.md'))?.[0] ?? '';
    const [block] = codeBlocks(section).filter(({ language }) => language === 'sh');
    writeFileSync(join(home, 'token'), await createToken('alice'));
    const done = await shell(
      block?.text.replaceAll('http://127.0.0.1:8080', new URL(server.url).origin) ?? 'false',
    );
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toContain('\tyes\n');
  });
});

describe('a file of profiles', () => {
  const write = async (text: string, mode = 0o600): Promise<Result> => {
    await shell('mkdir -p .config/cloister');
    writeFileSync(path(), text);
    chmodSync(path(), mode);
    return shell('cloister list');
  };

  it.each([
    ['default = "x"', /config\.toml: default: expected the name of a profile, got "x"/],
    ['profiles = 1', /config\.toml: profiles: expected a table, got 1/],
    ['[profiles.a]\ntoken = "x"', /profiles\.a\.url: expected an http or https URL, got nothing/],
    [
      '[profiles.a]\nurl = "http://x"\ntokn = "x"',
      /profiles\.a\.tokn: expected one of url, token, ca, cert, key/,
    ],
    ['[profiles.a]\nurl = "http://x"\ntoken = 5', /profiles\.a\.token: expected a text, got 5/],
    ['[profiles', /config\.toml, line 1: /],
    ['other = 1', /config\.toml: other: expected "default" and/],
  ])('is refused: %j', async (text, why) => {
    expect((await write(text)).stderr).toMatch(why);
  });

  it('with tokens that others can read is refused', async () => {
    const { stderr } = await write(
      `default = "a"\n[profiles.a]\nurl = "${server.url}"\ntoken = "x"\n`,
      0o644,
    );
    expect(stderr).toMatch(/config\.toml holds tokens, and others may read it \(mode 644\): "chmod 600" it/);
  });

  it('says where its server is, so that no URL goes with a name', async () => {
    expect((await shell(`cloister list --profile x --url ${server.url}`)).stderr).toMatch(
      /^cloister: --profile: expected without --url:/,
    );
  });
});
