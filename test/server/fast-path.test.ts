/** Requests that are answered without the Fetch API: each as the engine itself answers it. */

import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeJob } from '../store/fixture.ts';
import { AUTHORIZATION, type Fixture, serveFakes } from './fixture.ts';

const steps: (() => unknown)[] = [];
let fixture: Fixture;
const JOBS = [makeJob({}), makeJob({})];

beforeAll(async () => {
  fixture = await serveFakes((step) => steps.push(step));
  for (const job of JOBS) fixture.jobs.jobs.set(job.id, job);
});

afterAll(async () => {
  for (const step of steps.toReversed()) await step();
});

interface Received {
  readonly status: number | undefined;
  /** As they were sent, but those that are always different. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
  /** Only the fast path writes the length of a body like this. */
  readonly isFast: boolean;
}

type Headers = Readonly<Record<string, string>>;

const exchange = async (headers: Headers, send: (call: ClientRequest) => void): Promise<Received> => {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const all = { authorization: AUTHORIZATION, 'content-type': 'application/json', ...headers };
    const call = request(fixture.url, { method: 'POST', headers: all }, resolve).once('error', reject);
    send(call);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const { 'x-request-id': _id, date: _date, ...rest } = answer.headers;
  return {
    status: answer.statusCode,
    headers: rest,
    // What was masked is found in the log under an id.
    body: String(Buffer.concat(chunks)).replace(/"requestId":"[^"]+"/, '"requestId":"1"'),
    isFast: answer.rawHeaders.includes('Content-Length'),
  };
};

/** Without its length a request is left to the engine. */
const slowly = (body: string, headers: Headers): Promise<Received> =>
  exchange(headers, (call) => {
    call.write(body);
    call.end();
  });

const quickly = (body: string, headers: Headers): Promise<Received> =>
  exchange({ 'content-length': `${Buffer.byteLength(body)}`, ...headers }, (call) => call.end(body));

const text = (query: string, more: object = {}): string => JSON.stringify({ query, ...more });
const JOB =
  'query Job($id: ID!) { job(id: $id) { id status labels { key value } createdAt limits { memory } } }';
const SUBMIT =
  'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { status spec: command } } }';

/** What is answered fast: results without errors of documents that are known. */
const FAST: Readonly<Record<string, [body: () => string, headers?: Headers]>> = {
  'a query': [() => text('{ server { version } }')],
  'a query with a variable': [() => text(JOB, { variables: { id: JOBS[0]?.id } })],
  'an operation by its name': [
    () => text('query A { server { version } } query B { viewer { role } }', { operationName: 'B' }),
  ],
  'a list': [() => text('{ jobs(first: 5) { totalCount nodes { id name } pageInfo { hasNextPage } } }')],
  fragments: [
    () =>
      text(
        'query { jobs { ...Page } } fragment Page on JobConnection { edges { cursor node { ... on Node { id } } } }',
      ),
  ],
  'directives, aliases and an interface': [
    () =>
      text(
        'query ($no: Boolean = false) { a: server { version @skip(if: $no) } node(id: "ID") { __typename id } }'.replace(
          'ID',
          JOBS[0]?.id ?? '',
        ),
      ),
  ],
  introspection: [() => text('{ __schema { queryType { name } } __type(name: "Job") { name kind } }')],
  'what it costs': [() => text('{ server { version } }', { extensions: { cost: true } })],
  'application/graphql-response+json': [
    () => text('{ server { version } }'),
    { accept: 'application/graphql-response+json, application/json' },
  ],
  'the first type of several': [
    () => text('{ server { version } }'),
    { accept: 'text/html, application/json;q=0.9, application/graphql-response+json, */*' },
  ],
  'any application': [() => text('{ server { version } }'), { accept: 'application/*' }],
  'null for what may be left out': [
    () => text('{ server { version } }', { variables: null, operationName: null, extensions: null }),
  ],
};

/** What is given to the engine, before or after it was executed. */
const LEFT: Readonly<Record<string, [body: () => string, headers?: Headers]>> = {
  'an unknown id': [() => text(JOB, { variables: { id: 'none' } })],
  'an unknown id, in application/graphql-response+json': [
    () => text(JOB, { variables: { id: 'none' } }),
    { accept: 'application/graphql-response+json' },
  ],
  'a variable that is missing': [() => text(JOB)],
  'a variable of another type': [() => text(JOB, { variables: { id: { a: 1 } } })],
  'a variable of another type, in application/graphql-response+json': [
    () => text(JOB, { variables: { id: [] } }),
    { accept: 'application/graphql-response+json' },
  ],
  'an argument that is out of range': [() => text('{ jobs(first: 1000) { nodes { id } } }')],
  'a part that failed': [() => text('{ server { version } job(id: "none") { id } }')],
  'an operation that is not there': [() => text('query A { server { version } }', { operationName: 'C' })],
  'an operation that is no name': [() => text('{ server { version } }', { operationName: 7 })],
  'two operations and no name': [() => text('query A { __typename } query B { __typename }')],
  'a field that is not there': [() => text('{ nothing }')],
  'a document that cannot be parsed': [() => text('{')],
  'a document that is too large': [() => text(`{ ${'server { version } '.repeat(30)} }`)],
  'an operation that is too expensive': [
    () => text('{ jobs(first: 100) { nodes { logs(maxBytes: "1Mi") { cursor } execs { id } } } }'),
  ],
  'a subscription': [() => text('subscription { jobEvents { cursor } }'), { accept: 'application/json' }],
  'no JSON': [() => '{ "query": '],
  'a list of requests': [() => JSON.stringify([{ query: '{ __typename }' }])],
  'a parameter that is not known': [() => text('{ server { version } }', { batch: 1 })],
  'variables that are a list': [() => text('{ server { version } }', { variables: [] })],
  'no query': [() => JSON.stringify({ variables: {} })],
  'a mutation that is refused': [
    () => text(SUBMIT, { variables: { input: { command: 'a', limits: { memory: 'much' } } } }),
  ],
};

describe('a request', () => {
  it.each(Object.entries(FAST))(
    'for %s is answered fast, and as by the engine',
    async (_title, [body, headers = {}]) => {
      const expected = await slowly(body(), headers);
      const answer = await quickly(body(), headers);
      expect(expected.isFast).toBe(false);
      expect(answer.isFast).toBe(true);
      expect({ ...answer, isFast: false }).toEqual(expected);
      expect(answer.status).toBe(200);
    },
  );

  it.each(Object.entries(LEFT))('for %s is answered by the engine', async (_title, [body, headers = {}]) => {
    const expected = await slowly(body(), headers);
    const answer = await quickly(body(), headers);
    expect(answer).toEqual(expected);
    expect(answer.isFast).toBe(false);
    expect(answer.body).toContain('"code"');
  });

  it('that changes something does so once', async () => {
    const body = text(SUBMIT, { variables: { input: { command: 'once' } } });
    await slowly(body, {});
    const before = fixture.jobs.submitted.length;
    const answer = await quickly(body, {});
    expect([answer.isFast, fixture.jobs.submitted.length - before]).toEqual([true, 1]);
  });

  it('whose document is not known yet is answered by the engine', async () => {
    const body = text('{ newOne: server { version } }');
    expect((await quickly(body, {})).isFast).toBe(false);
    expect((await quickly(body, {})).isFast).toBe(true);
  });

  it('in pieces is read as a whole', async () => {
    const body = text('{ server { version } } # é');
    await slowly(body, {});
    const bytes = Buffer.from(body);
    const cut = bytes.indexOf(0xc3) + 1;
    const answer = await exchange({ 'content-length': `${bytes.length}` }, (call) => {
      call.write(bytes.subarray(0, cut), () => setImmediate(() => call.end(bytes.subarray(cut))));
    });
    expect(answer.body).toBe('{"data":{"server":{"version":"1.2.3"}}}');
  });

  it('that is refused is seen once by the log', async () => {
    const body = text(JOB, { variables: { id: 'none' } });
    await slowly(body, {});
    const before = fixture.entries.length;
    await quickly(body, {});
    expect(fixture.entries.slice(before).map(({ fields }) => fields.code)).toEqual(['NOT_FOUND']);
  });

  it('that fails unexpectedly is masked, and logged once', async () => {
    const body = text('{ jobs { nodes { name } } }');
    await slowly(body, {});
    const { before } = fixture.jobs;
    fixture.jobs.before = () => {
      throw new Error('a secret');
    };
    const lines = fixture.lines.length;
    const answer = await quickly(body, {});
    fixture.jobs.before = before;
    expect(answer.body).toContain('INTERNAL_SERVER_ERROR');
    expect(answer.body).not.toContain('secret');
    expect(fixture.lines.slice(lines)).toEqual([expect.stringContaining('a secret')]);
  });
});
