// How many connections and subscriptions clients may have open.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import {
  type Answer,
  AUTHORIZATION,
  overSse,
  overWebSocket,
  post,
  Refused,
  serveFakes,
  TRANSPORTS,
} from './fixture.ts';

const dispose = disposers();

const LOGS = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';

describe.each(TRANSPORTS)('subscriptions over $name', (transport) => {
  it.each([
    [{ perSubject: 2, all: 10 }, 'at most 2 of one caller'],
    [{ perSubject: 10, all: 2 }, 'at most 2 on this server'],
  ])('are bounded by %j, and one that is over makes room', async (streams, message) => {
    const fixture = await serveFakes(dispose, { streams });
    const { id } = fixture.jobs.add();
    const open = [1, 2].map(() => transport.subscribe(fixture, LOGS, { id }));
    await expect.poll(() => fixture.jobs.live.size).toBe(2);
    const refused = async (): Promise<NonNullable<Answer['errors']>> => {
      const answers: Answer[] = [];
      try {
        await transport.subscribe(fixture, LOGS, { id }, (answer) => answers.push(answer)).done;
      } catch (error) {
        if (error instanceof Refused) return error.errors ?? [];
        throw error;
      }
      return answers.flatMap(({ errors = [] }) => errors);
    };
    expect(await refused()).toMatchObject([
      { message: expect.stringContaining(message), extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } },
    ]);
    open[0]?.leave();
    await expect.poll(() => fixture.jobs.live.size).toBe(1);
    transport.subscribe(fixture, LOGS, { id });
    await expect.poll(() => fixture.jobs.live.size).toBe(2);
    // Those that end by themselves make room as well.
    fixture.jobs.write(id, page(1, 'last', true));
    await open[1]?.done;
    await expect.poll(() => fixture.jobs.live.size).toBe(0);
    expect(await refused()).toEqual([]);
  });
});

it.each(['HTTP', 'WebSocket'])(
  'connections of one caller over %s are bounded, and the others are not',
  async (kind) => {
    const fixture = await serveFakes(dispose, { connections: { all: 10, perSubject: 2 } });
    const { id } = fixture.jobs.add();
    const open = [overSse, overWebSocket].map((transport) => transport.subscribe(fixture, LOGS, { id }));
    await expect.poll(() => fixture.jobs.live.size).toBe(2);
    const health = () => fetch(`${fixture.origin}/health`);
    const refused = async (): Promise<unknown> => {
      if (kind === 'HTTP') {
        const response = await post(fixture.url, { query: '{ __typename }' }, { connection: 'close' });
        return [response.status, ((await response.json()) as Answer).errors?.[0]?.extensions?.['code']];
      }
      const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
      await once(socket, 'open');
      socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: AUTHORIZATION } }));
      const closed = once(socket, 'close');
      await Promise.race([once(socket, 'message'), closed]);
      socket.close(1000);
      return [(await closed)[0]];
    };
    const refusal = kind === 'HTTP' ? [429, 'TOO_MANY_CONNECTIONS'] : [1013];
    expect(await refused()).toEqual(refusal);
    expect((await health()).status).toBe(200);
    open[1]?.leave();
    await expect.poll(() => fixture.jobs.live.size).toBe(1);
    expect(await refused()).toEqual(kind === 'HTTP' ? [200, undefined] : [1000]);
    // It was closed, and makes room again.
    await expect.poll(refused).toEqual(kind === 'HTTP' ? [200, undefined] : [1000]);
  },
);

it('says on every path when to try again', async () => {
  const fixture = await serveFakes(dispose, { connections: { all: 10, perSubject: 1 } });
  const { id } = fixture.jobs.add();
  overSse.subscribe(fixture, LOGS, { id });
  await expect.poll(() => fixture.jobs.live.size).toBe(1);
  const requests = [
    ['POST', '/graphql'],
    ['PUT', '/files'],
    ['PUT', '/images/name'],
    ['GET', `/jobs/${id}/artifacts/name`],
  ] as const;
  for (const [method, path] of requests) {
    const headers = { authorization: AUTHORIZATION, connection: 'close', 'content-type': 'application/json' };
    const body = method === 'GET' ? null : '{}';
    const response = await fetch(`${fixture.origin}${path}`, { method, headers, body });
    const { errors } = (await response.json()) as Answer;
    const { retryAfterMs, ...extensions } = errors?.[0]?.extensions ?? {};
    expect({ path, status: response.status, extensions }).toEqual({
      path,
      status: 429,
      extensions: { code: 'TOO_MANY_CONNECTIONS', quota: 'connections', value: 1 },
    });
    expect(response.headers.get('retry-after')).toBe(`${Number(retryAfterMs) / 1000}`);
  }
});

it('connections over the Unix socket are bounded as well', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-caps-'));
  dispose(() => rmSync(folder, { recursive: true }));
  const socketPath = join(folder, 'socket');
  const fixture = await serveFakes(dispose, { socketPath, connections: { all: 2, perSubject: 2 } });
  const connections = [1, 2, 3].map(() => connect(socketPath));
  dispose(() => connections.map((connection) => connection.destroy()));
  await Promise.race(connections.map((connection) => once(connection, 'close')));
  expect(fixture.lines).toEqual(['a connection was refused: 2 are open already']);
});

it('connections are bounded, and the server says so once for many', async () => {
  const fixture = await serveFakes(dispose, { connections: { all: 1, perSubject: 1 } });
  const get = () => fetch(`${fixture.origin}/health`, { headers: { connection: 'close' } });
  const { id } = fixture.jobs.add();
  const [transport] = TRANSPORTS;
  const stream = transport?.subscribe(fixture, LOGS, { id });
  await expect.poll(() => fixture.jobs.live.size).toBe(1);
  for (let n = 0; n < 30; n++) await expect(get()).rejects.toThrow();
  expect(fixture.lines).toHaveLength(10);
  expect(fixture.lines[0]).toBe('a connection was refused: 1 are open already');
  stream?.leave();
  await expect.poll(async () => (await get().catch(() => undefined))?.status).toBe(200);
});
