/** What clients send: what all of it together may take, until what it asks for is done. */

import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { AUTHORIZATION, type Fixture, post, serveFakes } from './fixture.ts';

const dispose = disposers();
const MIB = 1024 ** 2;
const BODY = JSON.stringify({ query: '{ __typename }', variables: { x: 'x'.repeat(MIB) } });

const serve = (): Promise<Fixture> => serveFakes(dispose, { mostIncomingBytes: 3.5 * MIB });

const authorizationOf = async ({ tokens }: Fixture, subject: string): Promise<string> => {
  const admin = { subject: 'root', role: 'ADMIN', method: 'TOKEN' } as const;
  const { secret } = await tokens.create(admin, { name: subject, subject, role: 'ADMIN' });
  return `Bearer ${secret}`;
};

/** Begins to send a body, and leaves out the end. */
const begin = ({ url }: Fixture, authorization: string, isLengthKnown = true): ClientRequest => {
  const sent = request(url, {
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/json',
      authorization,
      ...(isLengthKnown && { 'content-length': BODY.length }),
    },
  });
  sent.on('error', () => undefined);
  dispose(() => sent.destroy());
  sent.write(BODY.slice(0, -10));
  return sent;
};

const codeOf = async (answer: Promise<Response>): Promise<unknown> => {
  const response = await answer;
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return [response.status, response.headers.get('retry-after'), errors?.[0]?.extensions.code];
};

describe('the bodies of one caller', () => {
  it('are refused when they are too many, and taken again when one is done', async () => {
    const fixture = await serve();
    const first = begin(fixture, AUTHORIZATION);
    for (let number = 1; number < 3; number++) begin(fixture, AUTHORIZATION);
    await expect.poll(() => fixture.sockets.size).toBe(3);
    const ask = (): Promise<unknown> => codeOf(post(fixture.url, JSON.parse(BODY)));
    await expect.poll(ask).toEqual([429, '1', 'TOO_MANY_BYTES']);
    expect(await codeOf(post(fixture.url, { query: '{ __typename }' }))).toEqual([200, null, undefined]);
    first.end(BODY.slice(-10));
    const [response] = (await once(first, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    await expect.poll(ask).toEqual([200, null, undefined]);
  });

  it('give way to those of another, also where their length is not known', async () => {
    const fixture = await serve();
    const other = await authorizationOf(fixture, 'other');
    const sent = [1, 2, 3].map(() => begin(fixture, AUTHORIZATION, false));
    const broken = () => sent.filter(({ destroyed }) => destroyed).length;
    await expect.poll(() => fixture.sockets.size).toBe(3);
    const answer = () => codeOf(post(fixture.url, JSON.parse(BODY), { authorization: other }));
    await expect
      .poll(async () => {
        expect(await answer()).toEqual([200, null, undefined]);
        return broken();
      })
      .toBe(1);
    expect(fixture.lines).toEqual([
      expect.stringMatching(/^a connection was broken: what clients have sent/),
    ]);
  });

  it('that are cut off are no fault of the server', async () => {
    const fixture = await serve();
    const refused = () => fixture.entries.filter(({ fields }) => fields['code'] === 'BAD_REQUEST');
    const sent = begin(fixture, AUTHORIZATION);
    // What the client destroys before the server has read it never was a request.
    await expect.poll(() => [...fixture.sockets][0]?.bytesRead).toBeGreaterThan(BODY.length - 10);
    sent.destroy();
    await expect.poll(() => refused().length).toBe(1);
    expect(fixture.lines).toEqual([]);
  });
});

describe('the messages of a WebSocket', () => {
  const open = async (fixture: Fixture, authorization = AUTHORIZATION): Promise<WebSocket> => {
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
    dispose(() => socket.terminate());
    socket.on('error', () => undefined);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
    await once(socket, 'message');
    return socket;
  };

  it('count before they are complete', async () => {
    const fixture = await serve();
    const sockets = await Promise.all([1, 2, 3, 4].map(() => open(fixture)));
    for (const socket of sockets) socket.send('x'.repeat(MIB), { fin: false });
    const states = () => sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).length;
    await expect.poll(states).toBe(3);
  });

  it('count as long as what they ask for lasts, and no longer', async () => {
    const fixture = await serve();
    const { id } = fixture.jobs.add();
    const query = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';
    const other = await authorizationOf(fixture, 'other');
    const subscribe = async (socket: WebSocket): Promise<void> => {
      const payload = { query, variables: { id, x: 'x'.repeat(MIB) } };
      socket.send(JSON.stringify({ id: 'one', type: 'subscribe', payload }));
    };
    const last = await open(fixture, other);
    // Its operations are over one after the other.
    let complete = 0;
    last.on('message', (message) => {
      if ((JSON.parse(String(message)) as { type: string }).type === 'complete') complete += 1;
    });
    for (let round = 1; round <= 5; round++) {
      last.send(JSON.stringify({ id: `${round}`, type: 'subscribe', payload: JSON.parse(BODY) }));
      await expect.poll(() => complete).toBe(round);
    }
    const sockets = await Promise.all([1, 2, 3].map(() => open(fixture)));
    for (const socket of sockets) await subscribe(socket);
    await expect.poll(() => fixture.jobs.live.size).toBe(3);
    // Of the caller that has most one is broken, and not this one.
    await subscribe(last);
    const isOpen = ({ readyState }: WebSocket): boolean => readyState === WebSocket.OPEN;
    await expect.poll(() => sockets.filter(isOpen).length).toBe(2);
    await expect.poll(() => fixture.jobs.live.size).toBe(3);
    expect(isOpen(last)).toBe(true);
  });

  it('that are pings leave nothing behind', async () => {
    const fixture = await serveFakes(dispose, { mostIncomingBytes: 10_000 });
    const socket = await open(fixture);
    for (let round = 0; round < 100; round++) {
      socket.ping(Buffer.alloc(125));
      await once(socket, 'pong');
    }
    expect(socket.readyState).toBe(WebSocket.OPEN);
  });

  it('have ids of a bounded length, since every answer repeats them', async () => {
    const fixture = await serve();
    const socket = await open(fixture);
    socket.send(
      JSON.stringify({ id: 'i'.repeat(257), type: 'subscribe', payload: { query: '{ __typename }' } }),
    );
    const [message] = (await once(socket, 'message')) as [Buffer];
    expect(JSON.parse(message.toString())).toMatchObject({
      type: 'error',
      payload: [{ message: 'id: expected at most 256 characters, got 257' }],
    });
  });
});
