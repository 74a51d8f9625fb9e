/** The API of a real server: refused subscriptions, logs of jobs that never started, the input of jobs. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

/** Everything that a submission leaves: rows and folders. */
const traces = async (): Promise<unknown> => {
  const { jobs } = await server.query<{ jobs: { totalCount: number } }>('{ jobs { totalCount } }');
  // The folder of a prepared cell begins with a dot.
  const folders = readdirSync(join(server.stateDir, 'jobs')).filter((name) => !name.startsWith('.'));
  return { rows: jobs.totalCount, folders: folders.length };
};

/** The answers to a subscription over SSE, errors included. */
const stream = async (query: string): Promise<Answer[]> => {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${server.token}`,
    },
    body: JSON.stringify({ query }),
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const text = await response.text();
  expect(text).toContain('event: complete');
  return [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json = '']) => JSON.parse(json) as Answer);
};

describe('a subscription that is refused', () => {
  it.each(['logs(jobId: "nosuch") { cursor }', 'jobUpdated(jobId: "nosuch") { id }'])(
    'for an unknown job: %s',
    async (field) => {
      const before = await traces();
      const answers = await stream(`subscription { ${field} }`);
      expect(answers).toMatchObject([
        {
          errors: [
            {
              message: 'jobId: no job with id "nosuch"',
              extensions: { code: 'NOT_FOUND', field: 'jobId' },
            },
          ],
        },
      ]);
      expect(await traces()).toEqual(before);
    },
  );

  it.each([
    ['after: "banana"', 'after:', '"banana"'],
    ['after: ""', 'after:', '""'],
    ['tail: -1', 'tail:', '-1'],
    ['after: "0", tail: 1', 'tail:', ''],
    ['tail: 1, since: "2026-01-01T00:00:00Z"', 'since:', ''],
    ['since: "yesterday"', 'since:', '"yesterday"'],
    ['offset: -1', 'offset:', '-1'],
    ['offset: 1, since: "2026-01-01T00:00:00Z"', 'offset:', ''],
  ])('for its arguments: %s', async (given, field, got) => {
    const id = await server.submit({ command: 'echo x' });
    const answers = await stream(`subscription { logs(jobId: "${id}", ${given}) { cursor } }`);
    expect(answers).toHaveLength(1);
    const [error] = answers[0]?.errors ?? [];
    expect(error?.extensions?.['code']).toBe('BAD_USER_INPUT');
    expect(error?.message).toContain(field);
    expect(error?.message).toContain('expected');
    expect(error?.message).toContain(got);
  });
});

describe('a log of a job that never started', () => {
  it('ends at once', async () => {
    const id = await server.submit({ argv: ['/nosuch'] });
    const answers = await stream(`subscription { logs(jobId: "${id}") { entries { text } endOfLog } }`);
    expect((await server.job(id)).status).toBe('FAILED');
    expect(answers.at(-1)).toEqual({ data: { logs: { entries: [], endOfLog: true } } });
  });
});

describe('a size or duration in the document itself', () => {
  it.each([
    ['timeout', '-1', '-1'],
    ['timeout', '0', 'got 0'],
    ['timeout', '"soon"', '"soon"'],
    ['timeout', '""', '""'],
    ['timeout', '1.5', '1.5'],
    ['timeout', 'true', 'true'],
    ['timeout', '"99999999d"', ''],
    ['output', '-1', '-1'],
    ['output', '0', 'got 0'],
    ['output', '"-1K"', '"-1K"'],
    ['disk', '"12 parsecs"', '"12 parsecs"'],
    ['disk', '1e999', 'Infinity'],
    ['disk', '99999999999999999999', ''],
    ['memory', '"lots"', '"lots"'],
    ['memory', '0', 'got 0'],
    ['swap', '-1', '-1'],
    ['pids', '0', 'got 0'],
    ['cpus', '-0.5', '-0.5'],
  ])('is refused: %s: %s', async (limit, literal, got) => {
    const before = await traces();
    const { data, errors } = await server.ask(
      `mutation { submitJob(input: { command: "true", limits: { ${limit}: ${literal} } }) { job { id } } }`,
    );
    expect(data ?? null).toBeNull();
    expect(errors).toHaveLength(1);
    const [error] = errors ?? [];
    expect(error?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: `input.limits.${limit}` });
    expect(error?.message).toContain(`input.limits.${limit}: expected `);
    expect(error?.message).toContain(got);
    expect(await traces()).toEqual(before);
  });
});

describe('what a job was given', () => {
  const FIELDS = `command commandBytes argv argvBytes image env { name value valueBytes } workdir user hostname
    stdin stdinBytes network capabilities
    limits { cpus cpuWeight cpuset cpuTime memory memoryHigh swap pids disk inodes timeout output outputPolicy
      io { device readBps writeBps readIops writeIops } }
    labels { key value } name priority startAfter retries { limit backoff }`;

  it('is read back in full, and the same when that is submitted again', async () => {
    const input = {
      argv: ['cat', '-'],
      image: 'alpine',
      env: [{ name: 'A', value: 'b c', valueBytes: null }],
      workdir: '/tmp',
      user: '0:0',
      hostname: 'again',
      stdin: 'one\ntwo\n',
      network: 'NONE',
      capabilities: 'ROOT_IN_CELL',
      limits: { disk: '1Mi', inodes: 100, timeout: '1m', output: 1000, outputPolicy: 'TRUNCATE' },
      labels: [{ key: 'k', value: 'v' }],
      name: 'given',
      priority: -7,
      startAfter: '2026-01-31T12:00:00.000Z',
      retries: { limit: 2, backoff: '5s' },
    };
    const readBack = async (id: string): Promise<Record<string, unknown>> => {
      const { job } = await server.query<{ job: Record<string, unknown> }>(
        `query ($id: ID!) { job(id: $id) { ${FIELDS} } }`,
        { id },
      );
      return job;
    };
    const first = await readBack(await server.submit(input));
    expect(first).toMatchObject({
      ...input,
      command: null,
      limits: { disk: 2 ** 20, inodes: 100, timeout: 60_000, output: 1000, outputPolicy: 'TRUNCATE', io: [] },
      retries: { limit: 2, backoff: 5000 },
    });
    const id = await server.submit(first);
    expect(await readBack(id)).toEqual(first);
    const { job } = await server.query<{ job: { logs: { entries: { text: string }[] } } }>(
      'query ($id: ID!) { job(id: $id) { logs { entries { text } } } }',
      { id: await server.run(first).then((ended) => ended.id) },
    );
    expect(job.logs.entries.map(({ text }) => text).join('')).toBe(input.stdin);
  });

  const base64 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('base64');

  it.each([
    [
      'arguments',
      {
        argvBytes: [
          'sh',
          '-c',
          'printf "%s|" "$@" "$A"; cat',
          '\xff',
          '\xc3\xa9',
          '\xff',
          '\xed\xa0\x80\xfe',
        ].map(base64),
      },
      '\xc3\xa9|\xff|\xed\xa0\x80\xfe|',
    ],
    ['a command line', { commandBytes: base64('printf %s "\xff" "$A|"; cat') }, '\xff'],
    // A line that is too long for an argument is run from a file.
    [
      'a long command line',
      { commandBytes: base64(`printf %s "\xff" "$A|"; cat${'\n'.repeat(131_072)}`) },
      '\xff',
    ],
  ])('is the same bytes, not UTF-8, in the cell and when read back: %s', async (_what, words, printed) => {
    const input = {
      ...words,
      env: [
        { name: 'A', valueBytes: base64('\xfe\x80=') },
        { name: 'B', valueBytes: base64('text') },
      ],
      stdinBytes: base64('in\0\xff\n'),
    };
    const id = await server.submit(input);
    await server.ended(id);
    const { job } = await server.query<{
      job: Record<string, unknown> & { logs: { entries: { bytes: string }[] } };
    }>(`query ($id: ID!) { job(id: $id) { ${FIELDS} logs { entries { bytes } } } }`, { id });
    const { logs, ...first } = job;
    const output = Buffer.concat(logs.entries.map(({ bytes }) => Buffer.from(bytes, 'base64')));
    expect(output.toString('latin1')).toBe(`${printed}\xfe\x80=|in\0\xff\n`);
    expect(first).toMatchObject({
      ...words,
      command: null,
      argv: null,
      stdin: null,
      stdinBytes: input.stdinBytes,
      env: [
        { name: 'A', value: '\ufffd\ufffd=', valueBytes: base64('\xfe\x80=') },
        { name: 'B', value: 'text', valueBytes: null },
      ],
    });
    const again = await server.query<{ job: Record<string, unknown> }>(
      `query ($id: ID!) { job(id: $id) { ${FIELDS} } }`,
      { id: await server.submit(first) },
    );
    expect(again.job).toEqual(first);
  });

  it('is text where bytes are text', async () => {
    const id = await server.submit({ argvBytes: [base64('true')], stdinBytes: base64('\xc3\xa9') });
    const { job } = await server.query<{ job: unknown }>(
      'query ($id: ID!) { job(id: $id) { argv argvBytes stdin stdinBytes } }',
      { id },
    );
    expect(job).toEqual({ argv: ['true'], argvBytes: null, stdin: 'é', stdinBytes: null });
  });

  it('distinguishes bytes from the text that looks like them under one key', async () => {
    const submit = (input: object) => server.submit({ ...input, idempotencyKey: 'bytes' });
    const first = await submit({ argvBytes: [base64('true')] });
    expect(await submit({ argvBytes: [base64('true')] })).toBe(first);
    await expect(submit({ argv: [base64('true')] })).rejects.toThrow(/idempotencyKey/);
  });
});

describe('pages of jobs', () => {
  interface Jobs {
    readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean };
  }

  const page = async (given: string): Promise<Jobs & { readonly ids: readonly string[] }> => {
    const { jobs } = await server.query<{ jobs: Jobs }>(
      `{ jobs(${given}, orderBy: OLDEST_FIRST, filter: { label: { key: "of", value: "pages" } }) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage }
      } }`,
    );
    return { ...jobs, ids: jobs.edges.map(({ node }) => node.id) };
  };

  it('lead backwards as they lead forwards', async () => {
    const labels = [{ key: 'of', value: 'pages' }];
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await server.submit({ command: 'true', labels }));
    const last = await page('last: 2');
    expect(last.ids).toEqual(ids.slice(3));
    expect(last.pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: true });
    const middle = await page(`last: 2, before: "${last.edges[0]?.cursor}"`);
    expect(middle.ids).toEqual(ids.slice(1, 3));
    expect(middle.pageInfo.hasPreviousPage).toBe(true);
    const first = await page(`last: 2, before: "${middle.edges[0]?.cursor}"`);
    expect(first.ids).toEqual(ids.slice(0, 1));
    expect(first.pageInfo.hasPreviousPage).toBe(false);
    const between = await page(
      `first: 9, after: "${first.edges[0]?.cursor}", before: "${last.edges[0]?.cursor}"`,
    );
    expect(between.ids).toEqual(ids.slice(1, 3));
  });
});
