/** What callers do wrong is answered in the same words over every transport: a bound that one of them lacks is none. */

import { once } from 'node:events';
import { beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Identity, Role } from '../../src/jobs/service.ts';
import { disposers } from '../support/disposers.ts';
import { type Answer, type Fixture, serveFakes, TOKEN } from './fixture.ts';

const dispose = disposers();
let fixture: Fixture;

beforeEach(async () => {
  fixture = await serveFakes(dispose);
});

/** What is sent. */
interface Sent {
  readonly query: string;
  readonly variables?: unknown;
  readonly operationName?: string;
  /** `null`: none. */
  readonly token?: string | null;
}

type Errors = NonNullable<Answer['errors']>;
type Send = (sent: Sent) => Promise<readonly Answer[]>;

const headersOf = (token: string | null, accept: string): Record<string, string> => ({
  'content-type': 'application/json',
  accept,
  ...(token !== null && { authorization: `Bearer ${token}` }),
});

const overHttp =
  (accept: string): Send =>
  async ({ token = TOKEN, ...body }) => {
    const response = await fetch(fixture.url, {
      method: 'POST',
      headers: headersOf(token, accept),
      body: JSON.stringify(body),
    });
    const text = await response.text();
    // What is refused before there is an operation is no stream.
    if (!/event-stream/.test(response.headers.get('content-type') ?? '')) return [JSON.parse(text)];
    return [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json = '']) => JSON.parse(json));
  };

const overGet: Send = async ({ token = TOKEN, query, variables, operationName }) => {
  const url = new URL(fixture.url);
  url.searchParams.set('query', query);
  if (variables !== undefined) url.searchParams.set('variables', JSON.stringify(variables));
  if (operationName !== undefined) url.searchParams.set('operationName', operationName);
  const response = await fetch(url, { headers: headersOf(token, 'application/json') });
  return [await response.json()];
};

const overWebSocket: Send = async ({ token = TOKEN, ...payload }) => {
  const socket = new WebSocket(fixture.webSocketUrl, 'graphql-transport-ws');
  dispose(() => socket.terminate());
  await once(socket, 'open');
  const authorization = token === null ? undefined : `Bearer ${token}`;
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
  await once(socket, 'message');
  const answers: Answer[] = [];
  const done = new Promise<void>((resolve, reject) => {
    socket.on('close', (code, reason) => reject(new Error(`closed with ${code}: ${reason}`)));
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { type: string; payload: unknown };
      if (message.type === 'next') answers.push(message.payload as Answer);
      if (message.type === 'error') answers.push({ errors: message.payload as Errors });
      if (message.type !== 'next') resolve();
    });
  });
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload }));
  await done;
  socket.removeAllListeners('close');
  socket.close();
  return answers;
};

const TRANSPORTS: Readonly<Record<string, Send>> = {
  HTTP: overHttp('application/json'),
  'HTTP as GraphQL over HTTP': overHttp('application/graphql-response+json'),
  GET: overGet,
  SSE: overHttp('text/event-stream'),
  WebSocket: overWebSocket,
};

/** A transport cannot carry each operation. */
const carriers = (query: string): readonly string[] => {
  if (query.startsWith('subscription')) return ['SSE', 'WebSocket'];
  // A URL is a header: of at most 16 KiB.
  const fitsUrl = !query.startsWith('mutation') && query.length < 8192;
  return Object.keys(TRANSPORTS).filter((name) => name !== 'GET' || fitsUrl);
};

/** Sends the same by each, and gives what they answered: equal for all. */
const everywhere = async (sent: Sent): Promise<readonly Answer[]> => {
  const [first = '', ...others] = carriers(sent.query);
  const answers = await (TRANSPORTS[first] as Send)(sent);
  // Ids of requests are new ones.
  const plain = (given: readonly Answer[]): unknown =>
    JSON.parse(JSON.stringify(given).replace(/"requestId":"[^"]*"/g, '"requestId":"-"'));
  for (const name of others) {
    const answered = await (TRANSPORTS[name] as Send)(sent);
    expect({ name, answers: withoutNull(plain(answered)) }).toEqual({
      name,
      answers: withoutNull(plain(answers)),
    });
  }
  return answers;
};

/** An answer that has errors only may leave its data out, as a message of errors over WebSocket does. */
const withoutNull = (answers: unknown): unknown =>
  (answers as Answer[]).map(({ data, ...rest }) => (data === null ? rest : { ...rest, data }));

const ADMIN: Identity = { subject: 'admin', role: 'ADMIN', method: 'TOKEN' };
const tokenOf = async (subject: string, role: Role): Promise<string> =>
  (await fixture.tokens.create(ADMIN, { name: subject, subject, role })).secret;

const repeat = (count: number, part: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');
const deep = `{ server { version } ${'a { '.repeat(13)} b ${'} '.repeat(13)} }`;
const JOB = 'query ($id: ID!) { job(id: $id) { id } }';

describe('a document', () => {
  it.each<[string, Sent, string]>([
    ['that is none', { query: '{ server {' }, 'GRAPHQL_PARSE_FAILED'],
    ['of a field that there is not', { query: '{ nothing }' }, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'of two operations',
      { query: 'query A { __typename } query B { __typename }' },
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'without the operation',
      { query: 'query A { __typename }', operationName: '__proto__' },
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['of a variable of another type', { query: JOB, variables: { id: {} } }, 'BAD_USER_INPUT'],
    ['without a variable', { query: JOB, variables: { constructor: 'x' } }, 'BAD_USER_INPUT'],
    ['of too many tokens', { query: `{ ${'__typename '.repeat(2000)} }` }, 'GRAPHQL_PARSE_FAILED'],
    [
      'of too many directives',
      { query: `{ __typename ${'@include(if: true) '.repeat(400)} }` },
      'GRAPHQL_PARSE_FAILED',
    ],
    ['that is too deep', { query: deep }, 'DOCUMENT_TOO_LARGE'],
    [
      'of too many aliases',
      { query: `{ server { ${repeat(31, (index) => `v${index}: version`)} } }` },
      'DOCUMENT_TOO_LARGE',
    ],
    [
      'of too many root fields',
      { query: `{ ${repeat(21, () => 'server { version }')} }` },
      'DOCUMENT_TOO_LARGE',
    ],
    [
      'of fragments in a circle',
      { query: '{ ...a } fragment a on Query { ...b } fragment b on Query { ...a __typename }' },
      'GRAPHQL_VALIDATION_FAILED',
    ],
    [
      'that may cost too much',
      {
        query: `{ ${repeat(20, (index) => `a${index}: jobs(first: 100) { nodes { logs(maxBytes: "1Mi") { entries { text bytes } } } }`)} }`,
      },
      'OPERATION_TOO_EXPENSIVE',
    ],
  ])('%s is refused', async (_, sent, code) => {
    const [answer, ...more] = await everywhere(sent);
    expect(more).toEqual([]);
    expect(answer?.errors?.map(({ extensions }) => extensions?.['code'])).toContain(code);
  });
});

describe('a job of somebody else', () => {
  const OPERATIONS: readonly string[] = [
    JOB,
    'query ($id: ID!) { node(id: $id) { id } }',
    'query ($id: ID!) { nodes(ids: [$id]) { id } }',
    'mutation ($id: ID!) { stopJob(input: { jobId: $id }) { job { id } } }',
    'mutation ($id: ID!) { deleteJob(input: { jobId: $id }) { job { id } } }',
    'mutation ($id: ID!) { shareJob(input: { jobId: $id }) { url } }',
    'subscription ($id: ID!) { logs(jobId: $id) { cursor } }',
    'subscription ($id: ID!) { jobUpdated(jobId: $id) { id } }',
    'subscription ($id: ID!) { usage(jobId: $id) { cpuTime } }',
  ];
  it.each(OPERATIONS)('does not exist for %s', async (query) => {
    const { id } = fixture.jobs.add({ status: 'RUNNING' } as never, 'alice');
    const never = id.replace(/^.{8}/, '00000000');
    for (const role of ['USER', 'VIEWER'] as const) {
      const token = await tokenOf('bob', role);
      const foreign = JSON.stringify(await everywhere({ query, variables: { id }, token }));
      const absent = JSON.stringify(await everywhere({ query, variables: { id: never }, token }));
      expect(foreign.replaceAll(id, never)).toBe(absent);
      expect(foreign).toMatch(/NOT_FOUND|FORBIDDEN|null/);
    }
    expect(fixture.jobs.stopped).toEqual([]);
    // Ids that mean something elsewhere.
    for (const id of ['__proto__', 'constructor', '../x', '\u0000', '']) {
      const answers = await everywhere({ query, variables: { id } });
      expect(JSON.stringify(answers)).toMatch(/NOT_FOUND|null/);
      const codes = answers.flatMap(({ errors = [] }) =>
        errors.map(({ extensions }) => extensions?.['code']),
      );
      expect(codes.filter((code) => code !== 'NOT_FOUND')).toEqual([]);
    }
  });
});

describe('a caller', () => {
  const secrets: readonly (readonly [string, () => string | null | Promise<string>])[] = [
    ['without a token', () => null],
    ['with a wrong one', () => `clo_${'x'.repeat(43)}`],
    ['with a link of a job that has none', () => `cls_${'x'.repeat(43)}`],
    [
      'whose token was revoked',
      async () => {
        const { token, secret } = await fixture.tokens.create(ADMIN, {
          name: 'gone',
          subject: 'bob',
          role: 'ADMIN',
        });
        await fixture.tokens.revoke(ADMIN, token.id);
        return secret;
      },
    ],
  ];
  it.each(secrets)('%s is not known', async (_, secret) => {
    const token = await secret();
    for (const query of ['{ viewer { subject } }', 'subscription { jobEvents { cursor } }']) {
      const [answer] = await everywhere({ query, token });
      expect(answer?.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
      if (token !== null) expect(JSON.stringify(answer)).not.toContain(token);
    }
  });

  it('with a token in the address is not known: addresses are logged', async () => {
    const plain = fixture;
    for (const name of ['token', 'access_token', 'authorization']) {
      const search = `?${name}=${encodeURIComponent(name === 'authorization' ? `Bearer ${TOKEN}` : TOKEN)}`;
      fixture = { ...plain, url: plain.url + search, webSocketUrl: plain.webSocketUrl + search };
      const [answer] = await everywhere({ query: '{ viewer { subject } }', token: null });
      expect(answer?.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    }
  });

  it.each([
    ['USER', '{ tokens { id } }'],
    ['USER', '{ auditLog { nodes { action } } }'],
    ['USER', 'mutation { setQuota(input: { subject: "bob", cpus: 9 }) { quota { cpus } } }'],
    ['VIEWER', 'mutation { submitJob(input: { command: "true" }) { job { id } } }'],
    ['VIEWER', 'mutation { runJob(input: { command: "true" }) { finished } }'],
    ['VIEWER', 'mutation { createUpload(input: { size: 1 }) { url } }'],
  ] as const)('of the role %s may not %s', async (role, query) => {
    const [answer] = await everywhere({ query, token: await tokenOf('bob', role) });
    expect(answer?.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    expect(fixture.jobs.submitted).toEqual([]);
  });
});

describe('a fault of the server', () => {
  it.each([JOB, 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }'])(
    'is masked in %s',
    async (query) => {
      const { id } = fixture.jobs.add();
      fixture.jobs.before = () => {
        throw Object.assign(new Error('SECRET at /srv/state'), { code: 'SQLITE_CORRUPT', sql: 'SECRET' });
      };
      const answers = await everywhere({ query, variables: { id } });
      expect(answers[0]?.errors).toMatchObject([
        { message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
      ]);
      expect(JSON.stringify(answers)).not.toMatch(/SECRET|SQLITE|stack/);
      // Each answer has a line of its own.
      expect(fixture.lines).toHaveLength(carriers(query).length);
    },
  );
});
