/** The command line against a fake server: help, bad use, output and exit codes. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Terminal } from '../support/terminal.ts';
import { type FakeJob, FakeServer, TOKEN } from './fake-server.ts';

const bin = join(import.meta.dirname, '../../bin/cloister');

let server: FakeServer;
let folder: string;

beforeEach(async () => {
  server = await FakeServer.start();
  folder = await mkdtemp(join(tmpdir(), 'cloister-cli-'));
});

// Shared by all tests, or each of them would compile everything again.
let cache: string;

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'cloister-cli-cache-'));
});

afterAll(async () => {
  await rm(cache, { recursive: true });
});

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

interface Surroundings {
  readonly command?: string;
  /** Standard input; nothing without it. */
  readonly input?: 'pipe';
}

const start = (
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { command = bin, input }: Surroundings = {},
): ChildProcess => {
  const child = spawn(command, args, {
    stdio: [input ?? 'ignore', 'pipe', 'pipe'],
    env: {
      PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter),
      CLOISTER_URL: server.url.href,
      CLOISTER_TOKEN: TOKEN,
      HOME: folder,
      XDG_CACHE_HOME: cache,
      ...env,
    },
  });
  children.push(child);
  return child;
};

interface Outcome {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly out: string;
  readonly err: string;
}

const finished = async (child: ChildProcess): Promise<Outcome> => {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error('the child was started without pipes');
  const [out, err] = await Promise.all([buffer(stdout), buffer(stderr), once(child, 'close')]);
  return { code: child.exitCode, stdout: out, out: out.toString(), err: err.toString() };
};

/** Settles when the child has written something to its stdout. */
const written = async (child: ChildProcess): Promise<void> => {
  const ended = once(child, 'close').then(() =>
    Promise.reject(new Error(`ended with ${child.exitCode} before`)),
  );
  await Promise.race([once(child.stdout ?? expect.unreachable(), 'data'), ended]);
  ended.catch(() => undefined);
};

const cloister = (args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome> =>
  finished(start(args, env));

/** A command takes its time to start on a busy machine. */
const SLOW = { timeout: 100_000 };

const COMPLETED = { status: 'COMPLETED', exitCode: 0 };

describe('help', () => {
  it.each([
    [],
    ['serve'],
    ['submit'],
    ['run'],
    ['status'],
    ['logs'],
    ['stop'],
    ['list'],
    ['doctor'],
    ['schema'],
    ['rerun'],
    ['wait'],
    ['events'],
    ['top'],
    ['prune'],
    ['api'],
    ['open'],
    ['completion'],
  ])('is given for %j', async (...command) => {
    const words = command.filter((word) => typeof word === 'string');
    const { code, out, err } = await cloister([...words, '-h']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`^Usage: ${['cloister', ...words].join(' ')} `));
  });

  it('names the variable and the default of a setting', async () => {
    const { out } = await cloister(['serve', '-h'], { COLUMNS: '200' });
    expect(out.replace(/\s+/g, ' ')).toContain('(CLOISTER_LISTEN; default: 127.0.0.1:8080)');
  });

  it('prints the version', async () => {
    expect((await cloister(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('bad use', () => {
  it.each([
    [['nosuch'], 1, "cloister: unknown command 'nosuch'"],
    [['status'], 1, "cloister: missing required argument 'jobs'"],
    [['status', 'a', '--nosuch'], 1, "cloister: unknown option '--nosuch'"],
    [['run', '-x', 'ls'], 125, "cloister: unknown option '-x'"],
    [['run'], 125, 'cloister: give a command: '],
    [
      ['submit', 'ls -l', '--json'],
      1,
      'cloister: expected flags before the command, got "--json" after it. ',
    ],
    [['submit', '--env', 'A', 'true'], 1, 'cloister: --env: expected NAME=VALUE, or the NAME of a variable'],
    [
      ['run', '--timeout', '10', 'sleep 1'],
      125,
      'cloister: --timeout: expected a unit, such as 10s for seconds or 10ms for milliseconds, got "10"\n',
    ],
    [['stop', 'x', '--grace', '5'], 1, 'cloister: --grace: expected a unit, such as 5s'],
    [['run', '--memory', 'lots', 'x'], 125, 'cloister: --memory: expected a size such as 512Mi, 64m or 1.5G'],
    [['ps', '-a'], 1, `cloister: unknown command 'ps': "cloister list" lists jobs`],
    [['rm', 'x'], 1, `cloister: unknown command 'rm': "cloister delete JOB" deletes a job that has ended`],
    [['frobnicate'], 1, `cloister: unknown command 'frobnicate'\n`],
    [['image', 'ls'], 1, `cloister: unknown command 'ls': "cloister image list" lists images\n`],
    [['images'], 1, `cloister: unknown command 'images': "cloister image list" lists images\n`],
    [['pull', 'debian'], 1, `cloister: unknown command 'pull': "cloister image pull IMAGE" adds`],
    [['stop', '-t', '5', 'x'], 1, `cloister: unknown option '-t': it is "--grace", such as "--grace 5s"\n`],
    [['list', '-a'], 1, `cloister: unknown option '-a': "cloister list" lists jobs, running and ended`],
    [['run', '--net', 'host', 'true'], 125, `cloister: unknown option '--net': a job has no network\n`],
    [['-v'], 1, `cloister: unknown option '-v': it is "--version"\n`],
    [['run', '--rm', 'true'], 125, `cloister: unknown option '--rm': a job stays until retention`],
    [['run', '-v', '/a:/b', 'true'], 125, `cloister: unknown option '-v': a job sees no folder of the host`],
    [['run', '--publish=80', 'true'], 125, `cloister: unknown option '--publish=80': nothing outside can`],
    [['run', '--memroy', '1G', 'true'], 125, `cloister: unknown option '--memroy'\n(Did you mean --memory?)`],
    [['list', '--status', 'DONE'], 1, 'cloister: --status: expected one of QUEUED, RUNNING, COMPLETED, '],
    [['list', '--url', 'ftp://x'], 1, 'cloister: --url: expected an http or https URL'],
    [['status', 'nosuch'], 1, 'cloister: no job with id or name "nosuch"\n'],
    [['logs', 'nosuch', '-f'], 1, 'cloister: no job with id or name "nosuch"\n'],
    [['stop', 'nosuch'], 1, 'cloister: no job with id or name "nosuch"\n'],
    [['serve', '--listen', '0.0.0.0:80'], 1, 'cloister: --listen: 0.0.0.0 is not a loopback address'],
  ])('%j is reported on stderr, with exit code %d', async (args, code, message) => {
    const outcome = await cloister(args);
    expect(outcome).toMatchObject({ code, out: '' });
    expect(outcome.err.slice(0, message.length)).toBe(message);
    expect(outcome.err).not.toMatch(/^\s+at /m);
  });

  it('says that the server cannot be reached, in `run` with a code that no job exits with', async () => {
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const message = `cloister: cannot reach ${url.href}: connection refused. Is the server running?`;
    for (const [command, code] of [
      ['submit', 1],
      ['run', 125],
    ] as const) {
      const outcome = await cloister([command, 'true'], { CLOISTER_URL: url.href });
      expect(outcome).toMatchObject({ code, out: '' });
      expect(outcome.err).toContain(message);
    }
    server = await FakeServer.start();
  });
});

describe('the token', () => {
  it('is read from the state folder', async () => {
    await writeFile(join(folder, 'token'), `${TOKEN}\n`);
    const outcome = await cloister(['list'], { CLOISTER_TOKEN: '', CLOISTER_STATE_DIR: folder });
    expect(outcome).toMatchObject({ code: 0, err: '' });
  });

  it('is reported as not found, with the places that were searched', async () => {
    const outcome = await cloister(['list'], { CLOISTER_TOKEN: '', CLOISTER_STATE_DIR: folder });
    expect(outcome.code).toBe(1);
    expect(outcome.err).toBe(
      'cloister: sign in first: no token: give one with CLOISTER_TOKEN or --token, or a certificate with --cert and --key ' +
        `(looked in ${folder}/token: no such file)\n`,
    );
  });
});

describe('submit', () => {
  it('prints the id alone', async () => {
    expect(await cloister(['submit', 'ls -lah /'])).toMatchObject({ code: 0, out: 'job-1\n', err: '' });
    expect(server.jobs.get('job-1')?.input).toEqual({ command: 'ls -lah /', limits: {} });
  });

  it('sends the words after -- as they are, and the options', async () => {
    const { out } = await cloister(['submit', '--json', '--memory', '1Gi', '--', 'ls', '-h', '--', 'a b']);
    expect(JSON.parse(out)).toMatchObject({ id: 'job-1', argv: ['ls', '-h', '--', 'a b'] });
    expect(server.jobs.get('job-1')?.input).toEqual({
      argv: ['ls', '-h', '--', 'a b'],
      limits: { memory: '1Gi' },
    });
  });

  it('takes words as they are, and one string as a line for the shell', async () => {
    for (const words of [
      ['ls', '-l', '/'],
      ['echo', '--name', 'x', '--', '-h'],
    ])
      expect(await cloister(['submit', ...words])).toMatchObject({ code: 0, err: '' });
    await cloister(['submit', '-n', 'x', 'ls | wc']);
    await cloister(['submit', '--', 'ls | wc']);
    expect([...server.jobs.values()].map(({ input: { argv, command } }) => argv ?? command)).toEqual([
      ['ls', '-l', '/'],
      ['echo', '--name', 'x', '--', '-h'],
      'ls | wc',
      ['ls | wc'],
    ]);
  });

  it('takes variables from files, the shell and flags, the last one of a name', async () => {
    const file = join(folder, 'env');
    await writeFile(file, '# a comment\n\nA=of the file\n  B=b # c\r\nFROM_SHELL\n');
    const flags = ['-e', 'A=of the flag', '--env', 'ALSO', '--env-file', file, '-w', '/tmp', '-u', 'nobody'];
    await cloister(['submit', ...flags, 'env'], { FROM_SHELL: 'x=y', ALSO: '' });
    expect(server.jobs.get('job-1')?.input).toMatchObject({
      env: [
        { name: 'A', value: 'of the flag' },
        { name: 'B', value: 'b # c' },
        { name: 'FROM_SHELL', value: 'x=y' },
        { name: 'ALSO', value: '' },
      ],
      workdir: '/tmp',
      user: 'nobody',
    });
    expect((await cloister(['submit', '--env-file', file, 'env'])).err).toContain(
      `--env-file ${file}, line 5: expected NAME=VALUE, or the NAME of a variable that is set here, got "FROM_SHELL"`,
    );
  });

  it.each([
    ['submit -- printf %s "$(printf "a\\377")" é', { argvBytes: ['printf', '%s', 'a\xff', '\xc3\xa9'] }],
    ['submit "$(printf "echo \\377")"', { commandBytes: 'echo \xff' }],
    ['submit --env "X=$(printf "\\377")" env', { env: [{ name: 'X', valueBytes: '\xff' }] }],
    ['submit --env A env', { env: [{ name: 'A', valueBytes: '\xff=\xe2\x82' }] }],
    ['submit --env-file "$file" env', { env: [{ name: 'B', valueBytes: '\xfe' }] }],
    ['submit --stdin - cat <"$file"', { stdinBytes: '# \xfe\nB=\xfe\n' }],
    ['run cat <"$file"', { stdinBytes: '# \xfe\nB=\xfe\n' }],
    ['submit --env Y "echo \ufffd"', { command: 'echo \ufffd', env: [{ name: 'Y', value: '\ufffd' }] }],
  ])('sends bytes that are not UTF-8 as they are: %s', async (line, expected) => {
    const file = join(folder, 'bytes');
    await writeFile(file, '# \xfe\nB=\xfe\n', 'latin1');
    server.onSubmit = (job) => job.end({ status: 'COMPLETED', exitCode: 0 });
    const shell = `A=$(printf "\\377=\\342\\202") Y=\ufffd; export A Y; exec "$bin" ${line}`;
    const child = start(['-c', shell], { bin, file }, { command: '/bin/sh' });
    expect(await finished(child)).toMatchObject({ code: 0 });
    const { command, commandBytes, argv, argvBytes, env, stdin, stdinBytes } =
      server.jobs.get('job-1')?.input ?? {};
    const latin1 = (bytes: unknown): unknown =>
      typeof bytes === 'string' ? Buffer.from(bytes, 'base64').toString('latin1') : bytes;
    const sent = {
      command,
      argv,
      stdin,
      commandBytes: latin1(commandBytes),
      argvBytes: argvBytes?.map(latin1),
      stdinBytes: latin1(stdinBytes),
      env: env?.map(({ valueBytes, ...rest }) =>
        valueBytes == null ? rest : { ...rest, valueBytes: latin1(valueBytes) },
      ),
    };
    const given = Object.fromEntries(Object.entries(sent).filter(([, value]) => value != null));
    const words = 'env' in expected || 'stdinBytes' in expected ? { command: expect.any(String) } : {};
    expect(given).toEqual({ ...words, ...expected });
  });

  it.each([
    ['submit --name "$(printf "\\377")" env', '--name: expected text in UTF-8, got "\ufffd"'],
    ['submit --env "$(printf "\\377")=1" env', '--env: expected text in UTF-8, got "\ufffd"'],
    ['status "$(printf "a\\377")"', 'jobs: expected text in UTF-8, got "a\ufffd"'],
    ['logs x "$(printf "a\\377")"', 'jobs: expected text in UTF-8, got "a\ufffd"'],
    ['list --label "$(printf "k=\\377")"', '--label: expected text in UTF-8, got "k=\ufffd"'],
  ])('refuses bytes that are not UTF-8 where only text can be: %s', async (line, message) => {
    const child = start(['-c', `exec "$bin" ${line}`], { bin }, { command: '/bin/sh' });
    expect(await finished(child)).toMatchObject({ code: 1, out: '', err: `cloister: ${message}\n` });
    expect(server.jobs.size).toBe(0);
  });

  it('reads --env-file itself, and Node.js does not', async () => {
    const file = join(folder, 'variables');
    await writeFile(file, 'CLOISTER_URL=http://127.0.0.1:1/graphql\nNODE_OPTIONS=--no-such-flag\n');
    expect(await cloister(['submit', '--env-file', file, '--env-file', file, 'env'])).toMatchObject({
      code: 0,
    });
    expect(server.jobs.get('job-1')?.input.env).toHaveLength(2);
    expect(
      await cloister(['run', '--env-file', join(folder, 'nowhere'), 'env'], { CLOISTER_URL: undefined }),
    ).toMatchObject({
      code: 125,
      err: expect.stringMatching(/^cloister: --env-file: ENOENT/),
    });
  });

  it('starts a job later, at a time from now or a given one', async () => {
    const before = Date.now();
    await cloister(['submit', '--start-after', '10m', 'x']);
    const time = Date.parse(String(server.jobs.get('job-1')?.input.startAfter));
    expect(time).toBeGreaterThanOrEqual(before + 600_000);
    expect(time).toBeLessThanOrEqual(Date.now() + 600_000);
    await cloister(['submit', '--start-after', '2027-01-31T12:00:00+01:00', 'x']);
    expect(server.jobs.get('job-2')?.input.startAfter).toBe('2027-01-31T11:00:00.000Z');
    const keyed = await cloister(['submit', '--idempotency-key', 'k', '--start-after', '10m', 'x']);
    expect(keyed.err).toContain('--start-after: expected a time such as 2027-01-31T12:00:00Z together');
  });

  it('feeds our stdin to the command', async () => {
    const child = start(['submit', '--stdin', '-', 'cat'], {}, { input: 'pipe' });
    child.stdin?.end('größer\n');
    expect(await finished(child)).toMatchObject({ code: 0, out: 'job-1\n' });
    expect(server.jobs.get('job-1')?.input.stdin).toBe('größer\n');
  });
});

describe('status, stop and list', () => {
  it('print what the first client printed', async () => {
    server.job('a', { command: 'ls -lah /' }).end(COMPLETED);
    expect((await cloister(['status', 'a'])).out).toMatch(
      /^Status: COMPLETED\nExit code: 0\nId: a\nCommand: ls /,
    );
    server.job('b', { command: 'sleep 10m' });
    expect((await cloister(['stop', 'b', '--grace', '3s'])).out).toMatch(
      /^Status: STOPPED\nSignal: SIGTERM\n/,
    );
    expect(server.stops).toEqual([{ jobId: 'b', gracePeriod: '3s' }]);
  });

  it('take several jobs, and stop them at the same time', async () => {
    const allAsked = Promise.withResolvers<void>();
    server.onStop = async (job) => {
      if (server.stops.length === 3) allAsked.resolve();
      await allAsked.promise;
      job.end({ status: 'STOPPED', signal: 'SIGTERM' });
    };
    for (const id of ['a', 'b', 'c']) server.job(id, { command: `sleep ${id}` });
    const { code, out, err } = await cloister(['stop', 'a', 'nosuch', 'b', 'c']);
    expect({ code, err }).toEqual({ code: 1, err: 'cloister: nosuch: no job with id or name "nosuch"\n' });
    // In the order in which they were named, with an empty line between two.
    const shown = out.split('\n\n').map((job) => /^Status: STOPPED\n(?:.*\n)*Id: (.)\n/.exec(job)?.[1]);
    expect(shown).toEqual(['a', 'b', 'c']);
    const json = await cloister(['status', 'c', 'b', '--json']);
    expect(json.code).toBe(0);
    const jobs = JSON.parse(`[${json.out.replaceAll('}\n{', '},{')}]`) as { id: string }[];
    expect(jobs.map(({ id }) => id)).toEqual(['c', 'b']);
  });

  it('report once that the server cannot be reached', async () => {
    server.job('a');
    server.onStop = () => server.drop();
    const { code, out, err } = await cloister(['stop', 'a', 'a', 'a']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^cloister: cannot reach [^\n]*\n$/);
  });

  it('find the endpoint from the URL of the server', async () => {
    server.job('a').end(COMPLETED);
    for (const url of [server.url.origin, `${server.url.origin}/`])
      expect(await cloister(['wait', 'a'], { CLOISTER_URL: url })).toMatchObject({
        code: 0,
        out: 'a\tCOMPLETED\texit 0\n',
      });
  });

  it('give JSON', async () => {
    server.job('a').end(COMPLETED);
    server.job('b', { command: 'b' });
    expect(JSON.parse((await cloister(['status', 'a', '--json'])).out)).toMatchObject({
      id: 'a',
      exitCode: 0,
    });
    expect(JSON.parse((await cloister(['stop', 'b', '--json'])).out)).toMatchObject({
      id: 'b',
      status: 'STOPPED',
    });
    expect(JSON.parse((await cloister(['list', '--json'])).out)).toMatchObject([{ id: 'a' }, { id: 'b' }]);
  });

  it('list pages through as many jobs as asked for, in the states asked for', async () => {
    for (let count = 0; count < 130; count += 1) server.job(`j${count}`).end(COMPLETED);
    server.job('running', { command: '\x1b[31mred' });
    const lines = async (...args: string[]) => (await cloister(['list', ...args])).out.trimEnd().split('\n');
    expect(await lines()).toHaveLength(1 + 20);
    expect(await lines('--limit', '125')).toHaveLength(1 + 125);
    const running = await lines('--status', 'running,queued');
    expect(running).toHaveLength(2);
    expect(running[1]).toMatch(/^running\tRUNNING\t-\t\d+\w\t-\t-\t\\x1b\[31mred$/);
    expect(await lines('-q', '--status', 'running')).toEqual(['running']);
  });
});

describe('a job', () => {
  const a = '0197ab00-0000-7000-8000-000000000001';
  const b = '0197ab00-0000-7000-8000-000000000002';
  const id = async (text: string): Promise<string> =>
    JSON.parse((await cloister(['status', '--json', text])).out).id;

  it('is named by its id, the beginning of it, its name, or as the last one', async () => {
    server.job(a, { command: 'x', name: 'nightly' });
    server.job(b, { command: 'x', name: 'beef' });
    expect(await id(a.toUpperCase())).toBe(a);
    expect(await id(b.slice(0, 35) + b.slice(35))).toBe(b);
    expect(await id('nightly')).toBe(a);
    expect(await id('beef')).toBe(b);
    // The fake gives them in the order in which they were made.
    expect(await id('@last')).toBe(a);
    server.job('0197cd00-0000-7000-8000-000000000003');
    expect(await id('0197cd')).toBe('0197cd00-0000-7000-8000-000000000003');
  });

  it('is not guessed', async () => {
    expect(await cloister(['status', '@last'])).toMatchObject({
      code: 1,
      err: 'cloister: @last: there are no jobs\n',
    });
    server.job(a);
    server.job(b);
    expect((await cloister(['stop', '0197ab00'])).err).toBe(
      `cloister: the ids of several jobs begin with "0197ab00": ${a}, ${b}\n`,
    );
    expect(server.stops).toEqual([]);
  });

  it('is listed by filters', async () => {
    const before = Date.now() - 600_000;
    await cloister(['list', '--failed', '-l', 'k=v', '--name', 'n', '--since', '10m', '--status', 'lost']);
    expect(server.filters).toEqual([
      {
        status: ['LOST'],
        failed: true,
        label: { key: 'k', value: 'v' },
        name: 'n',
        createdAfter: expect.any(String),
      },
    ]);
    const { createdAfter } = server.filters[0] as { createdAfter: string };
    expect(Date.parse(createdAfter)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(createdAfter)).toBeLessThan(before + 60_000);
    for (const [flags, message] of [
      [
        ['--since', 'noon'],
        '--since: expected a time such as 2027-01-31T12:00:00Z or how long ago, such as 10m',
      ],
      [['--label', 'k'], '--label: expected KEY=VALUE, got "k"'],
      [['--watch'], '--watch: expected a terminal'],
    ] as const)
      expect((await cloister(['list', ...flags])).err).toContain(`cloister: ${message}`);
  });
});

describe('logs', () => {
  it('gives the bytes as they are, each stream on its own', async () => {
    const bytes = Buffer.from([0, 0xff, 0xfe, 0x0a, 0xc3, 0x28]);
    server.job('a').write(bytes).write('err\n', 'STDERR').write('\x1b[0mout').end(COMPLETED);
    const { code, stdout, err } = await cloister(['logs', 'a']);
    expect(code).toBe(0);
    expect(stdout).toEqual(Buffer.concat([bytes, Buffer.from('\x1b[0mout')]));
    expect(err).toBe('err\n');
  });

  it('ends at the present end, or follows', async () => {
    const job = server.job('a').write('one\n').write('two\n');
    expect((await cloister(['logs', 'a'])).out).toBe('one\ntwo\n');
    const child = start(['logs', 'a', '-f', '--tail', '1']);
    const outcome = finished(child);
    await vi.waitFor(() => expect(job.changes.listenerCount('change')).toBe(1), SLOW);
    job.write('three\n').end(COMPLETED);
    expect(await outcome).toMatchObject({ code: 0, out: 'two\nthree\n', err: '' });
  });

  it('gives one stream, with times, or as JSON', async () => {
    server.job('a').write('one').write('err\n', 'STDERR').write(' two\nthree\n').end(COMPLETED);
    expect(await cloister(['logs', 'a', '--stream', 'stdout', '--timestamps'])).toMatchObject({
      out: '2026-01-02T03:04:05.000000000Z one two\n2026-01-02T03:04:05.000000002Z three\n',
      err: '',
    });
    const lines = (await cloister(['logs', 'a', '--json'])).out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ stream: 'STDOUT', text: 'one', bytes: 'b25l', cursor: '1' }),
      expect.objectContaining({ stream: 'STDERR', text: 'err\n', time: '2026-01-02T03:04:05.000000001Z' }),
      expect.objectContaining({ stream: 'STDOUT', text: ' two\nthree\n' }),
    ]);
  });

  it('gives the lines of several jobs with prefixes, each whole', async () => {
    server.job('a').write('one ').write('two\nthr').write('err\n', 'STDERR').end(COMPLETED);
    server.job('b').write('x\n').end(COMPLETED);
    expect(await cloister(['logs', 'a', 'b'])).toMatchObject({
      code: 0,
      out: 'a | one two\na | thr\nb | x\n',
      err: 'a | err\n',
    });
    const followed = await cloister(['logs', '-f', 'a', 'b']);
    expect(followed.out.split('\n').toSorted()).toEqual(['', 'a | one two', 'a | thr', 'b | x']);
    const lines = (await cloister(['logs', '--json', 'a', 'b'])).out.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).job)).toEqual(['a', 'a', 'a', 'b']);
  });

  it('ends at a time', async () => {
    server.job('a').write('one\n').write('two\n').end(COMPLETED);
    const until = (time: string) => cloister(['logs', 'a', '--until', time]);
    expect((await until('2026-01-02T03:04:05Z')).out).toBe('one\ntwo\n');
    expect((await until('2026-01-02T03:04:04Z')).out).toBe('');
  });

  it.each([
    [['--tail', '1', '--since', '1m'], '--since: expected without --tail'],
    [['--line', '7', '--tail', '1'], '--tail: expected without --line, got both'],
    [['--line', '0'], '--line: expected a whole number from 1 to 2147483647, got "0"'],
    [['--regex'], '--regex: expected together with --grep'],
    [['-C', '2'], '--context: expected together with --grep'],
    [['--grep', 'x', '-C', '101'], '--context: expected a whole number from 0 to 100, got "101"'],
    [['--grep', ''], '--grep: expected a text within one line'],
    [['--stream', 'stdlog'], '--stream: expected one of STDOUT, STDERR, TERMINAL, got "stdlog"'],
    [['--until', 'noon'], '--until: expected a time such as'],
  ])('refuses %j', async (flags, message) => {
    expect((await cloister(['logs', 'a', ...flags])).err).toContain(`cloister: ${message}`);
  });

  it('end quietly when their reader has gone', async () => {
    const job = server.job('a').write('one\n');
    const child = start(['logs', 'a', '-f']);
    const err = buffer(child.stderr ?? expect.unreachable());
    await written(child);
    child.stdout?.destroy();
    job.write('two\n');
    await once(child, 'close');
    expect(child.exitCode).toBe(141);
    expect((await err).toString()).toBe('');
  });
});

describe('run', () => {
  const does = (work: (job: FakeJob) => void): void => {
    server.onSubmit = work;
  };

  it('gives the output and the exit code of the command', async () => {
    const big = Buffer.alloc(300_000, 'é');
    does((job) => job.write(big).write('warning\n', 'STDERR').end({ status: 'COMPLETED', exitCode: 3 }));
    const { code, stdout, err } = await cloister(['run', '--', 'make', '-j2']);
    expect({ code, err }).toEqual({ code: 3, err: 'warning\n' });
    expect(stdout.equals(big)).toBe(true);
  });

  it('passes its own standard input to the command, and nothing from a terminal or a device', async () => {
    does((job) => job.end(COMPLETED));
    const child = start(['run', 'cat'], {}, { input: 'pipe' });
    child.stdin?.end('hi\n');
    expect(await finished(child)).toMatchObject({ code: 0, err: '' });
    expect(server.jobs.get('job-1')?.input.stdin).toBe('hi\n');
    await cloister(['run', 'cat']);
    expect(server.jobs.get('job-2')?.input.stdin).toBeUndefined();
  });

  it('reads no more of its stdin than can be submitted with a job that may need it again, and says so', async () => {
    const child = start(['run', '--retries', '1', 'head', '-1'], {}, { input: 'pipe' });
    const piece = Buffer.alloc(64 * 1024, 'y\n');
    const stdin = child.stdin ?? expect.unreachable();
    // Its writer is killed by SIGPIPE, as `yes` would be.
    const refused = once(stdin, 'error');
    let taken = 0;
    const feed = (): void => {
      const count = (error?: Error | null): void => {
        if (!error) taken += piece.length;
      };
      while (stdin.writable && stdin.write(piece, count));
    };
    stdin.on('drain', feed);
    feed();
    expect(await finished(child)).toMatchObject({
      code: 125,
      out: '',
      err: 'cloister: standard input: expected at most 8388608 bytes (8 MiB) together with --retries or --idempotency-key, got more\n',
    });
    expect(await refused).toMatchObject([{ code: 'EPIPE' }]);
    // What lies in buffers between the two besides.
    expect(taken).toBeLessThan(9 * 1024 * 1024);
    expect(server.jobs.size).toBe(0);
  });

  it('exits without waiting for the job with --detach', async () => {
    expect(await cloister(['run', '-d', 'sleep', '10m'])).toMatchObject({ code: 0, out: 'job-1\n', err: '' });
  });

  it.each([
    [{ status: 'COMPLETED', signal: 'SIGSEGV' }, 139, ''],
    [
      { status: 'FAILED', error: 'the cell could not be made: clone' },
      125,
      'could not run: the cell could not be made: clone',
    ],
    [{ status: 'LOST', error: 'the machine went down' }, 125, 'was lost: the machine went down'],
    [
      { status: 'LIMIT_EXCEEDED', limitExceeded: 'TIME', error: 'more than\x1b 1 s' },
      125,
      'exceeded its TIME limit: more than\\x1b 1 s',
    ],
  ])('of a job that ends as %j exits with %d', async (state, code, sentence) => {
    does((job) => job.end(state));
    const err = sentence === '' ? '' : `cloister: job job-1 ${sentence}\n`;
    expect(await cloister(['run', 'x'])).toMatchObject({ code, out: '', err });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)(
    'stops the job on %s and ends as it does',
    async (signal) => {
      does((job) => job.write('ready\n'));
      const child = start(['run', 'sleep 10m']);
      const outcome = finished(child);
      await written(child);
      child.kill(signal);
      expect(await outcome).toMatchObject({ code: 143, out: 'ready\n', err: '' });
      expect(server.stops).toEqual([{ jobId: 'job-1' }]);
    },
  );

  it('kills the job on a second signal', async () => {
    does((job) => job.write('ready\n'));
    server.onStop = (job) => {
      if (server.stops.length > 1) job.end({ status: 'STOPPED', signal: 'SIGKILL' });
    };
    const child = start(['run', 'trap "" TERM; sleep 10m']);
    const outcome = finished(child);
    await written(child);
    child.kill('SIGINT');
    await vi.waitFor(() => expect(server.stops).toHaveLength(1), SLOW);
    child.kill('SIGINT');
    expect(await outcome).toMatchObject({ code: 137, err: '' });
    expect(server.stops).toEqual([{ jobId: 'job-1' }, { jobId: 'job-1', gracePeriod: 0 }]);
  });

  it('stops the job when nobody reads its output any more', async () => {
    does((job) => job.write('one\n'));
    const child = start(['run', 'yes']);
    await written(child);
    child.stdout?.destroy();
    server.jobs.get('job-1')?.write('two\n');
    await once(child, 'close');
    expect(child.exitCode).toBe(141);
    expect(server.stops).toEqual([{ jobId: 'job-1' }]);
  });
});

describe('wait', () => {
  it('returns when all have ended, with the code of the first that failed', async () => {
    const [a, b] = [server.job('a'), server.job('b')];
    const waiting = cloister(['wait', 'b', 'a']);
    await vi.waitFor(() => expect(a.changes.listenerCount('change')).toBe(1), SLOW);
    a.end({ status: 'COMPLETED', exitCode: 3 });
    await vi.waitFor(() => expect(b.changes.listenerCount('change')).toBe(1), SLOW);
    b.end(COMPLETED);
    expect(await waiting).toMatchObject({ code: 3, out: 'b\tCOMPLETED\texit 0\na\tCOMPLETED\texit 3\n' });
    expect(await cloister(['wait', 'nosuch'])).toMatchObject({ code: 125, out: '' });
  });
});

describe('api', () => {
  const LIST =
    'query ($endCursor: String) { jobs(first: 2, after: $endCursor) { nodes { id } pageInfo { hasNextPage endCursor } } }';

  it('sends what it is given and prints the answer, all of it or a part', async () => {
    server.job('a', { command: 'x' });
    expect(JSON.parse((await cloister(['api', '{ job(id: "a") { id } }'])).out)).toEqual({
      data: { job: { id: 'a' } },
    });
    const query = 'query ($id: ID!, $with: Boolean!) { job(id: $id) { id status @include(if: $with) } }';
    const file = join(folder, 'query');
    await writeFile(file, query);
    const named = ['-f', 'id=a', '-F', 'with=true', '--get', 'job.status'];
    expect((await cloister(['api', `@${file}`, ...named])).out).toBe('RUNNING\n');
    const child = start(['api', '-', ...named], {}, { input: 'pipe' });
    child.stdin?.end(query);
    expect((await finished(child)).out).toBe('RUNNING\n');
  });

  it('says which fields there are where --get leads nowhere', async () => {
    server.job('a').end(COMPLETED);
    const get = (path: string) => cloister(['api', '{ job(id: "a") { id name } }', '--get', path]);
    expect(await get('data.job.id')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(
        '--get: expected a path below "data" of the answer, which has the fields job there, got "data.job.id"',
      ),
    });
    expect((await get('job.id.x')).err).toContain('has no fields there, got "job.id.x"');
    // What is null has no values, and no lines.
    expect(await get('job.name.x')).toMatchObject({ code: 0, out: '' });
    expect((await cloister(['api', '{ __typename }', '--jq', '.data'])).err).toContain('--get');
  });

  it('goes through all pages', async () => {
    for (const id of ['a', 'b', 'c', 'd', 'e']) server.job(id);
    expect((await cloister(['api', '--paginate', LIST, '--get', 'jobs.nodes.id'])).out).toBe(
      'a\nb\nc\nd\ne\n',
    );
    expect((await cloister(['api', '--paginate', '{ jobs { nodes { id } } }'])).err).toContain(
      '--paginate: expected a document with a variable $endCursor',
    );
  });

  it('follows a subscription', async () => {
    server.job('a').write('one').write('two').end(COMPLETED);
    const document = 'subscription ($id: ID!) { logs(jobId: $id) { entries { text } } }';
    const { out } = await cloister(['api', document, '-f', 'id=a']);
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).data.logs.entries[0]?.text),
    ).toEqual(['one', 'two']);
  });

  it('shows errors as the API has them, and fails', async () => {
    const { code, out, err } = await cloister(['api', '{ nosuch }']);
    expect(code).toBe(1);
    expect(JSON.parse(out).errors).toHaveLength(1);
    expect(err).toContain('Cannot query field "nosuch"');
  });
});

describe('events', () => {
  it('has what happened while the connection was lost, also before the first one', async () => {
    const job = server.job('a');
    const child = start(['events', '--json']);
    await expect.poll(() => server.eventRequests.length).toBe(1);
    server.drop();
    job.end({ status: 'COMPLETED', exitCode: 0 });
    const [line] = await once(child.stdout ?? expect.unreachable(), 'data');
    expect(JSON.parse(String(line))).toMatchObject({ cursor: '1', status: 'COMPLETED', job: { id: 'a' } });
    child.kill('SIGINT');
    await finished(child);
  });
});

describe('completion', () => {
  it('completes commands, flags and jobs in bash', async () => {
    server.job('0197ab00-1234-7000-8000-000000000001', { command: 'x', name: 'nightly' });
    const complete = async (...line: string[]): Promise<string[]> => {
      const script = `PATH=${join(bin, '..')}:$PATH; eval "$(cloister completion bash)"; COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1)); _cloister; printf '%s\n' "\${COMPREPLY[@]}"`;
      const { out } = await finished(start(['-c', script, 'bash', ...line], {}, { command: 'bash' }));
      return out.trimEnd().split('\n');
    };
    expect(await complete('cloister', 'st')).toEqual(['status', 'stop']);
    expect(await complete('cloister', 'run', '--mem')).toEqual(['--memory', '--memory-high']);
    expect(await complete('cloister', 'logs', 'nig')).toEqual(['nightly']);
    expect(await complete('cloister', 'stop', '@')).toEqual(['@last']);
    expect(await complete('cloister', 'token', 'rev')).toEqual(['revoke']);
    expect(await complete('cloister', 'image', 'f')).toEqual(['fetch']);
    expect(await complete('cloister', 'token', 'create', '--su')).toEqual(['--subject']);
    expect(await complete('cloister', 'token', 'list', '--su')).toEqual(['']);
    expect(await complete('cloister', 'token', 'list', '--f')).toEqual(['--format']);
    expect(await complete('cloister', 'list', '--f')).toEqual(['--failed', '--format']);
    expect(await complete('cloister', 'completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it.each(['bash', 'zsh', 'fish'])('knows every command in %s', async (shell) => {
    const { code, out } = await cloister(['completion', shell]);
    expect(code).toBe(0);
    for (const name of ['run', 'prune', 'doctor', 'completion', 'create', 'fetch'])
      expect(out).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it('refuses other shells', async () => {
    expect((await cloister(['completion', 'csh'])).err).toContain(
      'shell: expected one of BASH, ZSH, FISH, got "csh"',
    );
  });
});

describe('open', () => {
  it('passes a private file to the browser, and the token in no argument', async () => {
    const browser = join(folder, 'browser');
    await writeFile(browser, '#!/bin/sh\necho "$1" >"$(dirname "$0")/opened"\n', { mode: 0o755 });
    const { code, out, err } = await cloister(['open'], { BROWSER: browser, XDG_RUNTIME_DIR: folder });
    expect({ code, out, err }).toEqual({ code: 0, out: '', err: '' });
    const file = join(folder, 'cloister', 'open.html');
    expect(await readFile(join(folder, 'opened'), 'utf8')).toBe(`file://${file}\n`);
    expect(await readFile(file, 'utf8')).toContain(`${server.url.href}#token=${TOKEN}`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('prints a link with the token to nothing but a terminal', async () => {
    const { code, out, err } = await cloister(['open'], {
      BROWSER: join(folder, 'none'),
      XDG_RUNTIME_DIR: folder,
    });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).not.toContain(TOKEN);
  });
});

describe('on a terminal', () => {
  const shown = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Terminal =>
    new Terminal([bin, ...args], {
      CLOISTER_URL: server.url.href,
      CLOISTER_TOKEN: TOKEN,
      XDG_CACHE_HOME: cache,
      ...env,
    });

  it('says which job it is, and what Ctrl-C does, once and twice', async () => {
    server.queue = { position: 3, reason: '256 jobs run' };
    server.onSubmit = (job) => job.write('ready\n');
    server.onStop = (job) => {
      if (server.stops.length > 1) job.end({ status: 'STOPPED', signal: 'SIGKILL' });
    };
    await using terminal = shown(['run', '-n', 'nightly', 'sleep 10m']);
    await terminal.shows(/ready/);
    expect(terminal.text).toContain(
      '\x1b[2mjob job-1 (nightly) is number 3 in the queue: 256 jobs run\x1b[22m\r\n',
    );
    terminal.type('\x03');
    await terminal.shows(
      /stopping job job-1 with SIGTERM, and with SIGKILL after 10 s; Ctrl-C again kills it now/,
    );
    await vi.waitFor(() => expect(server.stops).toHaveLength(1), SLOW);
    terminal.type('\x03');
    await terminal.shows(/killing job job-1/);
    expect(await terminal.ended()).toBe(137);
    expect(server.stops).toEqual([{ jobId: 'job-1' }, { jobId: 'job-1', gracePeriod: 0 }]);
  });

  it('is silent about it with --quiet', async () => {
    server.onSubmit = (job) => job.write('out\n').end(COMPLETED);
    await using terminal = shown(['run', '-q', 'echo out']);
    expect(await terminal.ended()).toBe(0);
    expect(terminal.text).toBe('out\r\n');
  });

  it('stops the job when the terminal is closed', async () => {
    server.onSubmit = (job) => job.write('ready\n');
    await using terminal = shown(['run', 'sleep 10m']);
    await terminal.shows(/ready/);
    process.kill(terminal.pid, 'SIGKILL');
    await vi.waitFor(() => expect(server.stops).toEqual([{ jobId: 'job-1' }]), SLOW);
  });

  it('lists failures in red, short ids, and lines as wide as it is, but no colour with NO_COLOR', async () => {
    const id = '0197ab00-1234-7000-8000-000000000001';
    server.job(id, { command: 'x'.repeat(300) }).end({ status: 'COMPLETED', exitCode: 7 });
    await using coloured = shown(['list']);
    await coloured.ended();
    expect(coloured.text).toContain('\x1b[31mCOMPLETED\x1b[39m  \x1b[31mexit 7\x1b[39m');
    expect(coloured.text).toMatch(/^0197ab00-1234 {2}/m);
    expect(coloured.text).toMatch(/x…\r\n$/);
    await using plain = shown(['list'], { NO_COLOR: '1' });
    await plain.ended();
    expect(plain.text).not.toContain('\x1b');
    expect(plain.text.split('\r\n')[1]).toHaveLength(100);
  });

  it('watches the list', async () => {
    const job = server.job('a', { command: 'x' });
    await using terminal = shown(['list', '--watch']);
    await terminal.shows(/a +RUNNING/);
    job.end({ status: 'COMPLETED', exitCode: 3 });
    await terminal.shows(/exit 3/);
    terminal.type('\x03');
    await terminal.ended();
  });
});

describe('bin/cloister', () => {
  it('finds its installation through links', async () => {
    await mkdir(join(folder, 'bin'));
    await symlink(bin, join(folder, 'cloister'));
    await symlink('../cloister', join(folder, 'bin', 'c'));
    expect(await finished(start(['--version'], {}, { command: join(folder, 'bin', 'c') }))).toMatchObject({
      code: 0,
      err: '',
    });
  });

  it('keeps what Node.js compiled, in a folder that is its own', async () => {
    const env = { XDG_CACHE_HOME: folder };
    expect(await cloister(['--version'], env)).toMatchObject({ code: 0, err: '' });
    expect(await readdir(join(folder, 'cloister'))).not.toEqual([]);
    await rm(join(folder, 'cloister'), { recursive: true });
    await writeFile(join(folder, 'cloister'), 'not a folder');
    expect(await cloister(['--version'], { ...env, XDG_CACHE_HOME: join(folder, 'cloister') })).toMatchObject(
      {
        code: 0,
        err: '',
      },
    );
  });

  it('says what to do about a Node.js that is too old', async () => {
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'node_modules'));
    await writeFile(join(folder, 'node'), '#!/bin/sh\necho v18.19.0\n');
    await chmod(join(folder, 'node'), 0o755);
    // A copy, so that no Node.js brought by `make build` is found next to it.
    const copy = join(folder, 'bin', 'cloister');
    await writeFile(copy, await readFile(bin), { mode: 0o755 });
    const outcome = await finished(
      start(['list'], { PATH: [folder, '/usr/bin', '/bin'].join(delimiter) }, { command: copy }),
    );
    expect(outcome).toMatchObject({
      code: 1,
      out: '',
      err: `cloister: Node.js 24 or newer is needed, and ${folder}/node is v18.19.0: run "make build" first\n`,
    });
  });
});
