/** Connections without a token: how many there may be, and who has to go. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { networkOf } from '../../src/server/network.ts';
import { disposers } from '../support/disposers.ts';
import { type Fixture, overWebSocket, post, serveFakes } from './fixture.ts';

const dispose = disposers();

/** Opens connections on which nothing is sent, one after the other. */
const crowd = async (fixture: Fixture, count: number, localAddress = '127.0.0.1'): Promise<Socket[]> => {
  const { hostname, port } = new URL(fixture.origin);
  const sockets: Socket[] = [];
  for (let number = 0; number < count; number++) {
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    socket.on('error', () => undefined);
    dispose(() => socket.destroy());
    await once(socket, 'connect');
    sockets.push(socket);
  }
  return sockets;
};

const open = (fixture: Fixture): number => fixture.sockets.size;

it('never keep out callers with a token, and are closed oldest first', async () => {
  const fixture = await serveFakes(dispose, {
    connections: { all: 12, perSubject: 12 },
    unauthenticated: { all: 4, perNetwork: 4 },
  });
  const { id } = fixture.jobs.add();
  const held = [1, 2, 3].map(() =>
    overWebSocket.subscribe(fixture, 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }', { id }),
  );
  await expect.poll(() => fixture.jobs.live.size).toBe(3);
  const unauthenticated = await crowd(fixture, 30);
  await expect.poll(() => open(fixture)).toBe(3 + 4);
  for (let number = 0; number < 5; number++) {
    const response = await post(fixture.url, { query: '{ __typename }' }, { connection: 'close' });
    expect(response.status).toBe(200);
    unauthenticated.push(...(await crowd(fixture, 4)));
  }
  await expect.poll(() => open(fixture)).toBe(3 + 4);
  await expect
    .poll(() => unauthenticated.filter(({ destroyed }) => !destroyed))
    .toEqual(unauthenticated.slice(-4));
  // Those that have authenticated are none of them.
  expect(fixture.jobs.live.size).toBe(3);
  for (const each of held) each.leave();
  expect(fixture.lines[0]).toBe('a connection without a token was closed: there are more than 4');
});

it('of one network do not crowd out those of another', async () => {
  const fixture = await serveFakes(dispose, { unauthenticated: { all: 8, perNetwork: 3 } });
  const [other] = await crowd(fixture, 1, '127.0.0.2');
  await crowd(fixture, 20);
  await expect.poll(() => open(fixture)).toBe(1 + 3);
  expect(other?.destroyed).toBe(false);
  for (const number of [3, 4, 5]) await crowd(fixture, 3, `127.0.0.${number}`);
  await expect.poll(() => open(fixture)).toBe(8);
});

it('that never complete a request are closed, and delay nobody', async () => {
  const fixture = await serveFakes(dispose, {
    unauthenticated: { all: 400, perNetwork: 400 },
    timeouts: { headersMs: 500, unauthenticatedMs: 500 },
  });
  const half = await crowd(fixture, 100);
  for (const socket of half) socket.write('POST /graphql HTTP/1.1\r\nHost: localhost\r\nX');
  // Bytes that arrive one by one are no reason to wait longer.
  const timer = setInterval(() => {
    for (const socket of half) if (socket.writable) socket.write('x');
  }, 50);
  dispose(() => clearInterval(timer));
  const closed = Array.from({ length: 100 }, async () => {
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
    dispose(() => socket.terminate());
    const [code] = await once(socket, 'close');
    return code;
  });
  const response = await post(fixture.url, { query: '{ __typename }' }, { connection: 'close' });
  expect(response.status).toBe(200);
  expect(new Set(await Promise.all(closed))).toEqual(new Set([4408]));
  await expect.poll(() => open(fixture)).toBe(0);
});

it.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['2001::2:3:4:5:6:7', '2001:0:2:3'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
])('the network of %s is %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
