/** Answers that nobody reads: what all of them together may take. */

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import { AUTHORIZATION, ask, type Fixture, serveFakes } from './fixture.ts';

const dispose = disposers();
const MIB = 1024 ** 2;
const query = (pages: number) =>
  `{ ${Array.from(
    { length: pages },
    (_, index) => `a${index}: jobs { nodes { logs(maxBytes: "1Mi") { entries { text bytes } } } }`,
  ).join(' ')} }`;

const serve = async (mostUnreadBytes: number): Promise<Fixture> => {
  const fixture = await serveFakes(dispose, { mostUnreadBytes });
  fixture.jobs.write(fixture.jobs.add().id, page(1, 'x'.repeat(MIB - 64), true));
  return fixture;
};

/** Asks for an answer, and leaves it where it is; settles with its head. */
const leave = async (
  fixture: Fixture,
  pages: number,
  authorization = AUTHORIZATION,
): Promise<IncomingMessage> => {
  const headers = { 'content-type': 'application/json', authorization };
  const sent = request(fixture.url, { method: 'POST', headers, agent: false });
  sent.on('error', () => undefined);
  dispose(() => sent.destroy());
  sent.end(JSON.stringify({ query: query(pages) }));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  return response;
};

it('over HTTP are closed when there are too many, those first that have waited longest', async () => {
  // Each takes 32 MiB by this count.
  const fixture = await serve(100 * MIB);
  const responses: IncomingMessage[] = [];
  for (let number = 0; number < 12; number++) {
    responses.push(await leave(fixture, 8));
    expect(fixture.sockets.size).toBeLessThanOrEqual(4);
  }
  const broken = responses.map((response) => response.socket.destroyed || response.destroyed);
  await expect.poll(() => fixture.sockets.size).toBeLessThanOrEqual(3);
  expect(broken.at(-1)).toBe(false);
  // The last is whole, and so is that of somebody else.
  let length = 0;
  for await (const chunk of responses.at(-1) ?? []) length += (chunk as Buffer).length;
  expect(length).toBeGreaterThan(16 * MIB);
  expect((await ask(fixture, query(8))).errors).toBeUndefined();
  expect(fixture.lines[0]).toMatch(/^a connection was broken: its client does not read, and all answers/);
});

it('over WebSocket count as well', async () => {
  const fixture = await serve(20 * MIB);
  for (let number = 0; number < 12; number++) {
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
    dispose(() => socket.terminate());
    socket.on('error', () => undefined);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: AUTHORIZATION } }));
    await once(socket, 'message');
    socket.pause();
    for (let id = 0; id < 2; id++)
      socket.send(JSON.stringify({ id: `${id}`, type: 'subscribe', payload: { query: query(2) } }));
  }
  const waiting = () => [...fixture.sockets].reduce((sum, { writableLength }) => sum + writableLength, 0);
  await expect.poll(() => fixture.lines.length).toBeGreaterThan(0);
  await expect.poll(waiting).toBeLessThanOrEqual(20 * MIB);
  expect((await ask(fixture, '{ __typename }')).errors).toBeUndefined();
});

it("of one caller are closed only because of its own unread answers, never because of others'", async () => {
  const fixture = await serve(100 * MIB);
  const { secret } = await fixture.tokens.create(
    { subject: 'root', role: 'ADMIN', method: 'TOKEN' },
    { name: 'other', subject: 'other', role: 'ADMIN' },
  );
  const slow = await leave(fixture, 8, `Bearer ${secret}`);
  for (let number = 0; number < 6; number++) await leave(fixture, 8);
  expect(fixture.lines.length).toBeGreaterThan(0);
  let length = 0;
  for await (const chunk of slow) length += (chunk as Buffer).length;
  expect(length).toBeGreaterThan(16 * MIB);
});
