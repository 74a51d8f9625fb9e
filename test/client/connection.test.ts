/** Where the client finds the server and the token, and to which servers it sends a token. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, type Server, createServer as tcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Connection, connect } from '../../src/client/connection.ts';
import { JobByIdDocument, WatchJobDocument } from '../../src/client/generated/operations.ts';
import { listenerUids } from '../../src/client/listener.ts';
import { request } from '../../src/client/request.ts';
import { subscribe } from '../../src/client/subscribe.ts';
import { disposers } from '../support/disposers.ts';
import { FakeServer, TOKEN } from './fake-server.ts';

const dispose = disposers();
const uid = process.getuid?.() ?? -1;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-connection-'));
  dispose(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'token'), `${TOKEN}\n`, { mode: 0o600 });
});

const listening = async (server: Server, ...where: readonly unknown[]): Promise<number> => {
  server.listen(...(where as [number, string]));
  await once(server, 'listening');
  dispose(() => server.close());
  return (server.address() as AddressInfo | null)?.port ?? 0;
};

const found = (url: string, stateDirs = [folder]): Promise<Connection> =>
  connect({
    url: new URL(url),
    urlGiven: true,
    token: undefined,
    tls: {},
    profilesPath: '/none',
    stateDirGiven: false,
    stateDirs,
  });

describe('listenerUids', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1', 'localhost'],
    ['0.0.0.0', '127.0.0.1'],
    ['::1', '[::1]'],
    ['::1', 'localhost'],
    ['::', '127.0.0.1'],
    ['::', '[::1]'],
    ['127.0.0.2', '127.0.0.2'],
  ])('finds who listens on %s when asked for %s', async (address, host) => {
    expect(await listenerUids(host, await listening(tcpServer(), 0, address))).toEqual([uid]);
  });

  it('finds nobody on another address or port', async () => {
    const port = await listening(tcpServer(), 0, '127.0.0.2');
    expect(await listenerUids('127.0.0.1', port)).toEqual([]);
    expect(await listenerUids('[::1]', port)).toEqual([]);
    expect(await listenerUids('127.0.0.2', 1)).toEqual([]);
  });
});

/** Listens as another user, which takes root, and prints what it is sent. */
const LISTENER = `require('net').createServer((socket) => socket.on('data', (data) => process.stdout.write(data)))
  .listen(0, '127.0.0.1', function () { console.log(this.address().port); });`;

describe.skipIf(uid !== 0)('a token that was found (needs root, for a second user)', () => {
  const foreignListener = async (): Promise<{ child: ChildProcess; port: number; sent: () => string }> => {
    const child = spawn(process.execPath, ['-e', LISTENER], { uid: 65_534, gid: 65_534, cwd: '/' });
    dispose(() => child.kill('SIGKILL'));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await once(child.stdout, 'data');
    return { child, port: Number.parseInt(text, 10), sent: () => text.replace(/^\d+\n/, '') };
  };

  it('is not sent to the program of another user, over either transport', async () => {
    const { port, sent } = await foreignListener();
    const connection = await found(`http://127.0.0.1:${port}/graphql`);
    const message = `a program of user 65534 listens at 127.0.0.1:${port}, and ${folder}/token belongs to user 0: its token is not sent`;
    await expect(request(connection, JobByIdDocument, { id: 'a' })).rejects.toThrow(message);
    await expect(subscribe(connection, WatchJobDocument, { jobId: 'a' }).next()).rejects.toThrow(message);
    expect(sent()).toBe('');
  });

  it('is sent there when it was given', async () => {
    const { child, port, sent } = await foreignListener();
    const url = new URL(`http://127.0.0.1:${port}/graphql`);
    const connection = await connect({
      url,
      urlGiven: true,
      token: TOKEN,
      tls: {},
      profilesPath: '/none',
      stateDirGiven: false,
      stateDirs: [folder],
    });
    const answer = request(connection, JobByIdDocument, { id: 'a' });
    await once(child.stdout ?? expect.unreachable(), 'data');
    child.kill('SIGKILL');
    await expect(answer).rejects.toThrow('cannot reach');
    expect(sent()).toContain(TOKEN);
  });
});

describe('connect', () => {
  it('sends a token that it found to a server of the same user', async () => {
    await using server = await FakeServer.start();
    server.job('a');
    const { job } = await request(await found(server.url.href), JobByIdDocument, { id: 'a' });
    expect(job).toMatchObject({ id: 'a' });
  });

  it('waits for no port that nobody listens on', async () => {
    const closed = await listening(
      tcpServer().on('listening', function (this: Server) {
        this.close();
      }),
      0,
      '127.0.0.1',
    );
    const url = `http://127.0.0.1:${closed}/graphql`;
    await expect(request(await found(url), JobByIdDocument, { id: 'a' })).rejects.toThrow(
      `cannot reach ${url}: connection refused. Is the server running?`,
    );
  });

  it('prefers the socket of a state folder to the port, unless a URL was given', async () => {
    const other = mkdtempSync(join(tmpdir(), 'cloister-connection-'));
    dispose(() => rmSync(other, { recursive: true }));
    await listening(
      createServer((_, response) => response.end('{"data":{"job":null}}')),
      join(folder, 'socket'),
    );
    const url = new URL('http://127.0.0.1:1/graphql');
    const config = {
      url,
      token: undefined,
      tls: {},
      profilesPath: '/none',
      stateDirGiven: false,
      stateDirs: [other, folder],
    };
    const local = await connect({ ...config, urlGiven: false });
    expect(local).toMatchObject({ socketPath: join(folder, 'socket'), token: TOKEN });
    expect(await request(local, JobByIdDocument, { id: 'a' })).toEqual({ job: null });
    expect(await connect({ ...config, urlGiven: true })).not.toHaveProperty('socketPath');
  });

  it.skipIf(uid !== 0)(
    'trusts only a socket of the user that the token belongs to (needs root)',
    async () => {
      await listening(createServer(), join(folder, 'socket'));
      const { chownSync } = await import('node:fs');
      chownSync(join(folder, 'socket'), 65_534, 65_534);
      const url = new URL('http://127.0.0.1:1/graphql');
      expect(
        await connect({
          url,
          urlGiven: false,
          token: undefined,
          tls: {},
          profilesPath: '/none',
          stateDirGiven: false,
          stateDirs: [folder],
        }),
      ).not.toHaveProperty('socketPath');
    },
  );
});
