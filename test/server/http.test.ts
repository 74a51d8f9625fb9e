/** GraphQL over HTTP. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/resolvers/error-codes.ts';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import {
  type Answer,
  AUTHORIZATION,
  ask,
  type Fixture,
  overWebSocket,
  post,
  serveFakes,
  TOKEN,
} from './fixture.ts';

const dispose = disposers();

const VERSION = '{ server { version } }';
const code = async (response: Response): Promise<unknown> =>
  ((await response.json()) as Answer).errors?.[0]?.extensions?.['code'];

/** A connection on which a test can write what no HTTP client would. */
const dial = async ({ url }: Fixture): Promise<Socket> => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('utf8');
  dispose(() => socket.destroy());
  // Some of these tests expect the server to reset the connection.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};

/** Everything received until the server closes the connection. */
const rest = async (socket: Socket): Promise<string> => {
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  await once(socket, 'close');
  return text;
};

describe('the server', () => {
  it('reports its health without a token', async () => {
    const { origin } = await serveFakes(dispose);
    const response = await fetch(`${origin}/health`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('redirects / to /graphql, and has no other path', async () => {
    const { origin } = await serveFakes(dispose);
    const root = await fetch(origin, { redirect: 'manual' });
    expect([root.status, root.headers.get('location')]).toEqual([302, 'graphql']);
    for (const path of ['/nope', '/graphql/', '/graphiql/', '/graphiql/../src', '/health/x']) {
      const response = await fetch(`${origin}${path}`);
      expect([response.status, await code(response)]).toEqual([404, 'NOT_FOUND']);
    }
  });

  it('serves every path below its base path, and without it', async () => {
    const fixture = await serveFakes(dispose, { basePath: '/tools/cloister' });
    const { origin } = fixture;
    expect(fixture.url).toBe(`${origin}/tools/cloister/graphql`);
    const data = { server: { version: '1.2.3' } };
    expect(await ask(fixture, VERSION)).toEqual({ data });
    expect(await ask({ ...fixture, url: `${origin}/graphql` }, VERSION)).toEqual({ data });
    for (const path of ['/tools/cloister', '/tools/cloister/']) {
      const response = await fetch(`${origin}${path}`, { redirect: 'manual' });
      const location = new URL(response.headers.get('location') ?? '', response.url).pathname;
      expect([response.status, location]).toEqual([302, '/tools/cloister/graphql']);
    }
    expect((await fetch(`${origin}/tools/cloister/health`)).status).toBe(200);
    expect((await fetch(`${origin}/tools/cloisterX/health`)).status).toBe(404);
    const answers: Answer[] = [];
    await overWebSocket.subscribe(fixture, VERSION, {}, (answer) => answers.push(answer)).done;
    expect(answers).toEqual([{ data }]);
  });

  it('answers queries by POST and by GET', async () => {
    const fixture = await serveFakes(dispose);
    const data = { server: { version: '1.2.3' } };
    expect(await ask(fixture, VERSION)).toEqual({ data });
    const get = await fetch(`${fixture.url}?query=${encodeURIComponent(VERSION)}`, {
      headers: { authorization: AUTHORIZATION },
    });
    expect(await get.json()).toEqual({ data });
  });

  it('accepts mutations by POST only', async () => {
    const { url, jobs } = await serveFakes(dispose);
    const mutation = 'mutation { submitJob(input: { command: "true" }) { job { id } } }';
    const response = await fetch(`${url}?query=${encodeURIComponent(mutation)}`, {
      headers: { authorization: AUTHORIZATION },
    });
    expect(response.status).toBe(405);
    expect(jobs.submitted).toEqual([]);
  });

  it.each([
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/graphql',
    'application/graphql+json',
    'application/jsonx',
    '',
  ])('does not accept content of type %j', async (type) => {
    const { url, jobs } = await serveFakes(dispose);
    const query = 'mutation { submitJob(input: { command: "true" }) { job { id } } }';
    const response = await post(url, { query }, { 'content-type': type });
    expect([response.status, await code(response)]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    expect(jobs.submitted).toEqual([]);
  });

  it('accepts one operation per request', async () => {
    const { url } = await serveFakes(dispose);
    const response = await post(url, [{ query: VERSION }, { query: VERSION }]);
    expect([response.status, await code(response)]).toEqual([400, 'BAD_REQUEST']);
  });

  it.each<[string, RequestInit]>([
    ['no body', { method: 'POST' }],
    ['no JSON', { method: 'POST', body: '{' }],
    ['no object', { method: 'POST', body: '5' }],
    ['no query', { method: 'POST', body: '{}' }],
    ['a query that is not text', { method: 'POST', body: '{ "query": 5 }' }],
    ['variables that are none', { method: 'POST', body: JSON.stringify({ query: VERSION, variables: 'x' }) }],
    ['a field that GraphQL has not', { method: 'POST', body: JSON.stringify({ query: VERSION, x: 1 }) }],
    ['no operation', { method: 'POST', body: '{ "query": "fragment A on Query { __typename }" }' }],
    [
      'two operations',
      { method: 'POST', body: '{ "query": "query A { __typename } query B { __typename }" }' },
    ],
    ['GET without a query', { method: 'GET' }],
    ['PUT', { method: 'PUT', body: JSON.stringify({ query: VERSION }) }],
    ['another type', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' }],
    [
      'no token',
      { method: 'POST', headers: { authorization: '' }, body: JSON.stringify({ query: VERSION }) },
    ],
    ['another origin', { method: 'POST', headers: { origin: 'https://a.example' }, body: '{}' }],
  ])('gives a code of the schema to a request with %s', async (_title, { headers, ...request }) => {
    const { url } = await serveFakes(dispose);
    const standard = { 'content-type': 'application/json', authorization: AUTHORIZATION };
    const response = await fetch(url, { ...request, headers: { ...standard, ...(headers as object) } });
    expect(Object.keys(ERROR_CODES)).toContain(await code(response));
  });

  it('passes a command of 10 MB to the service, which can say what is wrong with it', async () => {
    const fixture = await serveFakes(dispose);
    const command = 'x'.repeat(10_000_000);
    const document = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { status } } }';
    expect(await ask(fixture, document, { input: { command } })).toEqual({
      data: { submitJob: { job: { status: 'QUEUED' } } },
    });
    expect(fixture.jobs.submitted[0]?.command).toHaveLength(10_000_000);
  });

  it('refuses a body of more than 16 MiB, with and without Content-Length', async () => {
    const { url } = await serveFakes(dispose);
    const body = JSON.stringify({ query: VERSION, variables: { a: 'x'.repeat(16 * 1024 ** 2) } });
    const headers = { 'content-type': 'application/json', authorization: AUTHORIZATION };
    const tooLarge = {
      errors: [
        {
          message: 'body: expected at most 16777216 bytes',
          extensions: { code: 'REQUEST_ENTITY_TOO_LARGE' },
        },
      ],
    };
    const announced = await fetch(url, { method: 'POST', headers, body });
    expect(announced.status).toBe(413);
    expect(await announced.json()).toMatchObject(tooLarge);
    const chunked = await fetch(url, {
      method: 'POST',
      headers,
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    expect(await chunked.json()).toMatchObject(tooLarge);
  });

  it('does not allow other origins (CORS)', async () => {
    const { url, origin } = await serveFakes(dispose);
    const response = await post(url, { query: VERSION }, { origin });
    expect(response.status).toBe(200);
    for (const name of response.headers.keys()) expect(name).not.toMatch(/^access-control-/);
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', authorization: AUTHORIZATION },
    });
    expect(preflight.status).toBe(405);
    for (const name of preflight.headers.keys()) expect(name).not.toMatch(/^access-control-/);
  });

  it.each(['text/html', 'image/png, text/plain;q=0.5', 'application/json;q=0'])(
    'carries nothing out for a client that accepts only %s',
    async (accept) => {
      const { url, jobs } = await serveFakes(dispose);
      const query = 'mutation { submitJob(input: { command: "true" }) { job { id } } }';
      const response = await post(url, { query }, { accept });
      expect([response.status, await code(response)]).toEqual([406, 'NOT_ACCEPTABLE']);
      expect(jobs.submitted).toEqual([]);
    },
  );

  it('compares media types case-insensitively', async () => {
    const { url } = await serveFakes(dispose);
    const headers = { 'content-type': 'Application/JSON; charset=UTF-8', accept: 'APPLICATION/Json' };
    const response = await post(url, { query: VERSION }, headers);
    expect([response.status, await response.json()]).toEqual([
      200,
      { data: { server: { version: '1.2.3' } } },
    ]);
    const page = await fetch(url, { headers: { accept: 'Text/HTML' } });
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    const stream = await post(url, { query: VERSION }, { accept: 'TEXT/Event-Stream' });
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    await stream.body?.cancel();
  });

  it.each(['application/json', 'application/graphql-response+json', 'application/json, multipart/mixed'])(
    'says to a client that subscribes and accepts %s which media type to ask for, and opens no stream',
    async (accept) => {
      const { url, jobs } = await serveFakes(dispose);
      const { id } = jobs.add();
      const query = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';
      const response = await post(url, { query, variables: { id } }, { accept });
      expect(response.status).toBe(406);
      const { errors } = (await response.json()) as Answer;
      expect(errors).toMatchObject([
        {
          message: expect.stringContaining(
            'accept: expected text/event-stream for a subscription, got application/',
          ),
          extensions: { code: 'NOT_ACCEPTABLE' },
        },
      ]);
      expect(jobs.followed).toEqual([]);
      expect(jobs.live.size).toBe(0);
    },
  );

  it('asks proxies not to buffer a stream', async () => {
    const { url, jobs } = await serveFakes(dispose);
    const { id } = jobs.add();
    const query = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';
    const response = await post(url, { query, variables: { id } }, { accept: 'text/event-stream' });
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    await response.body?.cancel();
  });

  it('streams to an HTTP/1.0 proxy until the connection closes', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1), page(2, 'last', true));
    const query = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';
    const body = JSON.stringify({ query, variables: { id } });
    const socket = await dial(fixture);
    socket.write(
      `POST /graphql HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: ${AUTHORIZATION}\r\n` +
        `Accept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const [head = '', ...events] = (await rest(socket)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(head).not.toMatch(/transfer-encoding|connection: keep-alive/i);
    const text = events.join('\r\n\r\n');
    expect(text.match(/^event: next\ndata: \{"data":\{"logs":\{"cursor":"[12]"\}\}\}$/gm)).toHaveLength(2);
    expect(text).toMatch(/event: complete\ndata:\n\n$/);
  });

  it('answers requests of one connection one after the other, and others in between', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    let under = 0;
    let most = 0;
    let asked = 0;
    fixture.jobs.before = async () => {
      asked += 1;
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
    };
    const socket = await dial(fixture);
    const query = encodeURIComponent(`{ job(id: "${id}") { id } }`);
    const request = `GET /graphql?query=${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`;
    let answers = '';
    socket.on('data', (chunk: string) => {
      answers += chunk;
    });
    socket.write(request.repeat(1000));
    await once(socket, 'data');
    expect((await fetch(`${fixture.origin}/health`)).status).toBe(200);
    expect(asked).toBeLessThan(1000);
    await expect.poll(() => answers.split(`{"id":"${id}"}`).length).toBe(1001);
    expect(most).toBe(1);
  });

  it('answers what is asked of it between operations that wait, whatever arrived first', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    let begun = 0;
    let begunBefore = 0;
    const operation = JSON.stringify({ query: `{ job(id: "${id}") { id } }` });
    const request = `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${AUTHORIZATION}\r\nContent-Type: application/json\r\nContent-Length: ${operation.length}\r\n\r\n${operation}`;
    const sockets = await Promise.all(Array.from({ length: 100 }, () => dial(fixture)));
    // The first one has its document parsed, so that all others are answered as soon as they begin.
    const [first] = sockets;
    first?.write(request);
    if (first) await once(first, 'data');
    fixture.jobs.before = () => {
      begun += 1;
    };
    const last = await dial(fixture);
    await expect.poll(() => fixture.sockets.size).toBe(101);
    const answered = [...sockets, last].map((socket) => once(socket, 'data'));
    last.once('data', () => {
      begunBefore = begun;
    });
    // Without waiting in between: the server finds all of them when it looks for the next time.
    for (const socket of sockets) socket.write(request);
    last.write('GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await Promise.all(answered);
    expect(begun).toBe(100);
    expect(begunBefore).toBeLessThan(50);
  });

  it('reads no further requests of a client that does not read its answers', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1, 'x'.repeat(300_000), true));
    let asked = 0;
    fixture.jobs.before = (method) => {
      if (method === 'readLog') asked += 1;
    };
    const socket = await dial(fixture);
    await expect.poll(() => fixture.sockets.size).toBe(1);
    socket.pause();
    const query = encodeURIComponent(`{ job(id: "${id}") { logs { entries { text } } } }`);
    const request = `GET /graphql?query=${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`;
    socket.write(request.repeat(3000));
    const [server] = fixture.sockets;
    await expect.poll(() => server?.isPaused()).toBe(true);
    for (let n = 0; n < 20; n++) expect((await fetch(`${fixture.origin}/health`)).status).toBe(200);
    expect(asked).toBeLessThan(100);
  });

  it('refuses a request with two Host headers', async () => {
    const fixture = await serveFakes(dispose, { allowedHosts: ['runner.example'] });
    const { host } = new URL(fixture.url);
    for (const [one, other] of [
      [host, 'evil.example'],
      ['runner.example', host],
      [host, host],
    ]) {
      const socket = await dial(fixture);
      socket.write(`GET /health HTTP/1.1\r\nHost: ${one}\r\nHOST: ${other}\r\n\r\n`);
      expect(await rest(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]*"Host: expected one, got 2"/);
    }
  });

  it('keeps a connection open for longer than usual proxies reuse it', async () => {
    const fixture = await serveFakes(dispose);
    const socket = await dial(fixture);
    socket.write(`GET /health HTTP/1.1\r\nHost: ${new URL(fixture.url).host}\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [string];
    // Caddy keeps one for 120 s, Go and Traefik for 90, nginx for 60.
    expect(Number(/^Keep-Alive: timeout=(\d+)\r$/m.exec(head)?.[1])).toBeGreaterThan(120);
  });

  it('answers a client that offers another protocol, as curl --http2 does', async () => {
    const fixture = await serveFakes(dispose);
    const socket = await dial(fixture);
    socket.write(
      `GET /health HTTP/1.1\r\nHost: ${new URL(fixture.url).host}\r\n` +
        'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
    );
    expect(await rest(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\{"status":"ok"\}$/);
  });

  it('does not wait for headers that never come', async () => {
    const fixture = await serveFakes(dispose, { timeouts: { headersMs: 100 } });
    const socket = await dial(fixture);
    socket.write('POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    expect(await rest(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('does not wait for a body that never comes', async () => {
    const fixture = await serveFakes(dispose, { timeouts: { headersMs: 100, requestMs: 200 } });
    const socket = await dial(fixture);
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${AUTHORIZATION}\r\n` +
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    expect(await rest(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('a request without the token', () => {
  it.each([
    ['none', {}],
    ['a wrong one', { authorization: 'Bearer nope' }],
    ['one of another kind', { authorization: `Basic ${TOKEN}` }],
  ])('is refused with 401: %s', async (_name, headers) => {
    const { url, jobs } = await serveFakes(dispose);
    const json = { 'content-type': 'application/json' };
    for (const request of [
      fetch(url, {
        method: 'POST',
        headers: { ...json, ...headers },
        body: '{"query":"{ jobs { nodes { id } } }"}',
      }),
      fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: '{"query":"{ __typename }"}' }),
      fetch(`${url}?query={__typename}`, { headers }),
      fetch(`${url}?query={__typename}&token=${TOKEN}&authorization=${AUTHORIZATION}`, { headers }),
      fetch(url, { method: 'PUT', headers }),
      fetch(url, {
        method: 'POST',
        headers: { ...json, ...headers, accept: 'text/event-stream' },
        body: '{"query":"subscription { logs(jobId: 1) { cursor } }"}',
      }),
    ]) {
      const response = await request;
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
      expect(text).not.toContain('nope');
    }
    expect(jobs.askedBy.size).toBe(0);
  });

  it('is answered before its body has arrived', async () => {
    const fixture = await serveFakes(dispose);
    const socket = await dial(fixture);
    socket.write(
      'POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
        'Content-Length: 10000000\r\n\r\n{',
    );
    expect(await rest(socket)).toMatch(/^HTTP\/1\.1 401 [\s\S]*"UNAUTHENTICATED"/);
  });

  it('is answered even if the client sends all of a large body before it reads', async () => {
    const { url } = await serveFakes(dispose);
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: 'x'.repeat(10_000_000),
    });
    expect(response.status).toBe(401);
  });
});

describe('a request under a foreign name', () => {
  it('is refused with 403 on every path, even with the token', async () => {
    const fixture = await serveFakes(dispose);
    for (const path of ['/graphql', '/health', '/', '/nope']) {
      const socket = await dial(fixture);
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nAuthorization: ${AUTHORIZATION}\r\nAccept: text/html\r\n\r\n`,
      );
      expect(await rest(socket)).toMatch(/^HTTP\/1\.1 403 [\s\S]*Host: expected a name of this server/);
    }
  });

  it('is refused when it comes from a page of another origin', async () => {
    const { url, jobs } = await serveFakes(dispose);
    const query = 'mutation { submitJob(input: { command: "true" }) { job { id } } }';
    for (const origin of ['http://evil.example', 'http://127.0.0.1:1', 'null']) {
      const response = await post(url, { query }, { origin });
      expect([response.status, await code(response)]).toEqual([403, 'FORBIDDEN']);
    }
    expect(jobs.submitted).toEqual([]);
  });

  it('is answered when that name is allowed', async () => {
    const fixture = await serveFakes(dispose, { allowedHosts: ['runner.example'] });
    const socket = await dial(fixture);
    socket.write('GET /health HTTP/1.1\r\nHost: runner.example\r\nConnection: close\r\n\r\n');
    expect(await rest(socket)).toMatch(/^HTTP\/1\.1 200 /);
  });
});
