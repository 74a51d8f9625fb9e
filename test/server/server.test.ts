import { request as httpRequest } from 'node:http';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Answer, TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** A request with exactly these headers: fetch does not let a Host be set. */
const send = (path: string, headers: Record<string, string>, method = 'GET', body = ''): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const sent = httpRequest(new URL(path, server.url), { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });

const json = (more: Record<string, string> = {}): Record<string, string> => ({
  'content-type': 'application/json',
  authorization: `Bearer ${server.token}`,
  ...more,
});

const QUERY = JSON.stringify({ query: '{ server { version } }' });
const MUTATION = 'mutation { submitJob(input: { command: "true" }) { job { id } } }';

const codeOf = (text: string): unknown => (JSON.parse(text) as Answer).errors?.[0]?.extensions?.['code'];

describe('a request without the token', () => {
  it.each([
    ['none', undefined],
    ['a wrong one', 'Bearer wrong'],
    ['another scheme', 'Basic abc'],
  ])('is refused: %s', async (_title, authorization) => {
    const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) };
    const reply = await send('/graphql', headers, 'POST', QUERY);
    expect(reply.status).toBe(401);
    expect(reply.headers['www-authenticate']).toBe('Bearer');
    expect(codeOf(reply.body)).toBe('UNAUTHENTICATED');
  });

  it('is refused over WebSocket, operation by operation', async () => {
    for (const authorization of [undefined, 'Bearer wrong']) {
      const client = createClient({
        url: server.url.replace('http', 'ws'),
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        ...(authorization && { connectionParams: { authorization } }),
      });
      const refused = new Promise((resolve, reject) => {
        client.subscribe(
          { query: '{ server { version } }' },
          { next: reject, error: resolve, complete: () => reject(new Error('completed')) },
        );
      });
      expect(await refused).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
      await client.dispose();
    }
  });

  it('finds out that the server is there', async () => {
    expect(await send('/health', {})).toMatchObject({ status: 200, body: '{"status":"ok"}' });
  });

  it('is not let in by a token in the address', async () => {
    const reply = await send(`/graphql?token=${server.token}&query={server{version}}`, {});
    expect(reply.status).toBe(401);
  });
});

describe('a request from elsewhere', () => {
  it.each(['evil.example', 'evil.example:8080', '10.1.2.3'])('is refused for its Host %j', async (host) => {
    expect((await send('/graphql', json({ host }), 'POST', QUERY)).status).toBe(403);
  });

  it.each(['http://evil.example', 'http://localhost:1', 'null'])(
    'is refused for its Origin %s',
    async (origin) => {
      const reply = await send('/graphql', json({ origin }), 'POST', QUERY);
      expect(reply.status).toBe(403);
      expect(codeOf(reply.body)).toBe('FORBIDDEN');
      const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws', { origin });
      const refused = await new Promise<Error>((resolve) => socket.once('error', resolve));
      expect(refused.message).toContain('403');
    },
  );

  it('is taken when it is of the same origin, and told nothing of CORS', async () => {
    const { host, origin } = new URL(server.url);
    const reply = await send('/graphql', json({ host, origin }), 'POST', QUERY);
    expect(reply.status).toBe(200);
    expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});

describe('a mutation', () => {
  it.each([
    ['application/x-www-form-urlencoded', `query=${encodeURIComponent(MUTATION)}`],
    [
      'multipart/form-data; boundary=x',
      `--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n${MUTATION}\r\n--x--`,
    ],
    ['text/plain', JSON.stringify({ query: MUTATION })],
    ['application/graphql', MUTATION],
  ])('is not taken as %s', async (type, body) => {
    expect((await send('/graphql', json({ 'content-type': type }), 'POST', body)).status).toBe(415);
  });

  it('is not taken by GET', async () => {
    const reply = await send(`/graphql?query=${encodeURIComponent(MUTATION)}`, json());
    expect(reply.status).toBe(405);
  });
});

describe('what is too large', () => {
  it('is refused as a body, in the form of an answer', async () => {
    const body = JSON.stringify({ query: `{ server { version } } #${'x'.repeat(17 * 1024 * 1024)}` });
    const reply = await send('/graphql', json(), 'POST', body);
    expect(reply.status).toBe(413);
    expect(codeOf(reply.body)).toBe('REQUEST_ENTITY_TOO_LARGE');
  });

  it('closes a WebSocket as a message', async () => {
    const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
    await new Promise((resolve) => socket.once('open', resolve));
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    socket.send('x'.repeat(2 * 1024 * 1024));
    expect(await closed).toBe(1009);
  });

  it.each([
    ['tokens', `{ ${Array.from({ length: 1000 }, (_, i) => `a${i}: __typename`).join(' ')} }`],
    ['root fields', `{ ${Array.from({ length: 30 }, (_, i) => `a${i}: server { version }`).join(' ')} }`],
    [
      'levels',
      `{ __type(name: "Job") { fields { type ${'{ ofType '.repeat(40)} { name } ${'}'.repeat(40)} } } }`,
    ],
  ])('is refused as a document: %s', async (_title, query) => {
    const { data, errors } = await server.ask(query);
    expect(data ?? null).toBeNull();
    expect(errors?.[0]?.extensions?.['code']).toMatch(/^(DOCUMENT_TOO_LARGE|GRAPHQL_PARSE_FAILED)$/);
  });
});

describe('paths', () => {
  it('lead from / to GraphiQL, and nowhere from others', async () => {
    expect((await send('/', {})).headers['location']).toBe('/graphql');
    expect((await send('/nowhere', {})).status).toBe(404);
    const page = await send('/graphql', { accept: 'text/html' });
    expect(page.status).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.body).not.toContain(server.token);
    expect(page.body).not.toMatch(/https?:\/\//);
  });
});
