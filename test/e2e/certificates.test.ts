/** The commands of docs/access.md about certificates, as a reader types them, and how a browser uses one. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeBlocks, PROJECT, readDocument } from '../docs/documents.ts';
import { executeUntil, foreign, launchChromium, openTab, visit } from '../support/graphiql.ts';
import { TestServer } from '../support/server.ts';

const run = promisify(execFile);

let folder: string;
let server: TestServer | undefined;
let admin: string;

/** The blocks of the section, by the first command of each. */
const section = /^## Certificates$[\s\S]*?^## /m.exec(readDocument('docs/access.md'))?.[0] ?? '';
const block = (command: string): string => {
  const found = codeBlocks(section).find(
    ({ language, text }) => language === 'sh' && text.startsWith(command),
  );
  if (found === undefined) throw new Error(`docs/access.md has no block that begins with ${command}`);
  return found.text;
};

/** Runs commands as a reader types them. */
const start = (text: string) => {
  const { CLOISTER_URL: _url, CLOISTER_TOKEN: _token, ...env } = process.env;
  const script = `set -euo pipefail; exec </dev/null\n${text.replaceAll('https://localhost:8443/graphql', url())}`;
  return run('bash', ['-c', script], {
    cwd: folder,
    env: {
      ...env,
      HOME: folder,
      PATH: `${join(PROJECT, 'bin')}:${env['PATH']}`,
      CLOISTER_STATE_DIR: join(folder, 'none'),
    },
  });
};

/** What commands print to standard output; rejects when one of them fails. */
const shell = async (text: string): Promise<string> => (await start(text)).stdout;

const url = (): string => server?.url.replace('127.0.0.1', 'localhost') ?? '';

const failure = async (text: string): Promise<string> => {
  try {
    return `it succeeded: ${await shell(text)}`;
  } catch (error) {
    return (error as { stderr: string }).stderr;
  }
};

const as = (name: string): string =>
  `export CLOISTER_URL=${url()} CLOISTER_CA=certs/ca.pem CLOISTER_CERT=certs/${name}.pem CLOISTER_KEY=certs/${name}.key\n`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-certs-'));
  await shell(block('cloister certs init'));
  const [, ...flags] = block('cloister serve').replace(/\\\n/g, ' ').trim().split(/\s+/);
  const own = flags.filter(
    (_, index) => !['serve', '--listen'].includes(flags[index] ?? '') && flags[index - 1] !== '--listen',
  );
  server = await TestServer.start(...own.map((word) => word.replace(/^certs/, join(folder, 'certs'))));
  admin = server.token;
});

afterAll(async () => {
  await server?.dispose();
  rmSync(folder, { recursive: true });
});

describe('certificates', () => {
  it('can be used only by the owner of their keys', () => {
    for (const name of ['ca', 'localhost', 'alice@example.com', 'bob', 'root'])
      expect(statSync(join(folder, 'certs', `${name}.key`)).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'certs')).mode & 0o777).toBe(0o700);
    expect(url()).toMatch(/^https:/);
  });

  it('let each work with its own jobs, as tokens of the same subject do', async () => {
    const output = await shell(block('export CLOISTER_URL'));
    const ids = output.match(/[0-9a-f]{8}\S*\t.*|^[0-9a-f-]{36}.*$/gm) ?? [];
    expect(output).toMatch(/^hello\n/);
    // Alice and the admin see the job, and bob does not.
    expect(ids).toHaveLength(2);
    const secret = await shell(
      `${as('root')}cloister token create --name laptop --subject alice@example.com --role user`,
    );
    const id = (await shell(`${as('alice@example.com')}cloister list -q`)).trim();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const withToken = `export CLOISTER_URL=${url()} CLOISTER_CA=certs/ca.pem CLOISTER_TOKEN=${secret.trim()}\n`;
    expect((await shell(`${withToken}cloister list -q`)).trim()).toBe(id);
    expect(await shell(`${withToken}cloister logs ${id}`)).toBe('hello\n');
    expect(await failure(`${as('bob')}cloister logs ${id}`)).toMatch(/no job/);
    expect(await failure(`${as('bob')}cloister token list`)).toContain('role: expected ADMIN, got USER');
    const viewer = "cloister api '{ viewer { subject role method } }' --get viewer.method";
    expect(await shell(`${as('bob')}${viewer}`)).toBe('CERTIFICATE\n');
    expect(await shell(`${withToken}${viewer}`)).toBe('TOKEN\n');
  });

  it('let two users and an admin work at once', async () => {
    const work = (name: string) =>
      shell(
        `${as(name)}for i in 1 2 3; do cloister run -q "echo ${name} $i"; done
        cloister api '{ jobs { nodes { owner } } }' --get jobs.nodes.owner`,
      );
    const [alice, bob, root] = await Promise.all([work('alice@example.com'), work('bob'), work('root')]);
    for (const [name, text] of [
      ['alice@example.com', alice],
      ['bob', bob],
      ['root', root],
    ] as const)
      expect(text.match(/^\S+ \d$/gm)).toEqual([1, 2, 3].map((count) => `${name} ${count}`));
    const owners = (text: string) => [...new Set(text.match(/^[a-z@.]+$/gm))].sort();
    expect([owners(alice), owners(bob), owners(root)]).toEqual([
      ['alice@example.com'],
      ['bob'],
      expect.arrayContaining(['root']),
    ]);
  });

  it('of a profile work for images too, and the audit log names their subject', async () => {
    const login = `cloister login ${url()} --profile root --ca certs/ca.pem --cert certs/root.pem --key certs/root.key`;
    await shell(`mkdir -p root/bin; cp "$(command -v busybox)" root/bin/sh; ${login}
      cloister image import --profile root --name own root`);
    expect(await shell("cloister run --profile root --image own 'echo in it'")).toBe('in it\n');
    const [entry] = (await shell('cloister audit --profile root --action import-image')).split('\n');
    expect(JSON.parse(entry ?? '')).toMatchObject({
      subject: 'root',
      target: 'own',
      address: '127.0.0.1',
      userAgent: expect.stringMatching(/^cloister\/\d/),
      outcome: 'OK',
    });
    await shell('cloister logout --profile root');
  });

  it('of the server are checked by the command line', async () => {
    const alice = as('alice@example.com');
    expect(await failure(`${alice}cloister list --ca certs/bob.pem`)).toMatch(
      /the certificate of the server is not signed by a trusted authority: --ca names the one that has/,
    );
    expect(
      await failure(`${alice}cloister list --url ${url().replace('localhost', '[::ffff:7f00:1]')}`),
    ).toMatch(/does not match certificate's altnames/);
    expect(await failure(`${alice}cloister list --url ${url().replace('https', 'http')}`)).toMatch(
      /cannot reach http:.*: connection reset\. If the server speaks TLS, the URL has to begin with https$/m,
    );
    const plain = createTcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0);
    await once(plain, 'listening');
    const { port } = plain.address() as AddressInfo;
    expect(await failure(`${alice}cloister list --url https://localhost:${port}/graphql`)).toMatch(
      /cannot reach https:.*: the server does not speak TLS: the URL has to begin with http:$/m,
    );
    plain.close();
    expect(await failure(`${alice}cloister list --key certs/none.key`)).toMatch(/^cloister: --key: ENOENT/);
    expect(await failure(`${alice}cloister list --key certs/bob.key`)).toMatch(
      /^cloister: --key: expected the key of \S+alice@example\.com\.pem, got another one from \S+bob\.key$/m,
    );
    for (const [flag, file] of [
      ['--ca', 'ca.key'],
      ['--cert', 'bob.key'],
      ['--key', 'bob.pem'],
    ])
      expect(await failure(`${alice}cloister list ${flag} certs/${file}`)).toMatch(
        new RegExp(`^cloister: ${flag}: expected .*\\(PEM\\), got something else from \\S+${file}$`, 'm'),
      );
    expect(
      await failure(
        `export CLOISTER_URL=${url()} CLOISTER_CA=certs/ca.pem\ncloister list --cert certs/bob.pem`,
      ),
    ).toMatch(/^cloister: --cert: expected together with --key/);
  });

  it('are refused once revoked, and end what is followed with them', async () => {
    const followed = start(`${as('bob')}exec cloister events --after 0`);
    const ended = expect(followed).rejects.toMatchObject({
      stderr: expect.stringMatching(
        /client certificate: it was revoked: the server does not accept the certificate of \S+bob\.pem/,
      ),
    });
    await new Promise((resolve) => followed.child.stdout?.once('data', resolve));
    expect(await shell(block('cloister certs revoke'))).toBe('certs/crl.pem\n');
    await ended;
    expect(await failure('cloister certs revoke nobody')).toBe(
      'cloister: name: expected the subject of a certificate in certs, or the file of one, got "nobody"\n',
    );
    expect(await failure(`${as('bob')}cloister list`)).toMatch(/client certificate: it was revoked/);
    expect(server?.errors).toContain('it was revoked');
    await shell(`${as('alice@example.com')}cloister list`);
  });

  it('can be exported to a file that browsers import', async () => {
    await shell(block('openssl pkcs12'));
    expect(existsSync(join(folder, 'alice.p12'))).toBe(true);
    expect(readFileSync(join(folder, 'alice.p12')).length).toBeGreaterThan(500);
  });
});

describe('a browser', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(() => browser?.close());

  it('with a certificate shows GraphiQL without asking for a token', async () => {
    const origin = new URL(url()).origin;
    const { page, requests, problems } = await visit(browser, url(), {
      ignoreHTTPSErrors: true,
      clientCertificates: [{ origin, pfxPath: join(folder, 'alice.p12'), passphrase: '' }],
    });
    await page.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    await openTab(page, 'ListJobs');
    await executeUntil(page, '"command"');
    expect(foreign(requests, origin)).toEqual([]);
    expect(problems).toEqual([]);
    await page.context().close();
  });

  it('without one is asked for a token, which signs in over TLS', async () => {
    const { page } = await visit(browser, `${url()}#token=${admin}`, { ignoreHTTPSErrors: true });
    await page.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    expect(new URL(page.url()).hash).toBe('');
    await page.context().close();
  });
});
