/** The Unix socket of the server. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { listenLocally } from '../../src/server/local-socket.ts';
import { disposers } from '../support/disposers.ts';
import { AUTHORIZATION, serveFakes } from './fixture.ts';

const dispose = disposers();
let folder: string;
let socketPath: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-socket-'));
  dispose(() => rmSync(folder, { recursive: true }));
  socketPath = join(folder, 'socket');
});

const post = async (
  headers: Record<string, string>,
): Promise<{ status: number | undefined; body: string }> => {
  const [response] = (await once(
    request({
      socketPath,
      path: '/graphql',
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
    }).end('{"query":"{ __typename }"}'),
    'response',
  )) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
};

it('answers over HTTP with a token, as the port does, and to no one without', async () => {
  await serveFakes(dispose, { socketPath });
  expect(lstatSync(socketPath).mode & 0o7777).toBe(0o600);
  expect(await post({ authorization: AUTHORIZATION })).toEqual({
    status: 200,
    body: '{"data":{"__typename":"Query"}}',
  });
  expect((await post({})).status).toBe(401);
  expect((await post({ authorization: AUTHORIZATION, origin: 'https://elsewhere.example' })).status).toBe(
    403,
  );
});

it('speaks WebSocket', async () => {
  await serveFakes(dispose, { socketPath });
  const socket = new WebSocket('ws://localhost/graphql', 'graphql-transport-ws', {
    createConnection: () => connect(socketPath),
  });
  dispose(() => socket.terminate());
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: AUTHORIZATION } }));
  expect(String((await once(socket, 'message'))[0])).toBe('{"type":"connection_ack"}');
});

it('replaces what a killed server left, and is removed with the server', async () => {
  const script = "require('net').createServer().listen(process.argv[1], () => console.log('up'))";
  const killed = spawn(process.execPath, ['-e', script, socketPath], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(killed.stdout, 'data');
  killed.kill('SIGKILL');
  await once(killed, 'close');
  expect(readdirSync(folder)).toEqual(['socket']);
  const { server } = await serveFakes(dispose, { socketPath });
  expect((await post({ authorization: AUTHORIZATION })).status).toBe(200);
  await server.close();
  expect(readdirSync(folder)).toEqual([]);
});

it('is not created if its path is too long', async () => {
  const lines: string[] = [];
  const path = join(folder, 'x'.repeat(120));
  expect(await listenLocally(createServer(), path, (line) => lines.push(line))).toBeUndefined();
  expect(lines).toEqual([expect.stringContaining('no local socket: ')]);
  expect(
    await listenLocally(createServer(), join(folder, 'nosuch', 's'), (line) => lines.push(line)),
  ).toBeUndefined();
  expect(lines).toHaveLength(2);
});
