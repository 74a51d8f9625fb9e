/** The fields of a job and what can be done with it. */

import { describe, expect, it } from 'vitest';
import type { JobState, Limits } from '../../src/jobs/job.ts';
import { withoutUnit } from '../../src/units.ts';
import { page, unknownId } from '../server/fake-jobs.ts';
import { at, hit, STATES, usage } from '../store/fixture.ts';
import { Api } from './fixture.ts';

const STATE = 'status exitCode signal limitExceeded error startedAt finishedAt';

/** The fields of a job in each state. */
const EXPECTED: Record<JobState['status'], object> = {
  QUEUED: {},
  RUNNING: { startedAt: at(10).toISOString() },
  COMPLETED: { exitCode: 0, startedAt: at(10).toISOString(), finishedAt: at(20).toISOString() },
  STOPPED: { signal: 'SIGTERM', startedAt: at(10).toISOString(), finishedAt: at(20).toISOString() },
  LIMIT_EXCEEDED: {
    signal: 'SIGKILL',
    limitExceeded: 'MEMORY',
    error: 'too much',
    startedAt: at(10).toISOString(),
    finishedAt: at(20).toISOString(),
  },
  LOST: { error: 'gone', startedAt: at(10).toISOString(), finishedAt: at(20).toISOString() },
  FAILED: { error: 'no such file', finishedAt: at(20).toISOString() },
};

/** Of one that was stopped and that the server had to kill. */
const STUCK = { signal: 'SIGKILL', error: 'it was stuck' };

const NOTHING = {
  exitCode: null,
  signal: null,
  limitExceeded: null,
  error: null,
  startedAt: null,
  finishedAt: null,
};

/** As the API names its fields: without units. */
const bare = (value: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(value).map(([name, field]) => [withoutUnit(name), field]));

describe('Job', () => {
  it.each(STATES)('describes the state $status', async (state) => {
    const api = new Api();
    const { id } = api.jobs.add(state);
    expect(await api.data(`query ($id: ID!) { job(id: $id) { ${STATE} } }`, { id })).toEqual({
      job: {
        ...NOTHING,
        status: state.status,
        ...EXPECTED[state.status],
        ...(state.status === 'STOPPED' && state.error != null ? STUCK : {}),
      },
    });
  });

  it('returns its command either as a line or as a vector', async () => {
    const api = new Api();
    const line = api.jobs.add();
    const vector = {
      ...line,
      id: unknownId,
      spec: { ...line.spec, command: { kind: 'argv', argv: ['a', ''] } },
    } as const;
    api.jobs.jobs.set(vector.id, vector);
    const document = 'query ($id: ID!) { job(id: $id) { command argv } }';
    expect(await api.data(document, { id: line.id })).toEqual({ job: { command: 'true', argv: null } });
    expect(await api.data(document, { id: vector.id })).toEqual({ job: { command: null, argv: ['a', ''] } });
  });

  it('returns null for limits that cannot be enforced', async () => {
    const api = new Api();
    const job = api.jobs.add();
    const io = [{ device: '8:0', readBps: 2 ** 40, writeBps: null, readIops: 2 ** 31, writeIops: null }];
    const limits: Limits = {
      ...job.spec.limits,
      cpus: null,
      memoryBytes: null,
      swapBytes: null,
      pids: null,
      io,
    };
    api.jobs.jobs.set(job.id, { ...job, spec: { ...job.spec, limits } });
    const document =
      'query ($id: ID!) { job(id: $id) { limits { cpus cpuWeight cpuset cpuTime memory memoryHigh swap pids disk inodes io { device readBps writeBps readIops writeIops } timeout output outputPolicy } } }';
    expect(await api.data(document, { id: job.id })).toEqual({ job: { limits: bare(limits) } });
  });

  it('returns usage times in whole milliseconds, and null for what is not counted', async () => {
    const api = new Api();
    const [, running] = STATES;
    if (running === undefined) throw new Error('no such state');
    const { id } = api.jobs.add(running);
    const { pressure, ...plain } = usage;
    const stalls = 'pressure { cpu { some full } memory { some full } io { some full } }';
    const document = `query ($id: ID!) { job(id: $id) { usage { ${Object.keys(bare(plain)).join(' ')} ${stalls} } } }`;
    expect(await api.data(document, { id })).toEqual({
      job: {
        usage: {
          ...bare(usage),
          cpuTime: 2,
          userTime: 1,
          systemTime: 1,
          throttledTime: null,
          pressure: { cpu: { some: 2, full: 0 }, memory: { some: 0, full: 0 }, io: { some: 5, full: 4 } },
        },
      },
    });
  });

  it('says when it was paused, how much it wrote and which limits it reached', async () => {
    const api = new Api();
    const paused = api.jobs.add({ status: 'RUNNING', startedAt: new Date(0), pausedAt: new Date(1000) });
    const ended = api.jobs.add(STATES.find(({ status }) => status === 'LIMIT_EXCEEDED'));
    const fields = `pausedAt output { kept dropped }
      limitsHit { limit value peak unit ended evidence { file key value } message }`;
    const document = `query ($id: ID!) { job(id: $id) { ${fields} } }`;
    expect(await api.data(document, { id: paused.id })).toEqual({
      job: { pausedAt: '1970-01-01T00:00:01.000Z', output: null, limitsHit: [] },
    });
    expect(await api.data(document, { id: ended.id })).toEqual({
      job: { pausedAt: null, output: { kept: 7, dropped: 1 }, limitsHit: [hit] },
    });
  });

  it('returns a page of its log, with times in nanoseconds and the exact bytes', async () => {
    const api = new Api();
    const { id } = api.jobs.add();
    const bytes = Buffer.from([0xff, 0, 0x61]);
    const [entry] = page(7).entries;
    if (entry === undefined) throw new Error('no entry');
    api.jobs.write(id, {
      ...page(7),
      entries: [{ ...entry, text: '\ufffd\0a', bytes }],
      droppedBytes: 2 ** 40,
      damagedBytes: 2 ** 33,
    });
    const document = `query ($id: ID!) { job(id: $id) {
      logs(after: "3", maxBytes: "1Ki", stream: STDERR) {
        entries { stream time text bytes cursor } cursor endOfLog droppedBytes damagedBytes } } }`;
    expect(await api.data(document, { id })).toEqual({
      job: {
        logs: {
          entries: [
            {
              stream: 'STDOUT',
              time: '2023-11-14T22:13:20.123456796Z',
              text: '\ufffd\0a',
              bytes: bytes.toString('base64'),
              cursor: '7',
            },
          ],
          cursor: '7',
          endOfLog: false,
          droppedBytes: 2 ** 40,
          damagedBytes: 2 ** 33,
        },
      },
    });
    expect(api.jobs.read).toEqual([{ after: '3', maxBytes: 1024, stream: 'STDERR' }]);
  });

  it('accepts the former name of maxBytes', async () => {
    const api = new Api();
    const { id } = api.jobs.add();
    await api.data('query ($id: ID!) { job(id: $id) { logs(first: "1Ki") { cursor } } }', { id });
    expect(api.jobs.read).toEqual([{ first: 1024 }]);
  });

  it('is returned without its log when an argument of logs is bad', async () => {
    const api = new Api();
    const { id } = api.jobs.add();
    expect(
      await api.ask(
        'query ($id: ID!) { job(id: $id) { status logs(maxBytes: "x", since: "y") { cursor } } }',
        { id },
      ),
    ).toMatchObject({
      data: { job: { status: 'QUEUED', logs: null } },
      errors: [
        {
          path: ['job', 'logs'],
          extensions: {
            code: 'BAD_USER_INPUT',
            field: 'since',
            faults: [{ field: 'since' }, { field: 'maxBytes' }],
          },
        },
      ],
    });
  });

  it('is a node, found by its plain id', async () => {
    const api = new Api();
    const { id } = api.jobs.add();
    const document = 'query ($id: ID!) { node(id: $id) { __typename id ... on Job { status } } }';
    expect(await api.data(document, { id })).toEqual({ node: { __typename: 'Job', id, status: 'QUEUED' } });
  });

  it('is one of several nodes, each in its place, with an error for each that does not exist', async () => {
    const api = new Api();
    const [one, other] = [api.jobs.add(), api.jobs.add()];
    const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }';
    const node = ({ id }: { readonly id: string }) => ({ __typename: 'Job', id });
    const ids = [other.id, unknownId, one.id, other.id];
    expect(await api.ask(document, { ids })).toMatchObject({
      data: { nodes: [node(other), null, node(one), node(other)] },
      errors: [
        {
          message: `ids[1]: no object with id "${unknownId}"`,
          path: ['nodes', 1],
          extensions: { code: 'NOT_FOUND', field: 'ids[1]' },
        },
      ],
    });
    const twice =
      'query ($id: ID!) { node(id: $id) { id } first: nodes(ids: [$id]) { id } again: nodes(ids: [$id]) { id } }';
    const { errors } = await api.ask(twice, { id: unknownId });
    expect(errors?.map(({ path }) => path)).toEqual(
      expect.arrayContaining([['node'], ['first', 0], ['again', 0]]),
    );
    expect(await api.data(document, { ids: [] })).toEqual({ nodes: [] });
    expect(await api.error(document, { ids: Array(101).fill(one.id) })).toMatchObject({
      message: 'ids: expected at most 100 ids, got "101"',
      extensions: { code: 'BAD_USER_INPUT', field: 'ids' },
    });
  });

  it.each(['job', 'node'])('that does not exist is NOT_FOUND in %s', async (field) => {
    const document = `query ($id: ID!) { ${field}(id: $id) { id } }`;
    for (const id of [unknownId, 'Sm9iOjE=', '']) {
      const { data, errors } = await new Api().ask(document, { id });
      expect(data).toEqual({ [field]: null });
      expect(errors).toMatchObject([{ path: [field], extensions: { code: 'NOT_FOUND', field: 'id' } }]);
      expect(errors?.[0]?.message).toMatch(new RegExp(`^id: no (job|object) with id "${id}"$`));
    }
  });
});

describe('server', () => {
  it('describes the server', async () => {
    const document =
      '{ server { version startedAt images cgroup { path controllers } jobs { queued running } eventCursor } }';
    expect(await new Api().data(document)).toEqual({
      server: {
        version: '1.2.3',
        startedAt: '2026-01-02T03:04:05.678Z',
        images: ['alpine'],
        cgroup: { path: '/sys/fs/cgroup/cloister', controllers: ['cpu', 'pids'] },
        jobs: { queued: 1, running: 2 },
        eventCursor: '7',
      },
    });
  });
});

describe('viewer', () => {
  it('is the caller', async () => {
    expect(await new Api().data('{ viewer { subject role method } }')).toEqual({
      viewer: { subject: 'somebody', role: 'ADMIN', method: 'TOKEN' },
    });
  });
});

describe('an operation without authentication', () => {
  it.each([
    '{ job(id: "1") { id } }',
    '{ jobs { nodes { id } } }',
    '{ node(id: "1") { id } }',
    '{ nodes(ids: ["1"]) { id } }',
    '{ nodes(ids: []) { id } }',
    '{ viewer { subject } }',
    '{ server { version } }',
    'mutation { submitJob(input: { command: "true" }) { job { id } } }',
    'mutation { stopJob(input: { jobId: "1" }) { job { id } } }',
  ])('is refused by the resolver itself: %s', async (query) => {
    const api = new Api();
    const { errors } = await api.ask(query, {}, null);
    expect(errors?.map(({ extensions }) => extensions?.['code'])).toEqual(['UNAUTHENTICATED']);
    expect(api.jobs.askedBy.size).toBe(0);
  });
});
