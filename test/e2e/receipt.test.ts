/** Receipts of a real server: fetched, verified without it and by another program, and changed. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT } from '../docs/documents.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await TestServer.start();
  folder = mkdtempSync(join(tmpdir(), 'cloister-receipts-'));
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.dispose();
});

interface Result {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const program = (file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Result> =>
  new Promise((resolve) => {
    execFile(file, args, { env: { ...process.env, ...env }, encoding: 'buffer' }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr: stderr.toString() }),
    );
  });

/** With the server. */
const cloister = (...args: readonly string[]): Promise<Result> =>
  program(join(PROJECT, 'bin/cloister'), args, { CLOISTER_URL: server.url, CLOISTER_TOKEN: server.token });

/** Without it: nothing answers there, and there is no state folder. */
const offline = async (...args: readonly string[]) => {
  const nowhere = { CLOISTER_URL: 'http://127.0.0.1:1/graphql', CLOISTER_STATE_DIR: join(folder, 'none') };
  const { code, stdout, stderr } = await program(join(PROJECT, 'bin/cloister'), ['verify', ...args], nowhere);
  return { code, stdout: stdout.toString(), stderr };
};

const path = (name: string): string => join(folder, name);
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(path(name), content);
  return path(name);
};

const payloadOf = (envelope: string): Buffer => Buffer.from(JSON.parse(envelope).payload, 'base64');
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Kept {
  readonly id: string;
  readonly receipt: string;
  readonly key: string;
}

/** A job, its receipt in a file, and the key of the server in another. */
const made = async (name: string, input: Record<string, unknown>): Promise<Kept> => {
  const { id } = await server.run(input);
  expect(await cloister('receipt', '-o', path(`${name}.receipt`), id)).toMatchObject({ code: 0, stderr: '' });
  const { stdout } = await cloister('receipt', 'key');
  return { id, receipt: path(`${name}.receipt`), key: file(`${name}.pem`, stdout) };
};

describe('a receipt', () => {
  it('states what the server knows about the job, and is verified without the server', async () => {
    const env = [
      { name: 'PLAIN', value: 'x' },
      { name: 'KEY', value: 'hunter2', secret: true },
    ];
    const argv = ['sh', '-c', 'printf "a\\0b\\377\\n"; echo problem >&2; exit 3'];
    const { id, receipt, key } = await made('plain', { argv, env });
    const text = readFileSync(receipt, 'utf8');
    expect(text).not.toContain('hunter2');
    const { subject, predicate } = JSON.parse(payloadOf(text).toString());
    expect(predicate).toMatchObject({
      job: { id, owner: 'admin' },
      spec: { argv, env: { digest: { sha256: sha256(Buffer.from('PLAIN=x\0')) } } },
      isolation: { noNewPrivileges: true, seccomp: 2, capabilities: { effective: [] } },
      result: { status: 'COMPLETED', exitCode: 3 },
      log: { complete: true, streams: { stdout: { bytes: 5 }, stderr: { bytes: 8 } } },
    });
    expect(predicate.spec.image.digest).toMatch(/^sha\d+:/);
    // What anybody gets of the log is what the subjects are digests of.
    for (const [index, stream] of ['stdout', 'stderr'].entries()) {
      const log = await cloister('logs', '--raw', '--stream', stream, id);
      expect(log).toMatchObject({ code: 0, stderr: '' });
      file(`plain.${stream}`, log.stdout);
      expect(subject[index]).toEqual({ name: `log/${stream}`, digest: { sha256: sha256(log.stdout) } });
    }
    const logs = ['--log', `stdout=${path('plain.stdout')}`];
    const verified = await offline('--key', key, ...logs, receipt);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toContain('signature: valid, by key ');
    expect(verified.stdout).toContain(`job: ${id} of admin, image alpine`);
    expect(verified.stdout).toContain('COMPLETED, exit code 3');
    expect(verified.stdout).toContain(`log/stdout: ${path('plain.stdout')} is what the receipt says`);
    expect(verified.stdout).toContain('log/stderr: not checked');
    const other = await offline('--key', key, '--log', `stderr=${path('plain.stdout')}`, receipt);
    expect(other.code).toBe(1);
    expect(other.stdout).toContain(`log/stderr: ${path('plain.stdout')} is something else`);
  });

  it('has digests of artifacts', async () => {
    const { id, receipt, key } = await made('artifacts', {
      command: 'mkdir /tmp/out; echo made > /tmp/out/made',
      artifacts: [{ path: '/tmp/out/made' }, { path: '/tmp/nosuch', optional: true }],
    });
    expect(await cloister('artifacts', '--download', folder, id, 'made')).toMatchObject({ code: 0 });
    const verified = await offline('--key', key, '--artifact', `made=${path('made')}`, receipt);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toContain(`artifact/made: ${path('made')} is what the receipt says`);
    file('other', 'something else\n');
    expect((await offline('--key', key, '--artifact', `made=${path('other')}`, receipt)).code).toBe(1);
    const { predicate } = JSON.parse(payloadOf(readFileSync(receipt, 'utf8')).toString());
    expect(predicate.artifacts[1]).toMatchObject({ path: '/tmp/nosuch', error: 'MISSING' });
  });

  it('has digests of standard input: what was given, and what was written, also across a kill of the server', async () => {
    const write = (jobId: string, offset: number, text: string, endOfInput = false) =>
      server.query('mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted } }', {
        input: { jobId, offset, text, endOfInput },
      });
    const predicateOf = async (job: string, token = server.token) => {
      const query = `{ job(id: "${job}") { receipt { envelope } } }`;
      const response = await fetch(server.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query }),
      });
      const { data } = (await response.json()) as { data: { job: { receipt: { envelope: string } } } };
      return JSON.parse(payloadOf(data.job.receipt.envelope).toString()).predicate;
    };
    const written = await server.submit({ command: 'cat', stdin: 'given', openStdin: true });
    const terminal = await server.submit({ command: 'read _', terminal: { rows: 24, columns: 80 } });
    await server.running(written);
    await server.running(terminal);
    await write(written, 0, 'one ');
    await server.end('SIGKILL');
    await server.boot();
    await write(written, 4, 'two', true);
    await write(terminal, 0, 'a password\n');
    await server.ended(written);
    await server.ended(terminal);
    expect(await predicateOf(written)).toMatchObject({
      spec: { stdinBytes: 5, stdinDigest: { sha256: sha256(Buffer.from('given')) } },
      result: { input: { bytes: 7, digest: { sha256: sha256(Buffer.from('one two')) } } },
    });
    expect(await predicateOf(terminal)).toMatchObject({
      spec: { stdinDigest: null },
      result: { input: null },
    });
    const { shareJob } = await server.query<{ shareJob: { url: string } }>(
      `mutation { shareJob(input: { jobId: "${written}" }) { url } }`,
    );
    const secret = shareJob.url.split('#')[1] ?? '';
    expect(await predicateOf(written, secret)).toMatchObject({
      spec: { stdinDigest: null },
      result: { input: null },
    });
  });

  it('is verified by python and openssl, from the specification alone', async () => {
    const { receipt, key } = await made('foreign', { command: 'echo hello' });
    const script = [
      'import base64, json, sys',
      'envelope = json.load(open(sys.argv[1]))',
      'payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()',
      'signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)',
      'open(sys.argv[2], "wb").write(signed)',
      'open(sys.argv[3], "wb").write(base64.b64decode(envelope["signatures"][0]["sig"]))',
      'print(json.loads(payload)["subject"][0]["digest"]["sha256"])',
    ].join('\n');
    const read = await program('python3', ['-c', script, receipt, path('signed'), path('sig')], {});
    expect(read.stdout.toString().trim()).toBe(sha256(Buffer.from('hello\n')));
    const files = ['-inkey', key, '-in', path('signed'), '-sigfile', path('sig')];
    const openssl = await program('openssl', ['pkeyutl', '-verify', '-pubin', '-rawin', ...files], {});
    expect(openssl).toMatchObject({ code: 0 });
  });

  it('is refused when it was changed or cut, is by another server, or about something else', async () => {
    const { receipt, key } = await made('changed', { command: 'exit 1' });
    const text = readFileSync(receipt, 'utf8');
    const payload = payloadOf(text).toString();
    const better = Buffer.from(payload.replace('"exitCode":1', '"exitCode":0')).toString('base64');
    const forged = file('forged', text.replace(JSON.parse(text).payload, better));
    expect(await offline('--key', key, forged)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('the signature is not valid: the receipt was changed after key'),
    });
    expect((await offline('--key', key, file('cut', text.slice(0, -20)))).stderr).toContain(
      'expected the JSON of an envelope, got something else or a part of it',
    );
    const foreign = await program('openssl', ['genpkey', '-algorithm', 'ed25519'], {});
    const pem = file('foreign.key', foreign.stdout);
    const { stdout } = await program('openssl', ['pkey', '-pubout', '-in', pem], {});
    expect(await offline('--key', file('foreign.pem', stdout), receipt)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('signatures: expected one by key'),
    });
    expect((await offline('--key', receipt, receipt)).stderr).toContain('--key: expected public keys as PEM');
    expect((await offline(receipt)).stderr).toContain(
      'expected --key: a file with what "cloister receipt key"',
    );
    expect((await offline('--key', key, path('nosuch'))).stderr).toContain('ENOENT');
    for (const [flags, message] of [
      [['--log', 'stdin=/dev/null'], '--log: expected one of log/stdout, log/stderr, got log/stdin'],
      [['--artifact', 'x=/dev/null'], '--artifact: expected one of log/stdout, log/stderr, got artifact/x'],
      [['--log', 'stdout'], '--log: expected NAME=FILE, got "stdout"'],
      [['--log', `stdout=${path('nosuch')}`], 'ENOENT'],
    ] as const) {
      const refused = await offline('--key', key, ...flags, receipt);
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
    }
  });

  it('states that output was dropped', async () => {
    const { receipt, key } = await made('dropped', {
      command: 'yes | head -c 1000000',
      limits: { output: 10_000, outputPolicy: 'TRUNCATE' },
    });
    const { subject, predicate } = JSON.parse(payloadOf(readFileSync(receipt, 'utf8')).toString());
    expect(predicate.log.complete).toBe(false);
    expect(predicate.log.streams.stdout.bytes + predicate.log.droppedBytes).toBe(1_000_000);
    const log = await cloister('logs', '--raw', '--stream', 'stdout', predicate.job.id);
    expect(subject[0].digest.sha256).toBe(sha256(log.stdout));
    expect((await offline('--key', key, receipt)).stdout).toContain('log: incomplete, ');
  });

  it('is the same after a restart, and verifies after the key was replaced', async () => {
    // Not by the command line, which takes its time to start.
    const receiptOf = async (id: string): Promise<string> => {
      const query = 'query ($id: ID!) { job(id: $id) { receipt { envelope } } }';
      const { job } = await server.query<{ job: { receipt: { envelope: string } } }>(query, { id });
      return job.receipt.envelope;
    };
    const { id } = await server.run({ command: 'echo kept' });
    const before = await receiptOf(id);
    await server.end('SIGKILL');
    await server.boot();
    expect(await receiptOf(id)).toBe(before);
    await server.end();
    rmSync(join(server.stateDir, 'receipt-key'));
    await server.boot();
    const after = await receiptOf(id);
    expect(payloadOf(after)).toEqual(payloadOf(before));
    expect(JSON.parse(after).signatures[0].keyid).not.toBe(JSON.parse(before).signatures[0].keyid);
    const { receiptKeys } = await server.query<{ receiptKeys: { publicKey: string; current: boolean }[] }>(
      '{ receiptKeys { publicKey current } }',
    );
    expect(receiptKeys.map(({ current }) => current)).toEqual([true, false]);
    const both = file('both.pem', receiptKeys.map(({ publicKey }) => publicKey).join(''));
    expect(await offline('--key', both, file('before', before))).toMatchObject({ code: 0 });
    // On the machine of the server no key has to be fetched.
    const own = await program(join(PROJECT, 'bin/cloister'), ['verify', file('after', after)], {
      CLOISTER_STATE_DIR: server.stateDir,
    });
    expect(own).toMatchObject({ code: 0, stderr: '' });
  });

  it('is of jobs that have ended, with a log', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await server.running(id);
    expect(await cloister('receipt', id)).toMatchObject({
      code: 1,
      stderr: 'cloister: expected a job that has ended, got one that is RUNNING\n',
    });
    await server.stop(id, 0);
    rmSync(join(server.stateDir, 'jobs', id, 'log'));
    expect((await cloister('receipt', id)).stderr).toContain('the log of job');
  });
});
