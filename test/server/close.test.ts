/** How the server closes. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { newLinkKeys } from '../support/link-keys.ts';
import { FakeFiles } from './fake-files.ts';
import { FakeImages } from './fake-images.ts';
import { page } from './fake-jobs.ts';
import { type Answer, AUTHORIZATION, ask, serveFakes, TRANSPORTS } from './fixture.ts';

const dispose = disposers();

const LOGS = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';

/** Long enough that a server which waits for operations to end by themselves does not close while a test runs. */
const HOUR_MS = 3_600_000;

describe('a server that is closing', () => {
  it.each(TRANSPORTS)('completes a subscription over $name', async (transport) => {
    const fixture = await serveFakes(dispose, { timeouts: { closingMs: HOUR_MS } });
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1));
    const answers: Answer[] = [];
    const { done } = transport.subscribe(fixture, LOGS, { id }, (answer) => answers.push(answer));
    await expect.poll(() => answers.length).toBe(1);
    await fixture.server.close();
    await done;
    await expect.poll(() => fixture.sockets.size).toBe(0);
    await expect(fetch(`${fixture.origin}/health`)).rejects.toThrow();
  });

  it('says complete, then closes the socket with 1001', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
    dispose(() => socket.terminate());
    const said: string[] = [];
    socket.on('message', (data) => said.push((JSON.parse(String(data)) as { type: string }).type));
    const closed = once(socket, 'close');
    await once(socket, 'open');
    const send = (message: object) => socket.send(JSON.stringify(message));
    send({ type: 'connection_init', payload: { authorization: AUTHORIZATION } });
    await expect.poll(() => said).toEqual(['connection_ack']);
    send({ id: '1', type: 'subscribe', payload: { query: LOGS, variables: { id } } });
    await expect.poll(() => fixture.jobs.live.size).toBe(1);
    await fixture.server.close();
    expect((await closed)[0]).toBe(1001);
    expect(said).toEqual(['connection_ack', 'complete']);
  });

  it('finishes requests in progress', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    fixture.jobs.before = () => {
      asked.resolve();
      return ended.promise;
    };
    const document = 'mutation ($id: ID!) { stopJob(input: { jobId: $id }) { job { id } } }';
    const answer = ask(fixture, document, { id });
    await asked.promise;
    const closed = fixture.server.close();
    ended.resolve();
    expect(await answer).toEqual({ data: { stopJob: { job: { id } } } });
    await closed;
  });

  it('announces in responses in progress that the connection will close, and then closes it', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    fixture.jobs.before = () => {
      asked.resolve();
      return ended.promise;
    };
    const { hostname, port } = new URL(fixture.url);
    const socket = connect(Number(port), hostname).setEncoding('utf8');
    dispose(() => socket.destroy());
    let text = '';
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    const over = once(socket, 'end');
    const query = encodeURIComponent(`{ job(id: "${id}") { id } }`);
    socket.write(
      `GET /graphql?query=${query} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`,
    );
    await asked.promise;
    const closed = fixture.server.close();
    ended.resolve();
    await over;
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).toMatch(/^Connection: close\r$/m);
    expect(text).toMatch(/\{"data":\{"job":\{"id":"[^"]+"\}\}\}$/);
    await closed;
  });

  it('does not wait forever for a response that never comes', async () => {
    const fixture = await serveFakes(dispose, { timeouts: { closingMs: 100 } });
    const { id } = fixture.jobs.add();
    const asked = Promise.withResolvers<void>();
    fixture.jobs.before = () => {
      asked.resolve();
      return new Promise(() => undefined);
    };
    const answer = ask(fixture, 'query ($id: ID!) { job(id: $id) { id } }', { id });
    const broken = expect(answer).rejects.toThrow();
    await asked.promise;
    await fixture.server.close();
    await broken;
  });

  it('does not wait for clients that do not read', async () => {
    const fixture = await serveFakes(dispose, { timeouts: { closingMs: 100 } });
    const { id } = fixture.jobs.add();
    const text = 'x'.repeat(1_000_000);
    fixture.jobs.write(id, ...Array.from({ length: 30 }, (_, index) => page(index, text)));
    const query = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }';
    const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
    dispose(() => socket.terminate());
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: AUTHORIZATION } }));
    await once(socket, 'message');
    socket.pause();
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables: { id } } }));
    await expect.poll(() => fixture.jobs.pulled).toBeGreaterThan(1);
    const { hostname, port } = new URL(fixture.url);
    const silent = connect(Number(port), hostname);
    silent.on('error', () => undefined);
    dispose(() => silent.destroy());
    await once(silent, 'connect');
    await fixture.server.close();
    await expect.poll(() => fixture.sockets.size).toBe(0);
  });

  it('accepts no new requests on existing connections', async () => {
    const fixture = await serveFakes(dispose);
    const { hostname, port } = new URL(fixture.url);
    const { id } = fixture.jobs.add();
    const asked = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    fixture.jobs.before = () => {
      asked.resolve();
      return ended.promise;
    };
    const held = ask(fixture, 'query ($id: ID!) { job(id: $id) { id } }', { id });
    await asked.promise;
    const socket = connect(Number(port), hostname).setEncoding('utf8');
    dispose(() => socket.destroy());
    await once(socket, 'connect');
    // Half a request keeps a connection from being idle.
    socket.write('GET /health HTTP/1.1\r\n');
    await expect.poll(() => [...fixture.sockets].every(({ bytesRead }) => bytesRead > 0)).toBe(true);
    const closed = fixture.server.close();
    socket.write('Host: 127.0.0.1\r\n\r\n');
    const [text] = (await once(socket, 'data')) as [string];
    expect(text).toMatch(/^HTTP\/1\.1 503 [\s\S]*"SHUTTING_DOWN"/);
    ended.resolve();
    await held;
    await closed;
  });

  it('closes once, however often close is called', async () => {
    const { server } = await serveFakes(dispose);
    expect(server.close()).toBe(server.close());
    await server.close();
  });
});

describe('a server that cannot listen', () => {
  it('names the address', async () => {
    const { server } = await serveFakes(dispose);
    const { startServer } = await import('../../src/server/server.ts');
    const { FakeJobs } = await import('./fake-jobs.ts');
    const { openAudit, openQuotas, openShares, openTokens } = await import('./fake-tokens.ts');
    const { Rights } = await import('../../src/access/rights.ts');
    const { port } = server.address;
    const second = startServer({
      listen: { host: '127.0.0.1', port },
      allowedHosts: [],
      jobs: new FakeJobs(),
      images: new FakeImages(),
      files: new FakeFiles(),
      linkKeys: newLinkKeys(),
      tokens: await openTokens(),
      quotas: await openQuotas(),
      audit: openAudit(),
      shares: await openShares(),
      rights: new Rights(),
      log: () => undefined,
    });
    await expect(second).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: `);
  });
});
