/** nginx and Caddy in front of a real server, with the configurations that docs/proxies offers. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../src/client-api/index.js';
import { overWebSocket } from '../../src/client-api/web-socket.js';
import { PROJECT, readDocument } from '../docs/documents.ts';
import { disposers } from '../support/disposers.ts';
import { freePort } from '../support/free-port.ts';
import { execute, launchChromium, untilResult, visit } from '../support/graphiql.ts';
import { TestServer } from '../support/server.ts';

const dispose = disposers();
const NAME = 'jobs.example';

/** Programs of the system, or those that "make test-setup" unpacked. */
const PROGRAMS = [
  join(PROJECT, '.tools', 'proxies', 'usr', 'sbin'),
  join(PROJECT, '.tools', 'proxies', 'usr', 'bin'),
];
const PATH = [process.env['PATH'], '/usr/sbin', ...PROGRAMS].join(':');

/** Ends a program and waits for that. */
const end = async (child: ChildProcess): Promise<void> => {
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await ended;
  }
};

/** Starts a proxy with a configuration that listens on another port and leads to `target`. @returns the port */
const startProxy = async (name: string, configuration: string, target: string): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-proxy-'));
  dispose(() => rmSync(folder, { recursive: true }));
  const port = await freePort();
  const text = configuration.replaceAll('127.0.0.1:8080', target).replaceAll('8081', String(port));
  writeFileSync(join(folder, 'site.conf'), text);
  const child = name.startsWith('nginx') ? startNginx(folder) : startCaddy(folder);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  dispose(() => end(child));
  await expect
    .poll(async () => {
      if (child.exitCode !== null) throw new Error(said);
      return fetch(`http://127.0.0.1:${port}/`).then(
        () => 'listens',
        () => said,
      );
    })
    .toBe('listens');
  return port;
};

const startNginx = (folder: string): ChildProcess => {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${folder}/${kind};`,
  );
  const main = `daemon off; master_process off; pid ${folder}/pid; error_log stderr; events {}
http { access_log off; ${temporary.join(' ')} include ${folder}/site.conf; }`;
  writeFileSync(join(folder, 'nginx.conf'), main);
  return spawn('nginx', ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], {
    env: { PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
};

const startCaddy = (folder: string): ChildProcess => {
  // Its own port of administration, which every Caddy of the machine would want, is left out.
  const text = `{\n\tadmin off\n}\nimport ${folder}/site.conf\n`;
  writeFileSync(join(folder, 'Caddyfile'), text);
  return spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')], {
    env: { PATH, HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
};

/** A fetch that finds the name of the proxy on this machine, as DNS would. */
const fetchNamed = (port: number) => (input: RequestInfo | URL, init?: RequestInit) =>
  new Promise<Response>((resolve, reject) => {
    const url = new URL(String(input));
    const headers = { ...(init?.headers as Record<string, string>), host: url.host, origin: url.origin };
    const request = httpRequest(
      { host: '127.0.0.1', port, path: url.pathname + url.search, method: init?.method ?? 'GET', headers },
      (response) => {
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => {
            response.on('data', (chunk: Buffer) => controller.enqueue(chunk));
            response.on('end', () => controller.close());
            response.on('error', (error) => controller.error(error));
          },
          cancel: () => {
            response.destroy();
          },
        });
        resolve(
          new Response(body, { status: response.statusCode ?? 0, headers: response.headers as HeadersInit }),
        );
      },
    );
    request.on('error', reject);
    init?.signal?.addEventListener('abort', () => request.destroy());
    request.end(init?.body);
  });

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium([`--host-resolver-rules=MAP ${NAME} 127.0.0.1`]);
});

afterAll(() => browser?.close());

const FILES = [
  ['nginx.conf', ''],
  ['nginx-prefix.conf', '/cloister'],
  ['caddy.conf', ''],
  ['caddy-prefix.conf', '/cloister'],
] as const;

const servers = new Map<string, Promise<TestServer>>();

/** A server with these flags, the same for all files that name them. */
const serverWith = (flags: readonly string[]): Promise<TestServer> => {
  const key = flags.join(' ');
  const server = servers.get(key) ?? TestServer.start(...flags);
  servers.set(key, server);
  return server;
};

afterAll(async () => {
  for (const server of servers.values()) await (await server).dispose();
});

describe.each(FILES)('%s', (file, prefix) => {
  it('leads to GraphiQL, requests and both kinds of streams', async () => {
    const configuration = readDocument(`docs/proxies/${file}`);
    // The flags that the file names.
    const flags = /--allowed-host (\S+)(?: --base-path (\S+))?$/m.exec(
      configuration.split('\nserver')[0] ?? '',
    );
    const [, hosts = '', basePath] = flags ?? [];
    const server = await serverWith([
      ...['--allowed-host', hosts],
      ...(basePath === undefined ? [] : ['--base-path', basePath]),
    ]);
    const port = await startProxy(file, configuration, new URL(server.url).host);
    const url = `http://${NAME}:${port}${prefix}/graphql`;

    const fetch = fetchNamed(port);
    const client = createClient({ url, token: server.token, fetch });
    const { submitJob } = await client.request<{ submitJob: { job: { id: string } } }, object>(
      'mutation { submitJob(input: { command: "for i in 1 2 3; do echo $i; sleep 0.2; done" }) { job { id } } }',
    );
    let text = '';
    for await (const batch of client.logs(submitJob.job.id))
      text += batch.entries.map((entry) => entry.text).join('');
    expect(text).toBe('1\n2\n3\n');

    class NamedSocket extends WebSocket {
      constructor(address: string, protocols: string) {
        const { host, pathname } = new URL(address);
        super(`ws://127.0.0.1:${port}${pathname}`, protocols, {
          headers: { host, origin: `http://${host}` },
        });
      }
    }
    const socket = createClient({ url, token: server.token, transport: overWebSocket(NamedSocket) });
    text = '';
    for await (const batch of socket.logs(submitJob.job.id))
      text += batch.entries.map((entry) => entry.text).join('');
    expect(text).toBe('1\n2\n3\n');

    const { page, problems } = await visit(browser, `http://${NAME}:${port}${prefix}/#token=${server.token}`);
    dispose(() => page.context().close());
    await page.getByRole('tab', { name: 'SubmitJob' }).waitFor();
    expect(page.url()).toMatch(new RegExp(`^http://${NAME}:${port}${prefix}/graphql`));
    await execute(page);
    await untilResult(page, '"QUEUED"');
    expect(problems).toEqual([]);
  });
});

describe('nginx as it is often configured', () => {
  const site = (lines: string): string =>
    `server { listen 127.0.0.1:8081; location / { proxy_pass http://127.0.0.1:8080; ${lines} } }`;
  const ask = (url: string, origin: string, token: string) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, origin },
      body: '{"query":"{ __typename }"}',
    });

  it.each([
    ['proxy_pass alone', ''],
    ['$host, without the port', 'proxy_set_header Host $host;'],
  ])('%s: works for programs, says what browsers need, and works with --allowed-host', async (_, lines) => {
    const server = await TestServer.start('--allowed-host', 'other.example');
    dispose(() => server.dispose());
    const port = await startProxy('nginx', site(lines), new URL(server.url).host);
    const url = `http://localhost:${port}/graphql`;
    const client = createClient({ url, token: server.token });
    expect(await client.request('{ __typename }')).toEqual({ __typename: 'Query' });

    const refused = await ask(url, `http://localhost:${port}`, server.token);
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain('--allowed-host names the address that browsers use');

    const accepted = await ask(url, `http://other.example:${port}`, server.token);
    expect(accepted.status).toBe(200);
  });
});
