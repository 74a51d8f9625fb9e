/** The command line against a real server. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ID_BASE, IMAGES } from '../support/image.ts';
import { TestServer } from '../support/server.ts';
import { Terminal } from '../support/terminal.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'cloister');

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const where = () => ({ CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir });

/** Starts `bin/cloister` as a user on the same machine would: the token is found in the state folder. */
const start = (...args: string[]): { child: ChildProcess; result: Promise<Result> } => fed(null, ...args);

/** The same with standard input; `null`: /dev/null. */
const fed = (input: string | null, ...args: string[]): { child: ChildProcess; result: Promise<Result> } => {
  const env = { ...process.env, ...where() };
  const child = spawn(BIN, args, { env, stdio: [input === null ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  child.stdin?.end(input);
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
    });
  const result = new Promise<Result>((resolve) => {
    child.once('close', (code) => resolve({ code, ...text }));
  });
  return { child, result };
};

const cloister = (...args: string[]): Promise<Result> => start(...args).result;

describe('the session of a user', () => {
  it('submits, asks for the status, reads the log', async () => {
    const submitted = await cloister('submit', 'ls -lah /');
    expect(submitted).toMatchObject({ code: 0, stderr: '' });
    const id = submitted.stdout.trim();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    await server.ended(id);
    const status = await cloister('status', id);
    expect(status.stdout).toContain('Status: COMPLETED');
    expect(status.stdout).toContain('Exit code: 0');
    const log = await cloister('logs', id);
    expect(log).toMatchObject({ code: 0, stderr: '' });
    expect(log.stdout).toMatch(/^total /);
    expect(log.stdout).toContain(' etc\n');
    expect((await cloister('logs', '--tail', '2', id)).stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  it('stops a job that would run for long', async () => {
    const id = (await cloister('submit', 'sleep 10m')).stdout.trim();
    const stopped = await cloister('stop', id);
    expect(stopped.code).toBe(0);
    expect(stopped.stdout).toContain('Status: STOPPED');
    const listed = await cloister('list', '--json');
    expect(listed.stdout).toContain(id);
  });

  it('pauses a job, resumes it, follows its usage and sends it a signal', async () => {
    const id = (await cloister('submit', 'while :; do echo x; sleep 0.05; done')).stdout.trim();
    await server.running(id);
    expect((await cloister('pause', id)).stdout).toMatch(/^Status: RUNNING\n(.*\n)*Paused: 20/);
    expect((await cloister('resume', id)).stdout).not.toContain('Paused');
    const usage = start('usage', '--interval', '100ms', id);
    await new Promise<void>((resolve) => usage.child.stdout?.once('data', () => resolve()));
    expect(JSON.parse((await cloister('signal', '--json', id, 'TERM')).stdout)).toMatchObject({ id });
    expect((await server.ended(id)).signal).toBe('SIGTERM');
    const { code, stdout } = await usage.result;
    expect(code).toBe(0);
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^cpu \d/);
  });

  it('names a job by the beginning of its id, by its name, and the last one, and finds those that failed', async () => {
    const id = (await cloister('submit', '-n', 'shaky', 'exit 7')).stdout.trim();
    await server.ended(id);
    for (const text of [id.slice(0, 35), 'shaky', '@last'])
      expect(JSON.parse((await cloister('status', '--json', text)).stdout)).toMatchObject({ id });
    expect((await cloister('list', '-q', '--failed', '--name', 'shaky')).stdout).toBe(`${id}\n`);
    expect((await cloister('list', '--name', 'shaky')).stdout).toMatch(
      new RegExp(`\n${id}\tCOMPLETED\texit 7\t\\d+\\w\t[^\t]+\tshaky\texit 7\n$`),
    );
  });

  it('says what is wrong with a signal, and with a job that does not run', async () => {
    expect(await cloister('signal', 'x', 'NONSENSE')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cloister: signal: expected a signal by its name or number'),
    });
    const id = (await cloister('submit', 'true')).stdout.trim();
    await server.ended(id);
    expect((await cloister('pause', id)).stderr).toContain(
      'expected a running job, got one that is COMPLETED',
    );
  });

  it('keeps the beginning and the end of a long output', async () => {
    const id = (await cloister('submit', '--truncate', '--output', '1000', 'seq 100000')).stdout.trim();
    expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED' });
    const { stdout } = await cloister('logs', id);
    expect(stdout).toMatch(/^1\n2\n(.*\n)*100000\n$/);
    expect((await cloister('status', id)).stdout).toContain('Ran into: it wrote 588895 bytes');
  });

  it('searches a log, from one time to another', async () => {
    const id = (
      await cloister('submit', 'echo early; echo e >&2; sleep 1; seq 1 100000; echo late')
    ).stdout.trim();
    await server.ended(id);
    expect((await cloister('logs', '--grep', '9999', id)).stdout).toMatch(/^9999\n19999\n(\d+\n)*99999\n$/);
    expect((await cloister('logs', '--grep', 'nothing like this', id)).stdout).toBe('');
    const first = (await cloister('logs', '-t', '--stream', 'stdout', '--grep', 'early', id)).stdout;
    const time = new Date(Date.parse(first.split(' ')[0] ?? '') + 500).toISOString();
    expect((await cloister('logs', '--until', time, id)).stdout).toBe('early\n');
    expect((await cloister('logs', '--line', '100002', id)).stdout).toBe('100000\nlate\n');
    const regex = ['logs', '--regex', '--grep', '^(9999|l[aeiou]te)$'];
    expect((await cloister(...regex, id)).stdout).toBe('9999\nlate\n');
    expect((await cloister(...regex, '-C', '1', id)).stdout).toBe('9998\n9999\n10000\n100000\nlate\n');
    expect((await cloister(...regex, '-f', '--line', '50000', id)).stdout).toBe('late\n');
    expect(await cloister('logs', '--regex', '--grep', '(', id)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('grep: expected a regular expression of RE2 (missing closing )'),
    });
    expect((await cloister('logs', '--since', time, id)).stdout).toMatch(/^1\n2\n(.*\n)*late\n$/);
    expect((await cloister('logs', '--since', '0s', id)).stdout).toBe('');
  });

  it('prints lists by templates and columns', async () => {
    const id = (await cloister('submit', '--name', 'formatted', 'exit 3')).stdout.trim();
    const template = ['--format', '{{.id}} {{.name}}: {{.exitCode}}'];
    expect(await cloister('wait', ...template, id)).toMatchObject({
      code: 3,
      stdout: `${id} formatted: 3\n`,
    });
    expect((await cloister('list', '--name', 'formatted', ...template)).stdout).toBe(`${id} formatted: 3\n`);
    expect((await cloister('list', '--name', 'formatted', '--format', 'name,status')).stdout).toBe(
      'formatted\tCOMPLETED\n',
    );
    expect((await cloister('list', '--name', 'no such', '--format', 'id')).stdout).toBe('');
    const { job } = await server.query<{ job: { imageDigest: string } }>(
      `{ job(id: "${id}") { imageDigest } }`,
    );
    expect((await cloister('image', 'list', '--format', '{{.digest}}')).stdout.split('\n')).toContain(
      job.imageDigest,
    );
    expect((await cloister('quota', 'list', '--format', 'nosuch')).stderr).toContain(
      '--format: expected one of ',
    );
    expect((await cloister('token', 'list', '--format', '{{')).stderr).toContain('--format: expected values');
    expect((await cloister('usage', '--format', 'pidsPeak', id)).stdout).toMatch(/^\d*\n$/);
    await cloister('share', id);
    expect((await cloister('share', '--list', '--format', '{{.createdBy}}', id)).stdout).toMatch(/^\S+\n$/);
    expect((await cloister('share', '--format', 'id', id)).stderr).toContain('expected together with --list');
    expect((await cloister('audit', '--job', id, '--format', 'action,outcome')).stdout).toBe(
      'SHARE_JOB\tOK\nSUBMIT_JOB\tOK\n',
    );
    const busy = (await cloister('submit', '--name', 'busy', 'sleep 1000')).stdout.trim();
    await server.running(busy);
    expect((await cloister('top', '--format', 'name')).stdout).toMatch(/^busy$/m);
    await server.stop(busy, 0);
    const events = start(
      'events',
      '--after',
      '0',
      '--name',
      'formatted',
      '--format',
      '{{.status}} {{.job.id}}',
    );
    await expect.poll(() => events.child.stdout?.readableFlowing).toBe(true);
    let seen = '';
    events.child.stdout?.on('data', (chunk) => {
      seen += String(chunk);
    });
    await expect.poll(() => seen).toContain(`COMPLETED ${id}\n`);
    events.child.kill();
    await events.result;
  });

  it('follows a log until the job has ended', async () => {
    const id = (await cloister('submit', 'for i in 1 2 3; do echo $i; sleep 0.2; done')).stdout.trim();
    expect(await cloister('logs', '-f', id)).toMatchObject({ code: 0, stdout: '1\n2\n3\n' });
  });
});

describe('several jobs', () => {
  it('are waited for, run again, and removed', async () => {
    const command = [
      '-n',
      'again',
      '-l',
      'e2e=prune',
      '-e',
      'WHAT=twice',
      '-w',
      '/tmp',
      'pwd; echo $WHAT; cat; exit 3',
    ];
    const first = (await fed('fed\n', 'submit', '--stdin', '-', ...command).result).stdout.trim();
    expect(await cloister('wait', first)).toMatchObject({ code: 3, stdout: `${first}\tCOMPLETED\texit 3\n` });
    expect(await cloister('rerun', 'again')).toMatchObject({ code: 3, stdout: '/tmp\ntwice\nfed\n' });
    await cloister('pin', first);
    const pruned = await cloister('prune', '--label', 'e2e=prune', '--failed');
    expect(pruned).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('--force: expected, because there is no terminal'),
    });
    const removed = await cloister('prune', '-f', '--label', 'e2e=prune', '--failed');
    expect(removed.stderr).toBe('cloister: 1 jobs deleted\n');
    expect((await cloister('list', '-q', '-l', 'e2e=prune')).stdout).toBe(`${first}\n`);
    expect((await cloister('prune', '-f', '--until', '1h', '--label', 'e2e=prune')).stdout).toBe('');
    await cloister('unpin', first);
  });

  it('get bytes as they are, also when they are run again', async () => {
    const print = `printf 'word %s\\n' "$1"; printf 'variable %s\\n' "$X"; cat`;
    const run = `printf 'in\\0\\377' | X=$(printf '\\376') "$BIN" run -n bytes -e X -- sh -c "$PRINT" sh "$(printf '\\377')"`;
    const env = { ...process.env, BIN, PRINT: print, ...where() };
    const child = spawn('/bin/sh', ['-c', `${run}; "$BIN" rerun bytes; "$BIN" status bytes >&2`], { env });
    const [out, err] = await Promise.all([buffer(child.stdout), text(child.stderr)]);
    const once = 'word \xff\nvariable \xfe\nin\0\xff';
    expect(out.toString('latin1')).toBe(once + once);
    expect(err).toContain("sh $'\\xff'\n");
  });

  it('are followed by their events, from a cursor on', async () => {
    const id = (await cloister('submit', '-n', 'eventful', 'true')).stdout.trim();
    await server.ended(id);
    const { child, result } = start('events', '--after', '0', '--name', 'eventful', '--json');
    let seen = '';
    child.stdout?.on('data', (chunk: string) => {
      seen += chunk;
      if (seen.split('\n').length > 3) child.kill('SIGTERM');
    });
    await result;
    const statuses = seen
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).status);
    expect(statuses).toEqual(['QUEUED', 'RUNNING', 'COMPLETED']);
  });

  it('are shown with what they use', async () => {
    const id = (await cloister('submit', '-n', 'busy', 'sleep 1000')).stdout.trim();
    await server.running(id);
    expect((await cloister('top')).stdout).toMatch(
      new RegExp(`^ID\tCPU\t.*\n(.*\n)*${id}\t.*\tbusy\tsleep 1000\n`),
    );
    await cloister('stop', '--grace', '0', id);
  });
});

describe('run', () => {
  it('keeps the streams apart and exits with the code of the command', async () => {
    expect(await cloister('run', 'echo out; echo err >&2; exit 42')).toEqual({
      code: 42,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('takes an argument vector as it is', async () => {
    expect((await cloister('run', '--', 'printf', '%s|', 'a b', '$HOME')).stdout).toBe('a b|$HOME|');
  });

  it('takes words as a shell would, and one string as a line for one', async () => {
    expect((await cloister('run', 'printf', '%s|', '-n', 'a b', '$HOME')).stdout).toBe('-n|a b|$HOME|');
    expect((await cloister('run', 'echo a b | wc -w')).stdout).toBe('2\n');
  });

  it('passes its own standard input to the command', async () => {
    expect(await fed('hi\n', 'run', 'cat').result).toEqual({ code: 0, stdout: 'hi\n', stderr: '' });
    expect(await fed('a\nb\n', 'run', 'head -1').result).toEqual({ code: 0, stdout: 'a\n', stderr: '' });
    expect(await fed(null, 'run', 'wc -c').result).toEqual({ code: 0, stdout: '0\n', stderr: '' });
  });

  it('says why a command could not be executed', async () => {
    const { code, stdout, stderr } = await cloister('run', '--', 'nosuch');
    expect(code).toBe(127);
    expect(stdout).toBe('');
    expect(stderr).toContain('no such file or directory: nosuch');
    expect((await cloister('run', 'nosuch', 'x')).code).toBe(127);
    expect((await cloister('run', '/etc/passwd', 'x')).code).toBe(126);
    expect((await cloister('run', '/etc', 'x')).code).toBe(126);
    expect((await cloister('run', 'nosuch')).code).toBe(127);
  });

  it('stops the job at Ctrl-C', async () => {
    const { child, result } = start('run', 'echo up; sleep 1000');
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGINT');
    const { code } = await result;
    expect(code).not.toBe(0);
    const jobs = await server.query<{ jobs: { nodes: { status: string }[] } }>(
      '{ jobs(first: 1) { nodes { status } } }',
    );
    expect(jobs.jobs.nodes[0]?.status).toBe('STOPPED');
  });
});

describe('a server on this machine', () => {
  const local = { CLOISTER_URL: '', CLOISTER_STATE_DIR: '' };

  it('is reached by the socket of its state folder, with what streams as well', async () => {
    const child = spawn(BIN, ['run', 'echo out'], {
      env: { ...process.env, ...local, CLOISTER_STATE_DIR: server.stateDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, code] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect({ out, code }).toEqual({ out: 'out\n', code: [0, null] });
  });

  it('gives a link with its token to a terminal and to nothing else', async () => {
    const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
    const command = [
      process.execPath,
      main,
      'serve',
      '--listen',
      '127.0.0.1:0',
      '--id-base',
      String(ID_BASE),
    ];
    for (const terminal of [false, true]) {
      const stateDir = mkdtempSync(join(tmpdir(), 'cloister-link-'));
      symlinkSync(IMAGES, join(stateDir, 'images'));
      const line = [...command, '--state-dir', stateDir];
      try {
        // `cat` makes the output of the server a pipe, on the same terminal.
        const shell = ['sh', '-c', terminal ? 'exec "$@"' : '"$@" 2>/dev/null | cat', 'sh', ...line];
        await using shown = new Terminal(shell);
        await shown.shows(/Token: /);
        const token = readFileSync(join(stateDir, 'token'), 'utf8').trim();
        expect(shown.text.includes(token)).toBe(terminal);
        shown.type('\x03');
        await shown.ended();
      } finally {
        rmSync(stateDir, { recursive: true });
      }
    }
  });
});

describe('errors', () => {
  it.each([
    [['status', 'nosuch'], 'nosuch'],
    [['submit', '--image', 'nosuch', 'true'], 'cloister: --image: expected one of'],
    [['submit', '--memory', '1k', 'true'], 'cloister: --memory: expected'],
    [['submit', '-l', 'a=1', '-l', 'a=2', 'true'], 'cloister: --label: expected unique keys, got "a"'],
    [['submit', '-w', 'here', 'true'], 'cloister: --workdir: expected an absolute path, got "here"'],
    [['submit', '--', ''], 'cloister: word 1 of the command: expected the name of a program'],
    [['submit', '--timeout', 'soon', 'true'], 'soon'],
    [['nosuch'], 'nosuch'],
  ])('go to standard error, with no stack: %j', async (args, part) => {
    const { code, stdout, stderr } = await cloister(...args);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(part);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('cloister bench', () => {
  it('measures jobs of each mode, and deletes them', async () => {
    const { code, stdout, stderr } = await cloister('bench', '-n', '2', '--interval', '10ms', '--json');
    expect([code, stderr]).toEqual([0, '']);
    const reports = JSON.parse(stdout) as Record<string, Record<string, number>>[];
    expect(reports.map(({ mode }) => mode)).toEqual(['sequential', 'staggered', 'burst']);
    for (const { jobs, succeeded, jobsPerSecond, submittedMs, firstByteMs, endMs } of reports) {
      expect([jobs, succeeded]).toEqual([2, 2]);
      expect(jobsPerSecond).toBeGreaterThan(0);
      expect(submittedMs?.['p50']).toBeGreaterThan(0);
      expect(firstByteMs?.['p50']).toBeGreaterThan(submittedMs?.['p50'] ?? 0);
      expect(endMs?.['max']).toBeGreaterThanOrEqual(firstByteMs?.['max'] ?? 0);
    }
    const { jobs } = await server.query<{ jobs: { nodes: { labels: { key: string }[] }[] } }>(
      '{ jobs(first: 100) { nodes { labels { key } } } }',
    );
    expect(jobs.nodes.flatMap(({ labels }) => labels.map(({ key }) => key))).not.toContain('bench');
  });

  it('says which jobs failed, and keeps them where that is asked for', async () => {
    const ran = await cloister('bench', '-n', '1', '--mode', 'burst', '--keep', '--', 'sh', '-c', 'exit 3');
    expect(ran.code).toBe(1);
    expect(ran.stdout.split('\n')[1]).toMatch(/^burst\t1\t0\t[\d.]+\t[\d.]+ms\t-\t-\t-\t/);
    const listed = await cloister('list', '--failed', '--json');
    expect(listed.stdout).toContain('"exit 3"');
  });
});
