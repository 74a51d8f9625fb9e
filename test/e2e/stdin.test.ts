/** Standard input that is written while a job runs: by the API, and by the command line. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/connection.ts';
import { StdinWriter } from '../../src/client/feed.ts';
import { RestartableServer } from '../support/restartable-server.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const WRITE = 'mutation ($input: WriteStdinInput!) { writeStdin(input: $input) { accepted job { id } } }';

/** The result of a write: the bytes that were accepted, or the code and the message of the error. */
const write = async (
  jobId: string,
  offset: number,
  rest: { readonly text?: string; readonly bytes?: string; readonly endOfInput?: boolean } = {},
): Promise<number | string> => {
  const { data, errors } = await server.ask(WRITE, { input: { jobId, offset, ...rest } });
  const [error] = errors ?? [];
  if (error !== undefined) return `${error.extensions?.['code']}: ${error.message}`;
  return (data as { writeStdin: { accepted: number } }).writeStdin.accepted;
};

const start = (command: string): Promise<string> => server.submit({ command, openStdin: true });

const output = async (id: string): Promise<string> => {
  await server.ended(id);
  return (await server.output(id)).stdout;
};

describe('writeStdin', () => {
  it('feeds a job piece by piece until its end', async () => {
    const id = await server.submit({ command: 'cat', stdin: 'first ', openStdin: true });
    // Also before the command runs, and in addition to the submitted input.
    expect(await write(id, 0, { text: 'größer ' })).toBe(9);
    expect(await write(id, 9, { bytes: Buffer.from([0, 0xff, 10]).toString('base64') })).toBe(3);
    expect(await write(id, 12)).toBe(0);
    expect(await write(id, 12, { endOfInput: true })).toBe(0);
    await server.ended(id);
    const { job } = await server.query<{
      job: { openStdin: boolean; logs: { entries: { bytes: string }[] } };
    }>('query ($id: ID!) { job(id: $id) { openStdin logs { entries { bytes } } } }', { id });
    const bytes = Buffer.concat(job.logs.entries.map((entry) => Buffer.from(entry.bytes, 'base64')));
    expect(bytes).toEqual(Buffer.concat([Buffer.from('first größer '), Buffer.from([0, 0xff, 10])]));
    expect(job.openStdin).toBe(true);
  });

  it('ignores a repeated write, and accepts only the new bytes of one that overlaps', async () => {
    const id = await start('cat');
    expect(await write(id, 0, { text: 'abc' })).toBe(3);
    expect(await write(id, 0, { text: 'abc' })).toBe(3);
    expect(await write(id, 1, { text: 'bcde' })).toBe(4);
    expect(await write(id, 5, { text: 'f', endOfInput: true })).toBe(1);
    expect(await write(id, 5, { text: 'f', endOfInput: true })).toSatisfy(
      (result) => result === 1 || String(result).startsWith('JOB_NOT_RUNNING'),
    );
    expect(await output(id)).toBe('abcdef');
  });

  it('refuses a gap, other bytes at the same offset, bytes after the end, and bytes that nobody reads', async () => {
    const id = await start('cat; exec sleep 1000');
    await server.running(id);
    expect(await write(id, 7, { text: 'abc' })).toMatch(
      /^BAD_USER_INPUT: input.offset: expected at most 0, .* got 7$/,
    );
    expect(await write(id, 0, { text: 'abc' })).toBe(3);
    expect(await write(id, 0, { text: 'xyz' })).toMatch(
      /^BAD_USER_INPUT: input.offset: .* or 3, .*somebody else/,
    );
    expect(await write(id, 3, { endOfInput: true })).toBe(0);
    expect(await write(id, 3, { text: 'd' })).toMatch(/^STDIN_CLOSED: input.jobId: .*written after 3 bytes$/);
    await server.stop(id, 0);
    expect(await write(id, 3, { text: 'd' })).toMatch(/^JOB_NOT_RUNNING: .*STOPPED$/);
    const closed = await start('exec 0<&-; echo closed; exec sleep 1000');
    await expect.poll(async () => (await server.output(closed, false)).stdout).toBe('closed\n');
    expect(await write(closed, 0, { text: 'abc' })).toMatch(
      /^STDIN_CLOSED: .*the command has closed it after .* 0 bytes/,
    );
    await server.stop(closed, 0);
  });

  it('refuses bad input with the name of the field', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await server.running(id);
    expect(await write(id, 0, { text: 'a' })).toMatch(/^BAD_USER_INPUT: input.jobId: .*openStdin/);
    await server.stop(id, 0);
    expect(await write(id, 0, { text: 'a', bytes: 'YQ==' })).toMatch(
      /^BAD_USER_INPUT: input: at most|^BAD_USER_INPUT: input: expected at most one/,
    );
    expect(await write(id, 0, { bytes: 'a' })).toMatch(/^BAD_USER_INPUT: input.bytes: .*base64/);
    expect(await write(id, 0, { text: '\ud83d' })).toMatch(/^BAD_USER_INPUT: input.text: .*surrogates/);
    expect(await write(id, -1, { text: 'a' })).toMatch(/^BAD_USER_INPUT: input.offset: /);
    const open = await start('sleep 1000');
    expect(await write(open, 0, { text: 'x'.repeat(1024 * 1024 + 1) })).toMatch(
      /^BAD_USER_INPUT: input: expected at most 1048576 bytes/,
    );
    await server.stop(open, 0);
    const { errors } = await server.ask(
      'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }',
      { input: { command: 'cat', openStdin: true, retries: { limit: 1 } } },
    );
    expect(errors?.[0]?.extensions?.['field']).toBe('input.retries');
  });

  it('accepts what fits if nobody reads', async () => {
    const id = await start('exec sleep 1000');
    await server.running(id);
    const bytes = Buffer.alloc(700_000, 'x').toString('base64');
    let offset = 0;
    let accepted: number | string;
    do {
      accepted = await write(id, offset, { bytes });
      offset += Number(accepted);
    } while (accepted === 700_000);
    // Only a pipe is buffered.
    expect(offset).toBeLessThanOrEqual(1024 * 1024);
    expect(offset).toBeGreaterThan(0);
    await server.stop(id, 0);
  });

  it('refuses to repeat what was written too long ago to be compared', async () => {
    const id = await start('cat > /dev/null');
    await server.running(id);
    const mebibyte = Buffer.alloc(1024 * 1024, 'x').toString('base64');
    for (let offset = 0; offset < 1_100_000; ) offset += Number(await write(id, offset, { bytes: mebibyte }));
    expect(await write(id, 0, { text: 'x' })).toMatch(/^BAD_USER_INPUT: input.offset: .*, where the next/);
    await server.stop(id, 0);
  });

  it('has every byte of each of several writers once and in order', async () => {
    // Slow at first, so that writers wait for room in the middle of what they write.
    const split = (bytes: string): string => `tr -dc ${bytes} < /tmp/all | sha256sum | cut -c 1-64`;
    const id = await start(
      `sleep 0.3; for i in $(seq 30); do dd bs=4096 count=5; sleep 0.01; done 2> /dev/null > /tmp/all; cat >> /tmp/all; ${split('a-z')}; ${split('0-9')}`,
    );
    await server.running(id);
    const connection = await connect({
      url: new URL(server.url),
      urlGiven: true,
      stateDirGiven: false,
      stateDirs: [],
      token: server.token,
      tls: {},
      profilesPath: '/none',
    });
    const contents = ['abcdefghijklm', '01234567890'].map((text) => Buffer.alloc(2_000_000, text));
    await Promise.all(
      contents.map((content) => new StdinWriter(connection, id, { shared: true }).write(content)),
    );
    await new StdinWriter(connection, id, { shared: true }).write(Buffer.alloc(0), true);
    const digests = contents.map((content) => createHash('sha256').update(content).digest('hex'));
    expect((await output(id)).trim().split('\n')).toEqual(digests);
  });

  it('takes nothing of what begins where somebody else has written', async () => {
    const pieceBytes = 64 * 1024;
    const id = await start('cat');
    await server.running(id);
    let offset = 0;
    while (offset < pieceBytes) {
      const accepted = await write(id, offset, { text: 'a'.repeat(pieceBytes - offset) });
      offset += Number(accepted);
    }
    // The second piece of it would fit after what was written first.
    expect(await write(id, 0, { text: 'b'.repeat(2 * pieceBytes) })).toMatch(
      /^BAD_USER_INPUT: input.offset: /,
    );
    expect(await write(id, offset, { text: 'c', endOfInput: true })).toBe(1);
    expect(await output(id)).toBe(`${'a'.repeat(pieceBytes)}c`);
  });

  it('continues at the right offset when the server is killed between and during writes', async () => {
    const id = await start('sha256sum');
    const restartable = new RestartableServer(server);
    const all = Buffer.alloc(3_000_000, 'abcdefghijklmnopqrstuvwxyz0123456789\n');
    let offset = 0;
    for (let count = 0; offset < all.length; count++) {
      const piece = all.subarray(offset, offset + 150_000);
      if (count === 2 || count === 9) restartable.restart('SIGKILL');
      const endOfInput = offset + piece.length === all.length;
      const accepted = await restartable.persist(async () => {
        const result = await write(id, offset, { bytes: piece.toString('base64'), endOfInput });
        if (typeof result === 'string') throw new Error(result);
        return result;
      });
      offset += accepted;
    }
    await restartable.isUp();
    expect(await output(id)).toContain(createHash('sha256').update(all).digest('hex'));
  });
});

const BIN = join(import.meta.dirname, '..', '..', 'bin', 'cloister');

const cli = (...args: string[]): ChildProcess =>
  spawn(BIN, args, {
    env: { ...process.env, CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir },
    stdio: ['pipe', 'pipe', 'pipe'],
  });

const exit = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('close', resolve));

/** A program that writes "y" until nobody reads. */
const endless = (child: ChildProcess): ChildProcess => {
  const yes = spawn('yes', { stdio: ['ignore', 'pipe', 'ignore'] });
  if (child.stdin === null || yes.stdout === null) throw new Error('no pipes');
  yes.stdout.on('error', () => undefined).pipe(child.stdin.on('error', () => undefined));
  child.once('close', () => yes.kill());
  return yes;
};

describe('cloister run', () => {
  it('ends with a command that needs no more of an endless input', async () => {
    const child = cli('run', 'head -1');
    endless(child);
    const [code, out, err] = await Promise.all([
      exit(child),
      text(child.stdout as never),
      text(child.stderr as never),
    ]);
    expect({ code, out, err }).toEqual({ code: 0, out: 'y\n', err: '' });
  });

  it('passes input on as it arrives, and its end', async () => {
    const child = cli('run', 'cat');
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('no pipes');
    const done = exit(child);
    for (const line of ['one\n', 'two\n', 'three\n']) {
      const echoed = new Promise<string>((resolve) => stdout.once('data', (chunk) => resolve(String(chunk))));
      stdin.write(line);
      expect(await echoed).toBe(line);
    }
    stdin.end();
    expect(await done).toBe(0);
  });

  it('feeds more than fits into a submission, including binary data', async () => {
    const child = cli('run', 'sha256sum');
    const all = Buffer.alloc(12_000_000);
    for (let i = 0; i < all.length; i++) all[i] = (i * 7919) >> 5;
    child.stdin?.end(all);
    const [code, out] = await Promise.all([exit(child), buffer(child.stdout as never)]);
    expect(code).toBe(0);
    expect(out.toString()).toContain(createHash('sha256').update(all).digest('hex'));
  });
});

describe('cloister submit', () => {
  it('prints the id at once, and ends when all was written', async () => {
    const child = cli('submit', '--stdin', '-', 'wc -c');
    const id = new Promise<string>((resolve) =>
      child.stdout?.once('data', (chunk) => resolve(String(chunk).trim())),
    );
    child.stdin?.write('x'.repeat(1000));
    const jobId = await id;
    child.stdin?.end('x'.repeat(9_000_000));
    expect(await exit(child)).toBe(0);
    expect((await output(jobId)).trim()).toBe('9001000');
  });
});
