/** The mutation `submitJob`. */

import { describe, expect, it } from 'vitest';
import { refusal } from '../server/fake-jobs.ts';
import { Api } from './fixture.ts';

const SUBMIT = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id status } } }';

describe('submitJob', () => {
  it('passes every field to the service, in bytes and milliseconds', async () => {
    const api = new Api();
    const input = {
      argv: ['a', 'b c'],
      image: 'alpine',
      env: [{ name: 'A', value: '' }],
      workdir: '/tmp',
      user: 'nobody',
      hostname: 'h',
      stdin: 'text\n',
      openStdin: true,
      keepRoot: true,
      network: 'NONE',
      capabilities: 'ROOT_IN_CELL',
      limits: {
        cpus: 0.5,
        memory: '512Mi',
        swap: 0,
        pids: 10,
        disk: '1G',
        timeout: '1h30m',
        output: 1000,
      },
      labels: [{ key: 'k', value: 'v' }],
      name: 'n',
    };
    expect(await api.data(SUBMIT, { input })).toMatchObject({ submitJob: { job: { status: 'QUEUED' } } });
    expect(api.jobs.submitted).toEqual([
      {
        ...input,
        limits: {
          cpus: 0.5,
          memoryBytes: 512 * 1024 ** 2,
          swapBytes: 0,
          pids: 10,
          diskBytes: 1e9,
          timeoutMs: 5_400_000,
          outputBytes: 1000,
        },
      },
    ]);
    expect([...api.jobs.askedBy]).toEqual(['somebody']);
  });

  it('treats null as absent, also in the limits', async () => {
    const api = new Api();
    const input = { command: 'true', argv: null, env: null, limits: { memory: null, pids: 3 }, name: null };
    await api.data(SUBMIT, { input });
    expect(api.jobs.submitted).toEqual([{ command: 'true', limits: { pids: 3 } }]);
  });

  it('reports what the service refuses, with its code and field', async () => {
    const api = new Api();
    api.jobs.before = () => {
      throw refusal;
    };
    expect(await api.ask(SUBMIT, { input: { command: 'true' } })).toMatchObject({
      data: null,
      errors: [
        {
          message: refusal.message,
          path: ['submitJob'],
          extensions: { code: 'LIMIT_UNAVAILABLE', field: 'input.limits.cpus' },
        },
      ],
    });
    expect(api.lines).toEqual([]);
  });

  it('masks internal errors, and logs them with the id that the client receives', async () => {
    const api = new Api();
    api.jobs.before = () => {
      throw new Error('SECRET at /srv/state');
    };
    const answer = await api.ask(SUBMIT, { input: { command: 'true' } });
    const [error] = answer.errors ?? [];
    expect(error?.message).toBe('Unexpected error.');
    expect(error?.extensions).toEqual({
      code: 'INTERNAL_SERVER_ERROR',
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(JSON.stringify(answer)).not.toContain('SECRET');
    expect(api.lines).toHaveLength(1);
    expect(api.lines[0]).toContain(
      `request ${error?.extensions?.['requestId']}: Error: SECRET at /srv/state`,
    );
  });
});

const SIZE = 'expected a size in bytes such as 1048576, "512Mi" or "1G"';
const TIME = 'expected a duration such as "1h30m", "500ms" or whole milliseconds';

describe('a malformed scalar', () => {
  const malformed: readonly (readonly [field: string, literal: string, message: string])[] = [
    ['memory', '-1', `${SIZE}, got -1`],
    ['memory', '1.5', `${SIZE}, got 1.5`],
    ['memory', '1e400', `${SIZE}, got "Infinity"`],
    ['memory', '9007199254740993', `${SIZE}, got 9007199254740992`],
    ['memory', '"9007199254740993"', `${SIZE}, got "9007199254740993"`],
    ['memory', '"512xb"', `${SIZE}, got "512xb"`],
    ['memory', '""', `${SIZE}, got ""`],
    ['memory', 'true', `${SIZE}, got true`],
    ['disk', '"a lot"', `${SIZE}, got "a lot"`],
    ['swap', '"NaN"', `${SIZE}, got "NaN"`],
    ['output', '"-5"', `${SIZE}, got "-5"`],
    ['timeout', '"soon"', `${TIME}, got "soon"`],
    ['timeout', '-1', `${TIME}, got -1`],
    ['timeout', '0.5', `${TIME}, got 0.5`],
  ];

  it.each(malformed)('as a literal, %s: %s', async (field, literal, message) => {
    const api = new Api();
    const document = `mutation { submitJob(input: { command: "true", limits: { ${field}: ${literal} } }) { job { id } } }`;
    expect(await api.error(document)).toMatchObject({
      message: `input.limits.${field}: ${message}`,
      extensions: { code: 'BAD_USER_INPUT', field: `input.limits.${field}` },
    });
    expect(api.jobs.submitted).toEqual([]);
  });

  // JSON has no infinity, which 1e400 is parsed to.
  it.each(malformed.filter(([, literal]) => literal !== '1e400'))(
    'in a variable, %s: %s',
    async (field, literal, message) => {
      const api = new Api();
      const limits = JSON.parse(`{ "${field}": ${literal} }`) as object;
      expect(await api.error(SUBMIT, { input: { command: 'true', limits } })).toMatchObject({
        message: `input.limits.${field}: ${message}`,
        extensions: { code: 'BAD_USER_INPUT', field: `input.limits.${field}` },
      });
      expect(api.jobs.submitted).toEqual([]);
    },
  );

  it.each(['[1]', '{ a: 1 }'])('of the wrong shape is refused: %s', async (literal) => {
    const api = new Api();
    const document = `mutation { submitJob(input: { command: "true", limits: { memory: ${literal} } }) { job { id } } }`;
    expect((await api.error(document)).message).toContain(`input.limits.memory: ${SIZE}`);
    expect(api.jobs.submitted).toEqual([]);
  });

  it('is reported together with the others', async () => {
    const limits = { memory: 'x', io: [{ readBps: 'y' }] };
    const input = { command: 'true', startAfter: 'now', retries: { limit: 1, backoff: 'z' }, limits };
    const fields = [
      'input.retries.backoff',
      'input.limits.memory',
      'input.limits.io[0].readBps',
      'input.startAfter',
    ];
    const error = await new Api().error(SUBMIT, { input });
    expect(error).toMatchObject({
      message: `input.retries.backoff: ${TIME}, got "z"`,
      extensions: {
        code: 'BAD_USER_INPUT',
        field: 'input.retries.backoff',
        faults: fields.map((field) => ({
          code: 'BAD_USER_INPUT',
          field,
          message: expect.stringMatching(new RegExp(`^${field.replace(/[[\].]/g, '\\$&')}: expected `)),
        })),
      },
    });
  });

  it('is reported with the name of the field elsewhere too', async () => {
    const api = new Api();
    const stop = await api.error(
      'mutation { stopJob(input: { jobId: "1", gracePeriod: "x" }) { job { id } } }',
    );
    expect(stop.message).toBe(`input.gracePeriod: ${TIME}, got "x"`);
    const { id } = api.jobs.add();
    const logs = await api.error('query ($id: ID!) { job(id: $id) { logs(first: "x") { cursor } } }', { id });
    expect(logs.message).toBe(`first: ${SIZE}, got "x"`);
  });
});

describe('input of the wrong type', () => {
  it('in a variable is BAD_USER_INPUT and names the field', async () => {
    const api = new Api();
    const error = await api.error(SUBMIT, { input: { command: 'true', limits: { pids: 'many' } } });
    expect(error.extensions?.['code']).toBe('BAD_USER_INPUT');
    expect(error.message).toContain('"input.limits.pids"');
    expect(error.message).toContain('"many"');
  });

  it('that has an unknown field is BAD_USER_INPUT in a variable', async () => {
    const error = await new Api().error(SUBMIT, { input: { command: 'true', limits: { memroy: 1 } } });
    expect(error.extensions?.['code']).toBe('BAD_USER_INPUT');
    expect(error.message).toContain('"memroy"');
  });

  it('that is missing is BAD_USER_INPUT', async () => {
    const error = await new Api().error(SUBMIT, {});
    expect(error.extensions?.['code']).toBe('BAD_USER_INPUT');
    expect(error.message).toContain('$input');
  });

  it('that is null where null is not allowed is BAD_USER_INPUT', async () => {
    const error = await new Api().error('query ($id: ID = "x") { job(id: $id) { id } }', { id: null });
    expect(error.extensions?.['code']).toBe('BAD_USER_INPUT');
    expect(error.message).toContain('"id"');
  });

  it.each([
    'mutation { submitJob(input: { command: 5 }) { job { id } } }',
    'mutation { submitJob(input: { command: "true", nope: 1 }) { job { id } } }',
    'mutation { submitJob(input: { command: "true", network: HOST }) { job { id } } }',
    'query ($unused: ID) { server { version } }',
    '{ nope }',
  ])('in the document is GRAPHQL_VALIDATION_FAILED: %s', async (document) => {
    expect((await new Api().error(document)).extensions?.['code']).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  it('that is not a document is GRAPHQL_PARSE_FAILED', async () => {
    expect((await new Api().error('{')).extensions?.['code']).toBe('GRAPHQL_PARSE_FAILED');
  });
});

describe('a result that does not fit the schema', () => {
  it("is the server's fault, and masked", async () => {
    const api = new Api();
    const { id } = api.jobs.add({
      status: 'COMPLETED',
      startedAt: new Date(),
      finishedAt: new Date(),
      termination: { kind: 'exited', code: 2 ** 40 },
      usage: null,
      hits: [],
      output: null,
      input: null,
      artifacts: [],
    });
    const error = await api.error('query ($id: ID!) { job(id: $id) { exitCode } }', { id });
    expect(error).toMatchObject({
      message: 'Unexpected error.',
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    });
    expect(api.lines.join()).toContain('1099511627776');
  });
});

describe('stopJob', () => {
  it.each([
    ['', 10_000],
    ['gracePeriod: null', 10_000],
    ['gracePeriod: 0', 0],
    ['gracePeriod: "1m"', 60_000],
  ])('with %j waits %d ms', async (grace, gracePeriodMs) => {
    const api = new Api();
    const { id } = api.jobs.add();
    const document = `mutation ($id: ID!) { stopJob(input: { jobId: $id ${grace} }) { job { id } } }`;
    expect(await api.data(document, { id })).toEqual({ stopJob: { job: { id } } });
    expect(api.jobs.stopped).toEqual([{ id, gracePeriodMs }]);
  });
});
