/** What happens to what is open when its caller is no longer accepted. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../src/client-api/index.js';
import type { Transport as ClientTransport } from '../../src/client-api/types.d.ts';
import { overWebSocket } from '../../src/client-api/web-socket.js';
import type { Identity } from '../../src/jobs/service.ts';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import { type Answer, type Fixture, Refused, serveFakes, TOKEN, TRANSPORTS } from './fixture.ts';

const dispose = disposers();
const ADMIN: Identity = { subject: 'root', role: 'ADMIN', method: 'TOKEN' };
const LOGS = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';
const RUN =
  'mutation { runJob(input: { command: "true" }, wait: "1h", stopOnDisconnect: true) { finished } }';

/** The longest that anything stays open, with room for a busy machine. */
const SECONDS = { timeout: 10_000 };

/** Nothing of the streams and waits is left; connections of HTTP may be used again. */
const gone = ({ jobs, rights }: Fixture) =>
  expect.poll(() => [jobs.live.size, rights.size], SECONDS).toEqual([0, 0]);

const post = (url: string, token: string, query: string) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, connection: 'close' },
    body: JSON.stringify({ query }),
  });

describe.each(TRANSPORTS)('a subscription over $name', (transport) => {
  it('ends, and says why, when its token is replaced', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1));
    const answers: Answer[] = [];
    const { done } = transport.subscribe(fixture, LOGS, { id }, (answer) => answers.push(answer));
    await expect.poll(() => answers.length).toBe(1);
    await fixture.tokens.rotateAdmin(ADMIN);
    if (transport.name.startsWith('WebSocket')) {
      const error = await done.catch((reason: unknown) => reason);
      if (!(error instanceof Refused)) throw error;
      expect(error.value).toMatchObject({ code: 4403, reason: 'the admin token was replaced' });
    } else {
      await done;
      expect(answers.slice(1)).toMatchObject([
        {
          errors: [
            {
              message: 'authorization: the admin token was replaced',
              extensions: { code: 'UNAUTHENTICATED' },
            },
          ],
        },
      ]);
    }
    await gone(fixture);
  });
});

describe('a token', () => {
  it('that expires ends a WebSocket and a stream that nothing is written to', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    /** Whether both were open before they ended: on a busy machine the token may have expired by then. */
    const endBoth = async (lifetimeMs: number): Promise<boolean> => {
      const expiresAt = new Date(Date.now() + lifetimeMs);
      const { secret } = await fixture.tokens.create(ADMIN, {
        name: `short-${lifetimeMs}`,
        subject: 'alice',
        role: 'ADMIN',
        expiresAt,
      });
      const logs = (transport?: ClientTransport) =>
        createClient({ url: fixture.url, token: secret, transport, retryDelaysMs: [1, 1] })
          .logs(id)
          .next();
      let open = 2;
      const ends = [logs(), logs(overWebSocket(WebSocket))].map((end) =>
        expect(end)
          .rejects.toThrow(/^authorization: /)
          .finally(() => {
            open -= 1;
          }),
      );
      let bothOpen = false;
      const isDecided = (): boolean => {
        bothOpen = fixture.jobs.live.size === 2;
        return bothOpen || open < 2;
      };
      await expect.poll(isDecided, { interval: 10 }).toBe(true);
      await Promise.all(ends);
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
      await gone(fixture);
      return bothOpen;
    };
    let lifetimeMs = 1500;
    while (!(await endBoth(lifetimeMs))) lifetimeMs *= 2;
  });

  it('that is revoked with itself is answered first, over HTTP and WebSocket', async () => {
    const fixture = await serveFakes(dispose);
    const make = () => fixture.tokens.create(ADMIN, { name: 'own', subject: 'root', role: 'ADMIN' });
    const revoke = (id: string) => `mutation { revokeToken(input: { id: "${id}" }) { token { id } } }`;
    const one = await make();
    const response = await post(fixture.url, one.secret, revoke(one.token.id));
    expect(await response.json()).toEqual({ data: { revokeToken: { token: { id: one.token.id } } } });
    expect((await post(fixture.url, one.secret, '{ __typename }')).status).toBe(401);

    const other = await make();
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
    dispose(() => socket.terminate());
    await once(socket, 'open');
    const messages: string[] = [];
    socket.on('message', (data) => messages.push(String(data)));
    const closed = once(socket, 'close');
    socket.send(
      JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${other.secret}` } }),
    );
    await expect.poll(() => messages.length).toBe(1);
    const payload = { query: revoke(other.token.id) };
    socket.send(JSON.stringify({ type: 'subscribe', id: 'r', payload }));
    socket.send(JSON.stringify({ type: 'subscribe', id: 'q', payload: { query: '{ server { version } }' } }));
    const [code, reason] = await closed;
    expect([code, String(reason)]).toEqual([4403, 'the token was revoked']);
    const data = { revokeToken: { token: { id: other.token.id } } };
    expect(messages.map((text) => JSON.parse(text))).toContainEqual({
      id: 'r',
      type: 'next',
      payload: { data },
    });
    await gone(fixture);
  });

  it('that is revoked does not close what others have opened', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const { token, secret } = await fixture.tokens.create(ADMIN, { name: 'n', subject: 's', role: 'ADMIN' });
    const client = createClient({ url: fixture.url, token: TOKEN });
    const logs = client.logs(id);
    const first = logs.next();
    const lost = createClient({ url: fixture.url, token: secret, retryDelaysMs: [] }).logs(id).next();
    const rejected = expect(lost).rejects.toThrow();
    await expect.poll(() => fixture.jobs.live.size).toBe(2);
    await fixture.tokens.revoke(ADMIN, token.id);
    await rejected;
    fixture.jobs.write(id, page(1, 'on\n', true));
    expect((await first).value?.entries[0]?.text).toBe('on\n');
    await logs.return();
  });
});

describe('runJob', () => {
  it.each(['HTTP', 'HTTP, after its answer has begun', 'WebSocket'])(
    'stops waiting, over %s, and leaves its job alone',
    async (how) => {
      const timeouts = how.includes('begun') ? { slowAnswerMs: 20 } : {};
      const fixture = await serveFakes(dispose, { timeouts });
      let answer: Promise<unknown>;
      if (how === 'WebSocket')
        answer = createClient({ url: fixture.url, token: TOKEN, transport: overWebSocket(WebSocket) })
          .subscribe(RUN)
          .next();
      else
        answer = post(fixture.url, TOKEN, RUN).then(async (response) => {
          throw new Error(await response.text());
        });
      const ended = expect(answer).rejects.toThrow(/the admin token was replaced; job \S+ continues/);
      await expect.poll(() => fixture.jobs.live.size).toBe(1);
      await fixture.tokens.rotateAdmin(ADMIN);
      await ended;
      expect(fixture.jobs.stopped).toEqual([]);
      await gone(fixture);
    },
  );
});

it('an answer whose client does not read is broken off', async () => {
  const fixture = await serveFakes(dispose);
  const { id } = fixture.jobs.add();
  const pages = Array.from({ length: 400 }, (_, index) => page(index, 'x'.repeat(100_000)));
  fixture.jobs.write(id, ...pages);
  const { hostname, port } = new URL(fixture.url);
  const socket = connect(Number(port), hostname);
  dispose(() => socket.destroy());
  socket.pause();
  const body = JSON.stringify({
    query: 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }',
    variables: { id },
  });
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n` +
      `Authorization: Bearer ${TOKEN}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await expect.poll(() => fixture.jobs.pulled).toBeGreaterThan(0);
  await fixture.tokens.rotateAdmin(ADMIN);
  await gone(fixture);
  await expect.poll(() => fixture.sockets.size, SECONDS).toBe(0);
});

describe.each([
  ['SSE', undefined],
  ['WebSocket', overWebSocket(WebSocket)],
] as const)('a client of cloister/client over %s', (_, transport) => {
  it('comes back from its cursor with a new token', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    let token = TOKEN;
    const client = createClient({ url: fixture.url, token: () => token, transport });
    fixture.jobs.write(id, page(1), page(2));
    const seen: string[] = [];
    for await (const { cursor } of client.logs(id)) {
      seen.push(cursor);
      if (cursor === '2') {
        token = await fixture.tokens.rotateAdmin(ADMIN);
        fixture.jobs.write(id, page(3, 'end', true));
      }
    }
    expect(seen).toEqual(['1', '2', '3']);
    expect(fixture.jobs.followed).toEqual([{ follow: true }, { follow: true, after: '2' }]);
  });

  it('says so when it has no new token', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const client = createClient({ url: fixture.url, token: TOKEN, transport });
    const next = client.logs(id).next();
    const refused = expect(next).rejects.toMatchObject({ name: 'RequestRefused', code: 'UNAUTHENTICATED' });
    await expect.poll(() => fixture.jobs.live.size).toBe(1);
    await fixture.tokens.rotateAdmin(ADMIN);
    await refused;
  });
});
