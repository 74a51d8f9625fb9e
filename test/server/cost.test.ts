// What an operation may cost before it is executed, and how much its answer may hold.

import { type GraphQLObjectType, getNamedType, isObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { JobSpec } from '../../src/jobs/job.ts';
import { COSTS, MOST_COST } from '../../src/resolvers/operation-cost.ts';
import { schema } from '../../src/resolvers/schema.ts';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import { type Answer, ask, type Fixture, post, Refused, serveFakes, TRANSPORTS } from './fixture.ts';

const dispose = disposers();
const MIB = 1024 ** 2;

/** Jobs that have each written a page. */
const withLogs = async (count: number, text: string): Promise<Fixture> => {
  const fixture = await serveFakes(dispose);
  for (let index = 0; index < count; index++) {
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1, text, true));
  }
  return fixture;
};

/** All fields of a type that need no argument, with those of the types they lead to, except for what leads back. */
const everything = (type: GraphQLObjectType, leaveOut: readonly string[]): string =>
  Object.values(type.getFields())
    .filter(({ name }) => !leaveOut.includes(`${type.name}.${name}`))
    .map((field) => {
      const named = getNamedType(field.type);
      return isObjectType(named) ? `${field.name} { ${everything(named, leaveOut)} }` : field.name;
    })
    .join(' ');

const TWENTY = `{ ${Array.from(
  { length: 20 },
  (_, index) => `a${index}: jobs(first: 100) { nodes { logs(maxBytes: "1Mi") { entries { text bytes } } } }`,
).join(' ')} }`;

describe.each(TRANSPORTS)('over $name', (transport) => {
  const errors = async (
    fixture: Fixture,
    query: string,
    variables = {},
  ): Promise<NonNullable<Answer['errors']>> => {
    const answers: Answer[] = [];
    try {
      await transport.subscribe(fixture, query, variables, (answer) => answers.push(answer)).done;
    } catch (error) {
      if (error instanceof Refused) return error.errors ?? [];
      throw error;
    }
    return answers.flatMap((answer) => answer.errors ?? []);
  };

  it('an operation that may cost too much is refused before it is executed', async () => {
    const fixture = await withLogs(1, 'x');
    const [error, ...others] = await errors(fixture, TWENTY);
    expect(others).toEqual([]);
    expect(error?.message).toMatch(
      /^operation: expected a cost of at most 50000, got \d+: ask for fewer jobs/,
    );
    expect(error?.extensions).toMatchObject({ code: 'OPERATION_TOO_EXPENSIVE', cost: { limit: MOST_COST } });
    expect(fixture.jobs.askedBy.size).toBe(0);
  });

  it('variables and fragments count as what they stand for', async () => {
    const fixture = await withLogs(1, 'x');
    const aliases = Array.from({ length: 20 }, (_, index) => `a${index}: jobs(first: $n) { ...Some }`).join(
      ' ',
    );
    const query = `query ($n: Int = 100) { ${aliases} } fragment Some on JobConnection { nodes { ... on Job { logs(maxBytes: "1Mi") { cursor } } } }`;
    expect((await errors(fixture, query))[0]?.extensions).toMatchObject({ code: 'OPERATION_TOO_EXPENSIVE' });
    expect(await errors(fixture, query, { n: 1 })).toEqual([]);
  });

  it('a subscription is bounded for each of its answers', async () => {
    const fixture = await withLogs(1, 'x'.repeat(MIB));
    const [job] = fixture.jobs.jobs.keys();
    const logs = Array.from({ length: 20 }, (_, n) => `a${n}: logs(maxBytes: "1Mi") { cursor }`).join(' ');
    const found = await errors(fixture, `subscription ($id: ID!) { logs(jobId: $id) { cursor } }`, {
      id: job,
    });
    expect(found).toEqual([]);
    fixture.jobs.change(job ?? '', { status: 'QUEUED' });
    const stream = new Promise<Answer>((resolve) => {
      const { leave } = transport.subscribe(
        fixture,
        `subscription ($id: ID!) { jobUpdated(jobId: $id) { ${logs} } }`,
        { id: job },
        resolve,
      );
      dispose(leave);
    });
    const { errors: received = [] } = await stream;
    expect(received.length).toBeGreaterThan(0);
    for (const { extensions } of received) expect(extensions).toMatchObject({ code: 'ANSWER_TOO_LARGE' });
  });
});

describe('an answer', () => {
  it('holds at most 8 MiB of logs, and says so of each page that it does not hold', async () => {
    const fixture = await withLogs(20, 'x'.repeat(MIB));
    const { data, errors } = await ask(fixture, '{ jobs { nodes { logs(maxBytes: "1Mi") { cursor } } } }');
    const { nodes } = (data as { jobs: { nodes: { logs: unknown }[] } }).jobs;
    expect(nodes.filter(({ logs }) => logs !== null)).toHaveLength(8);
    expect(errors).toHaveLength(12);
    expect(errors?.[0]).toMatchObject({
      message: expect.stringMatching(/^answer: expected at most 8388608 bytes.*ask for fewer jobs.*maxBytes/),
      extensions: { code: 'ANSWER_TOO_LARGE' },
    });
  });

  it('never has more pages in hand than it may hold', async () => {
    const fixture = await withLogs(100, 'x');
    let reading = 0;
    let most = 0;
    fixture.jobs.before = async (method) => {
      if (method !== 'readLog') return;
      reading += 1;
      most = Math.max(most, reading);
      await new Promise((resolve) => setImmediate(resolve));
      reading -= 1;
    };
    const { errors } = await ask(
      fixture,
      '{ jobs(first: 100) { nodes { logs(maxBytes: "1Mi") { cursor } } } }',
    );
    expect(errors).toBeUndefined();
    expect(most).toBe(8);
  });

  it('reads only those separately stored texts that were asked for, and no more than it can hold', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const job = fixture.jobs.jobs.get(id);
    if (job === undefined) throw new Error('there is no job');
    const command = { ...APART, form: 'shell', isText: true } as const;
    fixture.jobs.jobs.set(id, { ...job, spec: { ...job.spec, command, env: APART } });
    fixture.jobs.commands.set('apart', { kind: 'shell', line: large });
    const read: string[] = [];
    fixture.jobs.before = async (method) => {
      if (method === 'command' || method === 'env') read.push(method);
    };
    expect((await ask(fixture, `{ job(id: "${id}") { id argv } }`)).errors).toBeUndefined();
    expect(read).toEqual([]);
    const ids = Array.from({ length: 50 }, () => `"${id}"`);
    expect((await ask(fixture, `{ nodes(ids: [${ids}]) { ... on Job { command } } }`)).errors).toHaveLength(
      42,
    );
    expect(read).toHaveLength(8);
  });

  const large = 'x'.repeat(MIB);
  const APART = { kind: 'apart', id: 'apart', bytes: MIB } as const;
  it.each<[string, Partial<JobSpec>, string]>([
    ['a command', { command: { kind: 'shell', line: large } }, 'command'],
    ['arguments', { command: { kind: 'argv', argv: ['echo', large] } }, 'argv'],
    ['an environment', { env: [{ name: 'A', value: large }] }, 'env { name }'],
    ['a command that is kept apart', { command: { ...APART, form: 'shell', isText: true } }, 'command'],
    [
      'arguments that are kept apart',
      { command: { ...APART, id: 'argv', form: 'argv', isText: true } },
      'argv',
    ],
    ['an environment that is kept apart', { env: APART }, 'env { name }'],
    ['a standard input', { stdinBytes: MIB }, 'stdin'],
    ['a command that is not text', { command: { kind: 'shell', line: `${large}\udcff` } }, 'commandBytes'],
    ['arguments that are not text', { command: { kind: 'argv', argv: ['\udcff', large] } }, 'argvBytes'],
  ])('counts %s', async (_name, spec, field) => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const job = fixture.jobs.jobs.get(id);
    if (job === undefined) throw new Error('there is no job');
    fixture.jobs.stdins.set(id, Buffer.from(large));
    fixture.jobs.commands.set('apart', { kind: 'shell', line: large });
    fixture.jobs.commands.set('argv', { kind: 'argv', argv: ['echo', large] });
    fixture.jobs.envs.set('apart', [{ name: 'A', value: large }]);
    fixture.jobs.jobs.set(id, { ...job, spec: { ...job.spec, ...spec } });
    const nodes = (count: number) =>
      `{ nodes(ids: [${Array.from({ length: count }, () => `"${id}"`)}]) { ... on Job { ${field} } } }`;
    expect((await ask(fixture, nodes(7))).errors).toBeUndefined();
    expect((await ask(fixture, nodes(9))).errors?.[0]?.extensions).toMatchObject({
      code: 'ANSWER_TOO_LARGE',
    });
  });

  it('reports its cost when the request asks for it', async () => {
    const fixture = await withLogs(2, 'x'.repeat(1000));
    const query = '{ jobs(first: 2) { nodes { id logs { cursor } } } }';
    const response = await post(fixture.url, { query, extensions: { cost: true } });
    const { extensions } = (await response.json()) as { extensions?: unknown };
    // jobs: 2 * 5; for each: nodes, which is counted in each, its id, logs (10 and one page) and its cursor.
    expect(extensions).toEqual({
      cost: { operation: 38, limit: MOST_COST, bytes: 2 * 1064, bytesLimit: 8 * MIB },
    });
  });
});

it('of operations that cost much, two are carried out at once, and cheap ones in addition', async () => {
  const fixture = await withLogs(1, 'x');
  const [id] = fixture.jobs.jobs.keys();
  const go = Promise.withResolvers<void>();
  let listing = 0;
  fixture.jobs.before = (method) => {
    if (method !== 'list') return;
    listing += 1;
    return go.promise;
  };
  const many = Array.from({ length: 6 }, () =>
    ask(fixture, '{ jobs(first: 100) { nodes { logs(maxBytes: "1Mi") { cursor } } } }'),
  );
  await expect.poll(() => listing).toBe(2);
  // By the time that another request was answered, the others have come as well.
  for (let n = 0; n < 10; n++)
    expect((await ask(fixture, `{ job(id: "${id}") { id } }`)).errors).toBeUndefined();
  expect(listing).toBe(2);
  go.resolve();
  for (const answer of many) expect((await answer).errors).toBeUndefined();
  expect(listing).toBe(6);
});

it('mutations, which may wait for jobs, do not delay expensive queries', async () => {
  const fixture = await withLogs(1, 'x');
  const over = Promise.withResolvers<void>();
  let waiting = 0;
  fixture.jobs.before = (method) => {
    if (method !== 'submit') return;
    waiting += 1;
    return over.promise;
  };
  const grep = Array.from({ length: 5 }, (_, n) => `a${n}: logs(grep: "x") { cursor }`).join(' ');
  const run = `mutation { runJob(input: { command: "true" }, wait: 0) { job { ${grep} } } }`;
  const runs = Array.from({ length: 3 }, () => ask(fixture, run));
  await expect.poll(() => waiting).toBe(3);
  const query = `{ jobs(first: 1) { nodes { ${grep} } } }`;
  expect((await ask(fixture, query)).errors).toBeUndefined();
  over.resolve();
  for (const answer of runs) expect((await answer).errors).toBeUndefined();
});

describe('what honest consoles ask for is far below', () => {
  const job = schema.getType('Job') as GraphQLObjectType;
  const all = everything(job, [
    'Job.retryOf',
    'Job.retriedBy',
    'Job.parent',
    'Job.execs',
    'Job.files',
    'Job.logs',
    'Job.receipt',
  ]);

  it('a hundred jobs with all of their fields', async () => {
    const fixture = await withLogs(100, 'x');
    const { errors } = await ask(
      fixture,
      `{ jobs(first: 100) { totalCount nodes { ${all} } pageInfo { endCursor } } }`,
    );
    expect(errors).toBeUndefined();
  });

  it('a hundred jobs with a page of log each', async () => {
    const fixture = await withLogs(100, 'x'.repeat(1000));
    const query =
      '{ jobs(first: 100) { nodes { id command status logs(tail: 10) { entries { stream text } } } } }';
    expect((await ask(fixture, query)).errors).toBeUndefined();
  });

  it('a page of log of the largest size', async () => {
    const fixture = await withLogs(1, 'x'.repeat(MIB));
    const [id] = fixture.jobs.jobs.keys();
    const query = `{ job(id: "${id}") { logs(maxBytes: "1Mi") { entries { text } endOfLog } } }`;
    expect((await ask(fixture, query)).errors).toBeUndefined();
  });
});

it('of every connection, what is selected of a row counts for each row', () => {
  const connections = Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .flatMap((type) =>
      Object.values(type.getFields())
        .filter((field) => getNamedType(field.type).name.endsWith('Connection'))
        .map((field) => `${type.name}.${field.name}`),
    );
  expect(connections).toContain('Query.jobs');
  for (const name of connections) {
    for (const args of [{ first: 100 }, { last: 100 }]) expect(COSTS[name]?.elements?.(args), name).toBe(100);
  }
});

it('costs are set for existing fields only', () => {
  for (const name of Object.keys(COSTS)) {
    const [type = '', field = ''] = name.split('.');
    if (field.startsWith('__')) continue;
    expect(Object.keys((schema.getType(type) as GraphQLObjectType).getFields()), name).toContain(field);
  }
});

describe('a document', () => {
  it.each([
    ['characters', `{ server { version } } # ${'x'.repeat(256 * 1024)}`, 'at most 262144 characters, got '],
    [
      'lines',
      `${'\n'.repeat(10_000)}{ server { version } }`,
      'at most 10000 lines: pass long values as variables',
    ],
  ])('of too many %s is refused', async (_name, query, message) => {
    const { errors } = await ask(await serveFakes(dispose), query);
    expect(errors).toMatchObject([
      { message: expect.stringContaining(message), extensions: { code: 'DOCUMENT_TOO_LARGE' } },
    ]);
  });
});
