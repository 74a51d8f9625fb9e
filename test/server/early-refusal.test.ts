/** Requests that are refused before their body has arrived: their clients receive the answer, and not that the connection broke. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { AUTHORIZATION, type Fixture, serveFakes } from './fixture.ts';

const dispose = disposers();

/** Larger than what the system keeps of a connection. */
const BYTES = 8 << 20;

interface Begun {
  readonly socket: Socket;
  /** What the server has sent so far. */
  received(): string;
}

/** Sends the beginning of a request. */
const begin = (fixture: Fixture, method: string, path: string, headers: readonly string[]): Begun => {
  const { host, hostname, port } = new URL(fixture.origin);
  // It continues to send when the server has closed its side.
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  dispose(() => socket.destroy());
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, `Content-Length: ${BYTES}`, ...headers];
  socket.write(`${lines.join('\r\n')}\r\n\r\nbeginning`);
  return { socket, received: () => received };
};

const TOKEN = `Authorization: ${AUTHORIZATION}`;

it.each([
  ['PUT', '/files', [], 'UNAUTHENTICATED'],
  ['PUT', '/files', [TOKEN], 'STORAGE_FULL'],
  ['PUT', '/images/x', [], 'UNAUTHENTICATED'],
  ['POST', '/files', [TOKEN], 'BAD_REQUEST'],
  ['POST', '/graphql', ['Content-Type: application/json'], 'UNAUTHENTICATED'],
] as const)('%s %s %j is answered with %s while it is sent', async (method, path, headers, code) => {
  const { socket, received } = begin(await serveFakes(dispose), method, path, headers);
  let broke: unknown;
  socket.on('error', (error) => {
    broke = error;
  });
  await expect.poll(received).toContain(code);
  const closed = once(socket, 'close');
  socket.end(Buffer.alloc(BYTES - 'beginning'.length));
  await closed;
  expect(broke).toBeUndefined();
  expect(received()).toContain('\r\nConnection: close\r\n');
});

it('is not waited for longer than some seconds', async () => {
  const { socket, received } = begin(await serveFakes(dispose), 'PUT', '/files', []);
  await once(socket, 'end');
  expect(received()).toContain('UNAUTHENTICATED');
});
