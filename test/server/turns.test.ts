/** What many send at once is answered in turns: nobody waits for all that somebody else has sent. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Identity } from '../../src/jobs/service.ts';
import { disposers } from '../support/disposers.ts';
import { AUTHORIZATION, type Fixture, serveFakes } from './fixture.ts';

const dispose = disposers();
/** At least as many as are begun in one turn of the event loop are begun before the last caller has its turn. */
const MANY = 100;
const HALF = MANY / 2;
const ADMIN: Identity = { subject: 'admin', role: 'ADMIN', method: 'TOKEN' };

const tokenOf = async (fixture: Fixture, subject: string): Promise<string> =>
  (await fixture.tokens.create(ADMIN, { name: 'test', subject, role: 'USER' })).secret;

/** Opens connections that the server has accepted: it accepts one in each turn of the event loop. */
const openConnections = async (
  fixture: Fixture,
  count: number,
  localAddress = '127.0.0.1',
): Promise<Socket[]> => {
  const { hostname, port } = new URL(fixture.origin);
  const before = fixture.sockets.size;
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    dispose(() => socket.destroy());
    return socket;
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  await expect.poll(() => fixture.sockets.size).toBe(before + count);
  return sockets;
};

const request = (fixture: Fixture, authorization: string, query = '{ __typename }'): string => {
  const body = JSON.stringify({ query });
  return `POST /graphql HTTP/1.1\r\nHost: ${new URL(fixture.origin).host}\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

const nowhere = (fixture: Fixture): string =>
  `GET /nowhere HTTP/1.1\r\nHost: ${new URL(fixture.origin).host}\r\n\r\n`;

/** Has many send, and then one; returns how many were answered before that one. */
const answeredBefore = async (
  many: readonly Socket[],
  what: string,
  one: Socket | undefined,
  other: string,
): Promise<number> => {
  if (one === undefined) throw new Error('expected a connection');
  let answered = 0;
  for (const socket of many)
    socket.once('data', () => {
      answered += 1;
    });
  for (const socket of many) socket.write(what);
  one.write(other);
  await once(one, 'data');
  return answered;
};

it.each([
  ['requests of one caller', '{ server { version } }'],
  ['subscriptions of one caller over SSE', 'subscription { jobEvents { cursor } }'],
])('%s', async (_name, query) => {
  const fixture = await serveFakes(dispose);
  const [alice, bob] = [await tokenOf(fixture, 'alice'), await tokenOf(fixture, 'bob')];
  const many = await openConnections(fixture, MANY);
  const [one] = await openConnections(fixture, 1);
  const count = await answeredBefore(
    many,
    request(fixture, `Bearer ${alice}`, query),
    one,
    request(fixture, `Bearer ${bob}`),
  );
  expect(count).toBeLessThan(HALF);
});

it.each([
  ['a caller', (fixture: Fixture) => request(fixture, AUTHORIZATION)],
  ['another network', (fixture: Fixture) => nowhere(fixture)],
])('unauthenticated requests of one network, and %s', async (_name, other) => {
  const fixture = await serveFakes(dispose);
  const many = await openConnections(fixture, MANY, '127.0.0.2');
  const [one] = await openConnections(fixture, 1);
  expect(await answeredBefore(many, nowhere(fixture), one, other(fixture))).toBeLessThan(HALF);
});

it('messages over WebSocket', async () => {
  const fixture = await serveFakes(dispose);
  const greeted = async (subject: string): Promise<WebSocket> => {
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
    dispose(() => socket.terminate());
    await once(socket, 'open');
    const payload = { authorization: `Bearer ${await tokenOf(fixture, subject)}` };
    socket.send(JSON.stringify({ type: 'connection_init', payload }));
    await once(socket, 'message');
    return socket;
  };
  const many = await Promise.all(Array.from({ length: MANY }, () => greeted('alice')));
  const one = await greeted('bob');
  const message = JSON.stringify({ type: 'subscribe', id: '1', payload: { query: '{ __typename }' } });
  let answered = 0;
  for (const socket of many)
    socket.once('message', () => {
      answered += 1;
    });
  for (const socket of [...many, one]) socket.send(message);
  await once(one, 'message');
  expect(answered).toBeLessThan(HALF);
});
