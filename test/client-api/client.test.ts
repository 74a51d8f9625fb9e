/** What `cloister/client` promises, over each transport. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, isScalarType, isSpecifiedScalarType } from 'graphql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ConnectionLost, createClient, scalars } from '../../src/client-api/index.js';
import type { Client, ClientOptions, LogBatch, Transport } from '../../src/client-api/types.d.ts';
import { overWebSocket } from '../../src/client-api/web-socket.js';
import { expectBackpressure } from '../client/backpressure.ts';
import { FakeServer } from '../client/fake-server.ts';
import { readDocument } from '../docs/documents.ts';
import { disposers } from '../support/disposers.ts';

const dispose = disposers();
let server: FakeServer;

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(() => server[Symbol.asyncDispose]());

const text = ({ entries }: LogBatch): string => entries.map((entry) => entry.text).join('');

const TRANSPORTS: readonly (readonly [string, Transport | undefined])[] = [
  ['SSE', undefined],
  ['the WebSocket of Node.js', overWebSocket()],
  ['the WebSocket of ws', overWebSocket(WebSocket)],
];

describe.each(TRANSPORTS)('a client over %s', (_, transport) => {
  const client = (options: Partial<ClientOptions> = {}): Client =>
    createClient({
      url: server.url,
      token: server.connection.token,
      retryDelaysMs: [1, 1, 1],
      transport,
      ...options,
    });

  it('follows a log without gap or duplicate while connections break', async () => {
    const job = server.job('a').write('0 ');
    let all = '';
    for await (const batch of client().logs('a', { tail: 5 })) {
      all += text(batch);
      const count = job.entries.length;
      if (count % 2 === 1 && count < 6) server.drop();
      if (count < 6) job.write(`${count} `);
      else if (!job.ended) job.end({ status: 'COMPLETED', exitCode: 0 });
    }
    expect(all).toBe('0 1 2 3 4 5 ');
    expect(server.logRequests.length).toBeGreaterThan(2);
    expect(server.logRequests[0]).toEqual({ tail: 5 });
    for (const request of server.logRequests.slice(1)) expect(request).toEqual({ after: expect.any(String) });
  });

  it('continues when the server completes the stream before the job has ended', async () => {
    server.completeAfter = 2;
    const job = server.job('a');
    for (const word of ['a', 'b', 'c']) job.write(word);
    job.end({ status: 'COMPLETED', exitCode: 0 });
    let all = '';
    for await (const batch of client().logs('a')) all += text(batch);
    expect(all).toBe('abc');
  });

  it('reads to the present end', async () => {
    server.job('a').write('one ');
    let all = '';
    for await (const batch of client().logs('a', { follow: false })) all += text(batch);
    expect(all).toBe('one ');
  });

  it('resumes any subscription that has cursors', async () => {
    const job = server.job('a').write('1').write('2');
    const document =
      'subscription ($after: String) { logs(jobId: "a", after: $after, follow: true) { cursor endOfLog } }';
    const seen: string[] = [];
    for await (const { logs } of client().resume<{ logs: LogBatch }, object>(
      document,
      {},
      { cursorOf: (result) => result.logs.cursor, isLast: (result) => result.logs.endOfLog },
    )) {
      seen.push(logs.cursor);
      if (seen.length === 1) server.drop();
      if (seen.length === 2) job.end({ status: 'COMPLETED' });
    }
    expect(seen).toEqual(['1', '2', '2']);
  });

  it('misses no event of a connection that was lost before its first one', async () => {
    const job = server.job('a').write('before');
    const events = client().events();
    const first = events.next();
    await expect.poll(() => server.eventRequests.length).toBe(1);
    server.drop();
    job.end({ status: 'COMPLETED', exitCode: 0 });
    expect((await first).value).toMatchObject({ status: 'COMPLETED', job: { id: 'a' } });
    expect(server.eventRequests).toEqual(['1', '1']);
    await events.return();
  });

  it('is refused with the code of the server, once', async () => {
    await expect(client().logs('nosuch').next()).rejects.toMatchObject({
      name: 'RequestRefused',
      code: 'NOT_FOUND',
      message: 'no job with id "nosuch"',
    });
    expect(server.logRequests).toHaveLength(1);
  });

  it('does not come back to a server that does not accept the token', async () => {
    server.job('a');
    await expect(client({ token: 'wrong' }).logs('a').next()).rejects.toThrow(
      /^sign in first$|Forbidden \(4403\)$/,
    );
  });

  it('ends by a signal, while it waits and between attempts', async () => {
    server.job('a');
    const ended = new AbortController();
    const next = client().logs('a', { signal: ended.signal }).next();
    await expect.poll(() => server.logRequests).toHaveLength(1);
    ended.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');

    const slow = new AbortController();
    const job = server.job('b').write('x');
    const logs = client({ retryDelaysMs: [100_000] }).logs('b', { signal: slow.signal });
    await logs.next();
    const waiting = logs.next();
    server.drop();
    await server[Symbol.asyncDispose]();
    slow.abort(new Error('no more'));
    await expect(waiting).rejects.toThrow('no more');
    expect(job.ended).toBe(false);
    server = await FakeServer.start();
  });

  it('reports a server that was never reached', async () => {
    const url = 'http://127.0.0.1:1/graphql';
    await expect(client({ url }).logs('a').next()).rejects.toMatchObject({
      name: 'ConnectionLost',
      established: false,
    });
  });

  it('closes the connection when its reader stops', async () => {
    const job = server.job('a').write('one ');
    for await (const batch of client().logs('a')) {
      expect(text(batch)).toBe('one ');
      break;
    }
    await expect.poll(() => server.connections).toBe(0);
    expect(job.ended).toBe(false);
  });
});

describe('a request', () => {
  it('is answered, with a token that is asked for each time', async () => {
    server.job('a');
    const token = vi.fn(async () => server.connection.token ?? '');
    const client = createClient({ url: server.url, token });
    expect(await client.request('query ($id: ID!) { job(id: $id) { id } }', { id: 'a' })).toEqual({
      job: { id: 'a' },
    });
    await client.request('{ __typename }');
    expect(token).toHaveBeenCalledTimes(2);
  });

  it.each([
    [502, ConnectionLost],
    [404, Error],
  ])('says what answered with status %i instead of GraphQL', async (status, kind) => {
    const http = createServer((_, response) => response.writeHead(status).end('<html>'));
    await new Promise<void>((resolve) => {
      http.listen(0, '127.0.0.1', resolve);
    });
    dispose(() => http.close());
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/graphql`;
    const error = await createClient({ url })
      .request('{ __typename }')
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(kind);
    expect(String(error)).toContain(`answered "${status}`);
  });

  it('slows the server down while the reader of a log is busy', () =>
    expectBackpressure(server, () =>
      createClient({ url: server.url, token: server.connection.token }).logs('a'),
    ));
});

it('maps every scalar of the schema', () => {
  const types = Object.values(buildSchema(readDocument('schema/schema.graphql')).getTypeMap());
  const custom = types.filter((type) => isScalarType(type) && !isSpecifiedScalarType(type));
  expect(Object.keys(scalars).toSorted()).toEqual([...custom.map(({ name }) => name), 'ID'].toSorted());
});
