/** Invalid input gets an error that names the field. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const SUBMIT = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';

/** Everything that a submission creates: rows and folders. */
const traces = async (): Promise<unknown> => {
  const { jobs } = await server.query<{ jobs: { totalCount: number } }>('{ jobs { totalCount } }');
  // The folder of a prepared cell begins with a dot.
  const folders = readdirSync(join(server.stateDir, 'jobs')).filter((name) => !name.startsWith('.'));
  return { rows: jobs.totalCount, folders: folders.length };
};

interface Refusal {
  readonly code: unknown;
  readonly message: string;
}

const refusal = async (query: string, variables: unknown = {}): Promise<Refusal> => {
  const { errors } = await server.ask(query, variables);
  const [error] = errors ?? [];
  if (error === undefined) throw new Error('it was not refused');
  return { code: error.extensions?.['code'], message: error.message };
};

const LONG = 'x'.repeat(10 * 1024 * 1024);

describe('a submission with bad input is refused by name and leaves nothing', () => {
  it.each<[string, unknown, ...string[]]>([
    ['both', { command: 'true', argv: ['true'] }, 'input:', 'exactly one of command and argv', 'both'],
    ['neither', {}, 'input:', 'exactly one of command and argv', 'neither'],
    ['empty command', { command: ' ' }, 'input.command:', 'a command line'],
    ['empty argv', { argv: [] }, 'input.argv:', 'at least one argument', '[]'],
    ['empty program', { argv: [''] }, 'input.argv[0]:'],
    ['NUL in command', { command: 'a\0b' }, 'input.command:', 'without NUL', '\\u0000'],
    ['NUL in argv', { argv: ['true', 'a\0'] }, 'input.argv[1]:', 'without NUL'],
    [
      'NUL in env',
      { command: 'true', env: [{ name: 'A', value: '\0' }] },
      'input.env[0].value:',
      'without NUL',
    ],
    ['name with =', { command: 'true', env: [{ name: 'A=B', value: '' }] }, 'input.env[0].name:', '"A=B"'],
    ['no name', { command: 'true', env: [{ name: '', value: '' }] }, 'input.env[0].name:'],
    ['image', { command: 'true', image: 'nosuch' }, 'input.image:', 'alpine', '"nosuch"'],
    ['user', { command: 'true', user: 'nosuch' }, 'input.user:', '"nosuch"'],
    ['user -1', { command: 'true', user: '-1' }, 'input.user:', '"-1"'],
    ['user 2^32-1', { command: 'true', user: '4294967295' }, 'input.user:'],
    ['user 2^32', { command: 'true', user: '4294967296' }, 'input.user:'],
    ['group', { command: 'true', user: 'nobody:nosuch' }, 'input.user:', '"nobody:nosuch"'],
    ['group, empty', { command: 'true', user: 'nobody:' }, 'input.user:', '"nobody:"'],
    ['two groups', { command: 'true', user: '0:0:0' }, 'input.user:', '"0:0:0"'],
    ['stop signal', { command: 'true', stopSignal: 'SIGNOSUCH' }, 'input.stopSignal:', '"SIGNOSUCH"'],
    ['half a character in argv', { argv: ['echo', '\ud800'] }, 'input.argv[1]:', '"\\ud800"'],
    ['half a character in command', { command: 'echo \udfff' }, 'input.command:', 'surrogates'],
    ['half a character in stdin', { command: 'cat', stdin: 'a\ud83d' }, 'input.stdin:', 'surrogates'],
    [
      'half a character in env',
      { command: 'env', env: [{ name: 'A', value: '\ud83d ' }] },
      'input.env[0].value:',
      'surrogates',
    ],
    [
      'half a character in the name of a variable',
      { command: 'env', env: [{ name: '\ud83d', value: '' }] },
      'input.env[0].name:',
      'surrogates',
    ],
    ['half a character in name', { command: 'env', name: '\ud83d' }, 'input.name:', 'surrogates'],
    ['half a character in workdir', { command: 'env', workdir: '/\ud83d' }, 'input.workdir:', 'surrogates'],
    ['half a character in user', { command: 'env', user: '\ud83d' }, 'input.user:', 'surrogates'],
    [
      'half a character in a label',
      { command: 'env', labels: [{ key: 'k', value: '\ud83d' }] },
      'input.labels[0].value:',
      'surrogates',
    ],
    [
      'half a character in a key',
      { command: 'env', idempotencyKey: '\ud83d' },
      'input.idempotencyKey:',
      'surrogates',
    ],
    ['text and bytes', { argv: ['a'], argvBytes: ['YQ=='] }, 'input.argvBytes:', 'no argv as well', 'both'],
    ['two stdins', { command: 'cat', stdin: '', stdinBytes: '' }, 'input.stdinBytes:', 'no stdin', 'both'],
    ['bytes and words', { command: 'a', argvBytes: ['YQ=='] }, 'input:', 'exactly one of command and argv'],
    ['no base64', { argvBytes: ['YQ==', 'a'] }, 'input.argvBytes[1]:', 'bytes in base64', '"a"'],
    ['no base64 as command', { commandBytes: 'a' }, 'input.commandBytes:', 'bytes in base64', '"a"'],
    ['NUL in bytes', { argvBytes: ['YQ==', 'YQA='] }, 'input.argvBytes[1]:', 'without NUL'],
    ['empty command of bytes', { commandBytes: '' }, 'input.commandBytes:', 'a command line'],
    ['empty program of bytes', { argvBytes: [''] }, 'input.argvBytes[0]:', 'the name of a program'],
    ['no value', { command: 'a', env: [{ name: 'A' }] }, 'input.env[0]:', 'value or valueBytes', 'neither'],
    [
      'another value',
      { command: 'a', env: [{ name: 'A', value: 'b', valueBytes: 'YQ==' }] },
      'input.env[0].value:',
      'the text of valueBytes',
      '"b"',
    ],
    [
      'NUL in the bytes of a variable',
      { command: 'a', env: [{ name: 'A', valueBytes: 'YQA=' }] },
      'input.env[0].valueBytes:',
      'without NUL',
    ],
    [
      'long argument of bytes',
      { argvBytes: ['YQ==', Buffer.alloc(131_072, 0xff).toString('base64')] },
      'input.argvBytes[1]:',
      'at most 131071 bytes',
      '131072 bytes',
    ],
    ['user 0x0', { command: 'true', user: '0x0' }, 'input.user:'],
    ['workdir', { command: 'true', workdir: '/nosuch' }, 'input.workdir:', '"/nosuch"'],
    ['workdir of a file', { command: 'true', workdir: '/etc/passwd' }, 'input.workdir:'],
    ['relative workdir', { command: 'true', workdir: 'tmp' }, 'input.workdir:', 'an absolute path'],
    [
      'capabilities for a user',
      { command: 'true', user: 'nobody', capabilities: 'ROOT_IN_CELL' },
      'input.capabilities:',
      'ROOT_IN_CELL for nobody',
    ],
    ['hostname', { command: 'true', hostname: 'a b' }, 'input.hostname:', '"a b"'],
    ['long command', { command: LONG }, 'input.command:', 'at most 1048576 bytes', '10485760 bytes'],
    ['long argument', { argv: ['echo', 'x'.repeat(131072)] }, 'input.argv[1]:', '131072 bytes'],
    ['many arguments', { argv: Array(20).fill('x'.repeat(100_000)) }, 'input:', '1048576'],
    ['negative timeout', { command: 'true', limits: { timeout: -1 } }, 'input.limits.timeout:', '-1'],
    ['zero timeout', { command: 'true', limits: { timeout: 0 } }, 'input.limits.timeout:', 'got 0'],
    ['odd timeout', { command: 'true', limits: { timeout: 'soon' } }, 'input.limits.timeout:', '"soon"'],
    ['absurd timeout', { command: 'true', limits: { timeout: '99999999d' } }, 'input.limits.timeout:'],
    ['negative output', { command: 'true', limits: { output: '-1K' } }, 'input.limits.output:', '"-1K"'],
    ['zero output', { command: 'true', limits: { output: 0 } }, 'input.limits.output:'],
    ['odd disk', { command: 'true', limits: { disk: '12 parsecs' } }, 'input.limits.disk:', '"12 parsecs"'],
    ['absurd disk', { command: 'true', limits: { disk: '8388608T' } }, 'input.limits.disk:'],
    ['negative cpus', { command: 'true', limits: { cpus: -1 } }, 'input.limits.cpus:', '-1'],
    ['zero memory', { command: 'true', limits: { memory: 0 } }, 'input.limits.memory:', 'got 0'],
    ['odd memory', { command: 'true', limits: { memory: 'lots' } }, 'input.limits.memory:', '"lots"'],
    ['zero pids', { command: 'true', limits: { pids: 0 } }, 'input.limits.pids:', 'got 0'],
    [
      'label twice',
      {
        command: 'true',
        labels: [
          { key: 'a', value: '' },
          { key: 'a', value: '' },
        ],
      },
      'input.labels[1].key:',
    ],
  ])('%s', async (_title, input, ...parts) => {
    const before = await traces();
    const { code, message } = await refusal(SUBMIT, { input });
    expect(code).toBe('BAD_USER_INPUT');
    for (const part of parts) expect(message).toContain(part);
    expect(message.length).toBeLessThan(500);
    expect(await traces()).toEqual(before);
  });

  it('and for everything that is wrong with it at once', async () => {
    const before = await traces();
    const input = {
      command: ' ',
      workdir: '/nosuch',
      limits: { timeout: 'soon', disk: 0 },
      idempotencyKey: '',
    };
    const { errors } = await server.ask(SUBMIT, { input });
    expect(errors).toHaveLength(1);
    const { code, field, faults } = errors?.[0]?.extensions ?? {};
    expect({ code, field }).toEqual({ code: 'BAD_USER_INPUT', field: 'input.limits.timeout' });
    expect(faults).toEqual(
      [
        ['input.limits.timeout', 'a duration', '"soon"'],
        ['input.command', 'a command line', '" "'],
        ['input.workdir', 'a folder', '"/nosuch"'],
        ['input.limits.disk', 'from 65536', '0'],
        ['input.idempotencyKey', 'from 1', '""'],
      ].map(([name, expected, got]) => ({
        code: 'BAD_USER_INPUT',
        field: name,
        message: expect.stringMatching(new RegExp(`^${name}: expected ${expected}.*, got ${got}$`)),
      })),
    );
    expect(await traces()).toEqual(before);
  });

  it('also when the value stands in the document itself', async () => {
    const { code, message } = await refusal(
      'mutation { submitJob(input: { command: "true", limits: { timeout: "soon" } }) { job { id } } }',
    );
    expect(code).toBe('BAD_USER_INPUT');
    expect(message).toContain('input.limits.timeout: expected a duration');
  });

  it('also when a field is unknown or of another type', async () => {
    for (const input of [
      { command: 'true', nosuch: 1 },
      { command: 1 },
      { command: 'true', limits: { pids: 'x' } },
    ])
      expect((await refusal(SUBMIT, { input })).code).toBe('BAD_USER_INPUT');
  });
});

describe('a limit that this host cannot enforce', () => {
  it('is refused with the controller and the remedy, or enforced', async () => {
    const { server: info } = await server.query<{ server: { cgroup: { controllers: string[] } } }>(
      '{ server { cgroup { controllers } } }',
    );
    const needs = { cpus: 'cpu', memory: 'memory', pids: 'pids' };
    for (const [limit, controller] of Object.entries(needs)) {
      const input = { command: 'true', limits: { [limit]: limit === 'memory' ? '64Mi' : 8 } };
      if (info.cgroup.controllers.includes(controller)) {
        expect((await server.run(input)).limits[limit]).not.toBeNull();
        continue;
      }
      const { code, message } = await refusal(SUBMIT, { input });
      expect(code).toBe('LIMIT_UNAVAILABLE');
      expect(message).toContain(`input.limits.${limit}`);
      expect(message).toContain(`"${controller}"`);
      expect((await server.run({ command: 'true' })).limits[limit]).toBeNull();
    }
  });
});

describe('an unknown job', () => {
  it.each([
    ['{ job(id: "nosuch") { id } }', 'id:'],
    ['{ node(id: "nosuch") { id } }', 'id:'],
    ['{ nodes(ids: ["nosuch"]) { id } }', 'ids[0]:'],
    ['mutation { stopJob(input: { jobId: "nosuch" }) { job { id } } }', 'input.jobId:'],
  ])('is reported as NOT_FOUND: %s', async (query, field) => {
    const { code, message } = await refusal(query);
    expect(code).toBe('NOT_FOUND');
    expect(message).toContain(field);
    expect(message).toContain('"nosuch"');
  });
});

describe('a page', () => {
  it.each([
    ['jobs(first: 0)', 'first:'],
    ['jobs(first: 101)', 'first:'],
    ['jobs(last: -1)', 'last:'],
    ['jobs(first: 1, last: 1)', 'last:'],
    ['jobs(after: "banana")', 'after:'],
    ['jobs(before: "")', 'before:'],
    ['jobs(filter: { createdAfter: "yesterday" })', 'filter.createdAfter:'],
  ])('is refused: %s', async (field, name) => {
    const { code, message } = await refusal(`{ ${field} { totalCount } }`);
    expect(code).toBe('BAD_USER_INPUT');
    expect(message).toContain(name);
  });

  it.each([
    ['logs(after: "banana")', 'after:'],
    ['logs(after: "999999")', 'after:'],
    ['logs(after: "-1")', 'after:'],
    ['logs(tail: -1)', 'tail:'],
    ['logs(tail: 1, after: "0")', 'tail:'],
    ['logs(offset: 1, tail: 1)', 'offset:'],
    ['logs(since: "today")', 'since:'],
    ['logs(grep: "")', 'grep:'],
    ['logs(grep: "a\\nb")', 'grep:'],
    ['logs(grep: "(", regex: true)', 'grep: expected a regular expression of RE2 (missing closing )'],
    ['logs(grep: "(?=x)", regex: true)', 'grep:'],
    ['logs(regex: true)', 'regex:'],
    ['logs(context: 1)', 'context:'],
    ['logs(grep: "x", context: 101)', 'context:'],
    ['logs(grep: "x", context: -1)', 'context:'],
    ['logs(line: 0)', 'line:'],
    ['logs(line: 1, after: "0")', 'line:'],
    ['logs(tail: 1, line: 1)', 'tail:'],
    ['logs(first: 0)', 'first:'],
    ['logs(first: "4G")', 'first:'],
    ['logs(maxBytes: 0)', 'maxBytes:'],
    ['logs(maxBytes: "1025Ki")', 'maxBytes:'],
    ['logs(maxBytes: 1, first: 1)', 'first:'],
  ])('of a log is refused: %s', async (field, name) => {
    const { id } = await server.run({ command: 'echo x' });
    const query = `query ($id: ID!) { job(id: $id) { status ${field} { cursor } } }`;
    const { code, message } = await refusal(query, { id });
    expect(code).toBe('BAD_USER_INPUT');
    expect(message).toContain(name);
    expect((await server.ask(query, { id })).data).toEqual({ job: { status: 'COMPLETED', logs: null } });
  });
});

describe('a page of a log with several bad arguments', () => {
  it('is refused for all of them at once', async () => {
    const { id } = await server.run({ command: 'echo x' });
    const query =
      'query ($id: ID!) { job(id: $id) { logs(tail: -1, maxBytes: 0, grep: "", context: 101) { cursor } } }';
    const { errors } = await server.ask(query, { id });
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'tail',
      faults: [{ field: 'tail' }, { field: 'maxBytes' }, { field: 'grep' }, { field: 'context' }],
    });
  });
});

describe('a stop', () => {
  it('with a bad grace period is refused and stops nothing', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    for (const gracePeriod of ['soon', -1])
      expect(
        await refusal('mutation ($input: StopJobInput!) { stopJob(input: $input) { job { id } } }', {
          input: { jobId: id, gracePeriod },
        }),
      ).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringContaining('input.gracePeriod:') });
    expect(['QUEUED', 'RUNNING']).toContain((await server.job(id)).status);
    await server.stop(id, 0);
  });
});

describe('an operation on a job that runs, over a WebSocket', () => {
  const WRITE = 'mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }';
  const RESIZE = 'mutation ($input: ResizeTerminalInput!) { resizeTerminal(input: $input) { job { id } } }';
  const EXEC = 'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }';
  const RUN = 'mutation ($wait: Duration) { runJob(input: { command: "true" }, wait: $wait) { job { id } } }';
  const LOGS = `subscription ($jobId: ID!, $line: Int, $grep: String, $regex: Boolean, $context: Int) {
    logs(jobId: $jobId, line: $line, grep: $grep, regex: $regex, context: $context) { cursor } }`;
  /** The ids of the jobs that the operations are sent to, by name. */
  const jobs: Record<string, string> = {};
  let client: Client;
  /** The number of connections that it made. */
  let connections = 0;

  beforeAll(async () => {
    const inputs = {
      reader: { argv: ['cat'], openStdin: true },
      fed: { argv: ['sh', '-c', 'cat; sleep 1000'], openStdin: true },
      silent: { argv: ['sleep', '1000'] },
      paused: { argv: ['sleep', '1000'], openStdin: true },
      shell: { argv: ['cat'], terminal: { rows: 24, columns: 80 } },
      ended: { argv: ['true'] },
    };
    for (const [name, input] of Object.entries(inputs)) jobs[name] = await server.submit(input);
    await server.ended(jobs['ended'] ?? '');
    for (const name of ['reader', 'fed', 'silent', 'paused', 'shell']) await server.running(jobs[name] ?? '');
    await server.pause(jobs['paused'] ?? '');
    await server.query(WRITE, { input: { jobId: jobs['fed'], offset: 0, text: 'all\n', endOfInput: true } });
    client = createClient({
      url: server.url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${server.token}` },
      lazy: false,
      retryAttempts: 0,
      on: { connected: () => connections++ },
    });
  });

  afterAll(async () => {
    await client.dispose();
    for (const name of ['reader', 'fed', 'silent', 'paused', 'shell']) await server.stop(jobs[name] ?? '', 0);
  });

  /** The error of one operation, which must be its only result. */
  const refusalOf = async (query: string, variables: Record<string, unknown>): Promise<string> => {
    try {
      for await (const { data, errors } of client.iterate({ query, variables })) {
        const [error] = errors ?? [];
        if (error === undefined) return `no error: ${JSON.stringify(data)}`;
        return `${error.extensions?.['code']} ${error.message}`;
      }
      return 'no answer';
    } catch (error) {
      // The error of a document that is not executed at all.
      const [first] = error as { message: string; extensions?: Record<string, unknown> }[];
      return `${first?.extensions?.['code']} ${first?.message}`;
    }
  };

  const size = (rows: unknown, columns: unknown) => ({ rows, columns });

  it.each<[string, string, string, Record<string, unknown>, RegExp]>([
    [
      'an offset of -1',
      WRITE,
      'reader',
      { offset: -1, text: 'a' },
      /^BAD_USER_INPUT input\.offset: .* got -1$/,
    ],
    [
      'an offset of text',
      WRITE,
      'reader',
      { offset: 'x', text: 'a' },
      /^BAD_USER_INPUT input\.offset: .*"x"$/,
    ],
    ['an offset of a list', WRITE, 'reader', { offset: [], text: 'a' }, /^BAD_USER_INPUT .*offset.*/s],
    ['an offset of 2^53', WRITE, 'reader', { offset: 2 ** 53, text: 'a' }, /^BAD_USER_INPUT input\.offset: /],
    [
      'a gap',
      WRITE,
      'reader',
      { offset: 1, text: 'a' },
      /^BAD_USER_INPUT input\.offset: .*at most 0, .* got 1$/,
    ],
    ['no offset', WRITE, 'reader', { text: 'a' }, /^BAD_USER_INPUT .*offset/s],
    ['a number as text', WRITE, 'reader', { offset: 0, text: 7 }, /^BAD_USER_INPUT .*input\.text/s],
    [
      'half a character',
      WRITE,
      'reader',
      { offset: 0, text: '\ud800' },
      /^BAD_USER_INPUT input\.text: .*surrogates/,
    ],
    ['no base64', WRITE, 'reader', { offset: 0, bytes: '%' }, /^BAD_USER_INPUT input\.bytes: .*base64/],
    ['text and bytes', WRITE, 'reader', { offset: 0, text: 'a', bytes: 'YQ==' }, /^BAD_USER_INPUT input/],
    [
      'too much',
      WRITE,
      'reader',
      { offset: 0, text: 'x'.repeat(2 ** 20 + 1) },
      /^BAD_USER_INPUT input: .*1048577 bytes/,
    ],
    ['an unknown field', WRITE, 'reader', { offset: 0, text: '', more: 1 }, /^BAD_USER_INPUT .*"more"/s],
    [
      'an end of no truth value',
      WRITE,
      'reader',
      { offset: 0, endOfInput: 'yes' },
      /^BAD_USER_INPUT .*endOfInput/s,
    ],
    ['more after the end', WRITE, 'fed', { offset: 4, text: 'a' }, /^STDIN_CLOSED .*after 4 bytes/],
    ['other bytes', WRITE, 'fed', { offset: 0, text: 'ALL' }, /^BAD_USER_INPUT input\.offset: .*or 4/],
    ['input of none', WRITE, 'silent', { offset: 0, text: 'a' }, /^BAD_USER_INPUT input\.jobId: .*openStdin/],
    [
      'input after the job',
      WRITE,
      'ended',
      { offset: 0, text: 'a' },
      /^JOB_NOT_RUNNING input\.jobId: .*COMPLETED$/,
    ],
    ['input of nobody', WRITE, 'nobody', { offset: 0, text: 'a' }, /^NOT_FOUND input\.jobId: .*"nobody"$/],
    ['0 x 0', RESIZE, 'shell', size(0, 0), /^BAD_USER_INPUT input\.rows: .*from 1 to 4096, got 0$/],
    ['100,000 columns', RESIZE, 'shell', size(24, 100_000), /^BAD_USER_INPUT input\.columns: .*got 100000$/],
    ['a negative size', RESIZE, 'shell', size(-24, 80), /^BAD_USER_INPUT input\.rows: .*got -24$/],
    ['half a row', RESIZE, 'shell', size(1.5, 80), /^BAD_USER_INPUT .*rows/s],
    ['rows as text', RESIZE, 'shell', size('24', 80), /^BAD_USER_INPUT .*rows/s],
    ['2^31 rows', RESIZE, 'shell', size(2 ** 31, 80), /^BAD_USER_INPUT .*rows/s],
    [
      'a size of no terminal',
      RESIZE,
      'silent',
      size(24, 80),
      /^BAD_USER_INPUT input\.jobId: .*with a terminal/,
    ],
    ['a size after the job', RESIZE, 'ended', size(24, 80), /^JOB_NOT_RUNNING input\.jobId: /],
    ['a size of nobody', RESIZE, 'nobody', size(24, 80), /^NOT_FOUND input\.jobId: /],
    ['no command', EXEC, 'silent', {}, /^BAD_USER_INPUT input: .*exactly one of command and argv/],
    ['two commands', EXEC, 'silent', { command: 'a', argv: ['a'] }, /^BAD_USER_INPUT input: .*"both"$/],
    ['arguments of numbers', EXEC, 'silent', { argv: [1] }, /^BAD_USER_INPUT .*argv/s],
    [
      'a long command',
      EXEC,
      'silent',
      { command: 'x'.repeat(2 ** 20 + 1) },
      /^BAD_USER_INPUT input\.command: .*1048577 bytes/,
    ],
    [
      'a terminal of 0 x 0',
      EXEC,
      'silent',
      { command: 'a', terminal: size(0, 0) },
      /^BAD_USER_INPUT input\.terminal\.rows: /,
    ],
    ['no such user', EXEC, 'silent', { command: 'a', user: '-1' }, /^BAD_USER_INPUT input\.user: /],
    [
      'a relative workdir',
      EXEC,
      'silent',
      { command: 'a', workdir: 'tmp' },
      /^BAD_USER_INPUT input\.workdir: /,
    ],
    [
      'a command after the job',
      EXEC,
      'ended',
      { command: 'a' },
      /^JOB_NOT_RUNNING input\.jobId: .*COMPLETED$/,
    ],
    ['a command for a paused job', EXEC, 'paused', { command: 'a' }, /^UNAVAILABLE the job is paused/],
    ['a command for nobody', EXEC, 'nobody', { command: 'a' }, /^NOT_FOUND input\.jobId: /],
  ])('is refused for %s', async (_name, query, job, input, expected) => {
    const before = await traces();
    expect(await refusalOf(query, { input: { jobId: jobs[job] ?? job, ...input } })).toMatch(expected);
    expect(await traces()).toEqual(before);
  });

  it.each<[string, string, Record<string, unknown>, RegExp]>([
    ['a wait of no duration', RUN, { wait: 'soon' }, /^BAD_USER_INPUT wait: expected a duration .*"soon"$/],
    ['a wait of days', RUN, { wait: '9d' }, /^BAD_USER_INPUT wait: .*from 0 to 24h/],
    ['line 0', LOGS, { line: 0 }, /^BAD_USER_INPUT line: .*got 0$/],
    ['a line of text', LOGS, { line: '1' }, /^BAD_USER_INPUT .*line/s],
    [
      'no expression',
      LOGS,
      { grep: '(a', regex: true },
      /^BAD_USER_INPUT grep: .*RE2 \(missing closing \): `\(a`\)/,
    ],
    ['look-around', LOGS, { grep: '(?=a)', regex: true }, /^BAD_USER_INPUT grep: .*RE2/],
    [
      'an expression of a gigabyte',
      LOGS,
      { grep: '((a{1000}){1000}){1000}', regex: true },
      /^BAD_USER_INPUT grep: /,
    ],
    ['a long text', LOGS, { grep: 'x'.repeat(1025) }, /^BAD_USER_INPUT grep: /],
    ['101 lines around', LOGS, { grep: 'a', context: 101 }, /^BAD_USER_INPUT context: .*got 101$/],
    ['nobody', LOGS, { jobId: 'nobody' }, /^NOT_FOUND jobId: .*"nobody"$/],
  ])('is refused for %s, as an argument', async (_name, query, variables, expected) => {
    const before = await traces();
    expect(await refusalOf(query, { jobId: jobs['ended'], ...variables })).toMatch(expected);
    expect(await traces()).toEqual(before);
  });

  it('leaves the connection and the jobs as they were', async () => {
    expect(connections).toBe(1);
    const write = { input: { jobId: jobs['reader'], offset: 0, text: 'right\n', endOfInput: true } };
    expect(await refusalOf(WRITE, write)).toBe('no error: {"writeStdin":{"accepted":6}}');
    expect((await server.ended(jobs['reader'] ?? '')).exitCode).toBe(0);
    expect((await server.output(jobs['reader'] ?? '')).stdout).toBe('right\n');
  });
});
