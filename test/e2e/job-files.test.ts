/** The files of a running job: listed, read and written while it runs. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

interface Entry {
  readonly name: string;
  readonly nameBytes: string | null;
  readonly type: string;
  readonly size: number;
  readonly mode: string;
  readonly uid: number;
  readonly target: string | null;
}

interface Files {
  readonly file: Entry;
  readonly nodes: readonly Entry[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  readonly content: {
    readonly offset: number;
    readonly bytes: string;
    readonly text: string | null;
    readonly endOfFile: boolean;
  } | null;
}

const ENTRY = 'name nameBytes type size mode modifiedAt uid gid target targetBytes';
const FILES = `query ($id: ID!, $path: String!, $pathBytes: Base64, $first: Int, $after: String, $offset: ByteSize, $length: ByteSize) {
  job(id: $id) { files(path: $path, pathBytes: $pathBytes, first: $first, after: $after) {
    file { ${ENTRY} } nodes { ${ENTRY} } pageInfo { hasNextPage endCursor }
    content(offset: $offset, length: $length) { offset bytes text endOfFile } } } }`;
const WRITE = `mutation ($input: WriteFileInput!) { writeFile(input: $input) { job { id } file { ${ENTRY} } } }`;

const start = async (command: string, more: Record<string, unknown> = {}): Promise<string> => {
  const id = await server.submit({ command: `${command}; touch /tmp/ready; exec sleep 1000`, ...more });
  await server.running(id);
  await expect.poll(() => refusalOf(look(id, '/tmp/ready'))).toBe('');
  return id;
};

const look = async (id: string, path: string, more: Record<string, unknown> = {}): Promise<Files> => {
  const { data, errors } = await server.ask(FILES, { id, path, ...more });
  if (errors !== undefined) throw new Error(`${errors[0]?.extensions?.['code']}: ${errors[0]?.message}`);
  return (data as { job: { files: Files } }).job.files;
};

const write = async (jobId: string, path: string, input: Record<string, unknown>): Promise<Entry> => {
  const { data, errors } = await server.ask(WRITE, {
    input: { jobId, path, ...input },
  });
  if (errors !== undefined) throw new Error(`${errors[0]?.extensions?.['code']}: ${errors[0]?.message}`);
  return (data as { writeFile: { file: Entry } }).writeFile.file;
};

const refusalOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return '';
  } catch (error) {
    return String((error as Error).message);
  }
};

const run = async (jobId: string, command: string) => {
  const { execInJob } = await server.query<{ execInJob: { job: { id: string } } }>(
    'mutation ($input: ExecInJobInput!) { execInJob(input: $input) { job { id } } }',
    { input: { jobId, command } },
  );
  const job = await server.ended(execInJob.job.id);
  return { ...job, ...(await server.output(execInJob.job.id)) };
};

describe('Job.files', () => {
  it('lists a folder, page by page, including names that are not UTF-8', async () => {
    const id = await start(
      'mkdir -m 750 /d; cd /d; touch "$(printf "b\\377")" b a; ln -s /no/where link; mkfifo fifo; echo hello > c; mkdir z',
    );
    const all = await look(id, '/d/');
    expect(all.file).toMatchObject({ name: 'd', type: 'FOLDER', mode: '0750', uid: 0 });
    expect(all.content).toBe(null);
    expect(all.nodes.map(({ name, type, target }) => [name, type, target])).toEqual([
      ['a', 'FILE', null],
      ['b', 'FILE', null],
      ['b\ufffd', 'FILE', null],
      ['c', 'FILE', null],
      ['fifo', 'FIFO', null],
      ['link', 'LINK', '/no/where'],
      ['z', 'FOLDER', null],
    ]);
    expect(all.nodes[2]?.nameBytes).toBe(Buffer.from('b\xff', 'latin1').toString('base64'));
    expect(all.nodes[3]).toMatchObject({ size: 6, mode: '0644' });
    const pages: string[] = [];
    for (let after: string | null | undefined; ; ) {
      const { nodes, pageInfo } = await look(id, '/d', { first: 3, after });
      pages.push(nodes.map(({ name }) => name).join(' '));
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) break;
    }
    expect(pages).toEqual(['a b b\ufffd', 'c fifo link', 'z']);
    const pathBytes = Buffer.from('/d/b\xff', 'latin1').toString('base64');
    expect((await look(id, '/', { pathBytes })).file).toMatchObject({ type: 'FILE' });
    await server.stop(id, 0);
  });

  it('reads parts of a file, as bytes and as text', async () => {
    const id = await start('printf "0123456789\\303\\244" > /f; ln -s f /link; : > /empty');
    expect((await look(id, '/f')).content).toEqual({
      offset: 0,
      bytes: Buffer.from('0123456789ä').toString('base64'),
      text: '0123456789ä',
      endOfFile: true,
    });
    expect((await look(id, '/link', { offset: 8, length: 3 })).content).toMatchObject({
      bytes: Buffer.from('89\xc3', 'latin1').toString('base64'),
      text: null,
      endOfFile: false,
    });
    expect((await look(id, '/f', { offset: 100 })).content).toMatchObject({ bytes: '', endOfFile: true });
    expect((await look(id, '/empty')).content).toMatchObject({ text: '', endOfFile: true });
    expect((await look(id, '/proc/meminfo')).content?.text).toMatch(/^MemTotal:/);
    await server.stop(id, 0);
  });

  it('never blocks, follows no magic link, and opens only regular files', async () => {
    const id = await start(
      'mkfifo /fifo; ln -s /dev/zero /zero; ln -s /proc/1/root/etc/passwd /out; ln -s loop /loop; ' +
        'sh -c "kill -STOP \\$\\$" & sleep 0.1; ln -s /proc/$!/cmdline /stopped',
    );
    expect((await look(id, '/fifo')).content).toBe(null);
    expect((await look(id, '/zero')).file.type).toBe('DEVICE');
    expect((await look(id, '/stopped')).content?.text).toContain('STOP');
    for (const path of ['/out', '/proc/2/root/etc', '/proc/2/cwd', '/loop'])
      expect(await refusalOf(look(id, path))).toMatch(/^BAD_USER_INPUT: path: .*\((ELOOP|EACCES)\)/);
    for (const path of ['/fifo', '/zero', '/dev/ptmx', '/tmp'])
      expect(await refusalOf(write(id, path, { text: 'x' }))).toMatch(
        /^BAD_USER_INPUT: input.path: expected a regular file, got/,
      );
    // Nothing of the machine, and nothing of the process that looks: not its descriptors, and not itself.
    expect(await refusalOf(look(id, '/proc/self'))).toMatch(/^NOT_FOUND/);
    expect(await refusalOf(look(id, '/../../../../etc/machine-id/../../work'))).toMatch(/^NOT_FOUND/);
    await server.stop(id, 0);
  });

  it('has the rights of the command and no others', async () => {
    const id = await start('umask 077; echo mine > /tmp/own', { user: 'nobody' });
    expect((await look(id, '/tmp/own')).content?.text).toBe('mine\n');
    expect(await refusalOf(look(id, '/root/x'))).toMatch(/^BAD_USER_INPUT: path: .*permission denied/);
    expect(await refusalOf(write(id, '/etc/passwd', { text: 'x' }))).toMatch(/permission denied/);
    expect(await write(id, '/tmp/new', { text: 'x' })).toMatchObject({ uid: 65534, mode: '0644' });
    await server.stop(id, 0);
    // Exactly what a command of this job has, as it sees itself.
    const other = await start('true', { capabilities: 'ROOT_IN_CELL' });
    expect(await write(other, '/etc/hosts', { text: 'x', append: true })).toMatchObject({ uid: 0 });
    await server.stop(other, 0);
  });

  it('reads large folders within bounds', async () => {
    const id = await start('mkdir /many; cd /many; seq -w 0 19999 | xargs touch');
    const last = await look(id, '/many', { first: 1000, after: Buffer.from('19500').toString('base64url') });
    expect(last.nodes).toHaveLength(499);
    expect(last.pageInfo.hasNextPage).toBe(false);
    const first = await look(id, '/many', { first: 1000 });
    expect(first.nodes.at(-1)?.name).toBe('00999');
    expect(first.pageInfo.hasNextPage).toBe(true);
    await server.stop(id, 0);
  });
});

describe('writeFile', () => {
  it('makes, replaces, continues and appends to files, and makes folders', async () => {
    const id = await start('true');
    expect(await write(id, '/new/deep/f', { text: 'one', parents: true })).toMatchObject({
      name: 'f',
      size: 3,
      mode: '0644',
    });
    await write(id, '/new/deep/f', { text: 'two\n', append: true });
    await write(id, '/new/deep/f', { text: 'X', offset: 2, mode: '0700' });
    // Repeated, as when an answer was lost.
    expect(await write(id, '/new/deep/f', { text: 'X', offset: 2 })).toMatchObject({ size: 3, mode: '0700' });
    expect(await run(id, 'cat /new/deep/f; stat -c %a /new/deep')).toMatchObject({ stdout: 'onX755\n' });
    expect(await write(id, '/folder', { folder: true, mode: '0700' })).toMatchObject({ type: 'FOLDER' });
    expect(await write(id, '/folder', { folder: true })).toMatchObject({ mode: '0700' });
    const bytes = Buffer.alloc(1024 * 1024, 0xfe).toString('base64');
    expect(await write(id, '/large', { bytes })).toMatchObject({ size: 1048576 });
    expect((await look(id, '/large', { length: '1Mi' })).content?.bytes).toBe(bytes);
    await write(id, '/large', { text: '' });
    expect((await look(id, '/large')).file.size).toBe(0);
    await server.stop(id, 0);
  });

  it('gives a file its name when it is complete, and makes links', async () => {
    const id = await start('echo before > /f; ln -s /etc/passwd /l');
    await write(id, '/part', { text: 'one ' });
    expect((await look(id, '/f')).content?.text).toBe('before\n');
    const moved = await write(id, '/part', { text: 'two', offset: 4, moveTo: '/f' });
    expect(moved).toMatchObject({ name: 'f', type: 'FILE', size: 7 });
    // Replaces a link rather than its target.
    await write(id, '/other', { text: 'mine', moveTo: '/l' });
    const made = await write(id, '/new', { link: 'no/where', moveTo: '/deep' });
    expect(made).toMatchObject({ name: 'deep', type: 'LINK', target: 'no/where' });
    const seen = await run(
      id,
      'cat /f /l; readlink /deep; ls -d /part /other /new; grep -c root /etc/passwd',
    );
    expect(seen.stdout).toMatch(/^one twomineno\/where\n[1-9]\n$/);
    await server.stop(id, 0);
  });

  it('says what is wrong', async () => {
    const id = await start('true', { limits: { disk: '1Mi' } });
    const cases: readonly [string, Record<string, unknown>, RegExp][] = [
      ['relative', { text: '' }, /^BAD_USER_INPUT: input.path: expected an absolute path, got "relative"$/],
      ['/a\0b', { text: '' }, /^BAD_USER_INPUT: input.path: expected a path without NUL/],
      [`/${'x'.repeat(4095)}`, { text: '' }, /input.path: expected at most 4095 bytes, got "4096 bytes"/],
      [`/${'x'.repeat(300)}`, { text: '' }, /input.path: .*name too long/],
      ['/f', {}, /^BAD_USER_INPUT: input: expected one of text, bytes, folder and link, got "none"$/],
      [
        '/f',
        { text: '', folder: true },
        /input: expected one of text, bytes, folder and link, got "several"/,
      ],
      ['/f', { text: '', link: 'a' }, /input: expected one of text, bytes, folder and link, got "several"/],
      ['/l', { link: '' }, /^BAD_USER_INPUT: input.link: expected from 1 to 4095 bytes, got "0 bytes"$/],
      ['/l', { link: 'a\0' }, /^BAD_USER_INPUT: input.link: expected a path without NUL/],
      ['/l', { link: 'a', mode: '0644' }, /^BAD_USER_INPUT: input.mode: expected none for a link/],
      ['/l', { link: 'a', offset: 0 }, /^BAD_USER_INPUT: input.link: expected neither offset nor append/],
      ['/etc/passwd', { link: 'a' }, /^BAD_USER_INPUT: input.path: .*file already exists \(EEXIST\)$/],
      ['/f', { folder: true, moveTo: '/g' }, /^BAD_USER_INPUT: input.moveTo: .*got "a folder"$/],
      [
        '/f',
        { text: 'x', moveTo: 'g' },
        /^BAD_USER_INPUT: input.moveTo: expected an absolute path, got "g"$/,
      ],
      ['/f', { text: 'x', moveTo: '/tmp' }, /^BAD_USER_INPUT: input.moveTo: .*"\/tmp".*\(EISDIR\)$/],
      ['/f', { text: 'x', moveTo: '/no/g' }, /^NOT_FOUND: input.moveTo: .*\(ENOENT\)$/],
      ['/f', { text: 'x', mode: '0999' }, /input.mode: expected permissions in octal/],
      ['/f', { text: 'x', mode: '4755' }, /input.mode: expected permissions in octal/],
      ['/f', { text: 'x', offset: 1, append: true }, /input.append: expected no offset with it/],
      [
        '/f',
        { text: 'x', offset: 1 },
        /^BAD_USER_INPUT: input.offset: expected at most 0, where the file ends/,
      ],
      ['/no/f', { text: 'x' }, /^NOT_FOUND: input.path: .*no such file or directory \(ENOENT\)$/],
      ['/etc/passwd/f', { text: 'x' }, /^BAD_USER_INPUT: input.path: .*not a directory \(ENOTDIR\)$/],
      ['/etc/passwd', { folder: true }, /^BAD_USER_INPUT: input.path: .*not a directory/],
      ['/tmp/', { text: 'x' }, /^BAD_USER_INPUT: input.path: /],
      ['/f', { bytes: Buffer.alloc(1048577).toString('base64') }, /input: expected at most 1048576 bytes/],
    ];
    for (const [path, input, message] of cases)
      expect(await refusalOf(write(id, path, input)), path.slice(0, 20)).toMatch(message);
    expect(await refusalOf(look(id, '/f'))).toMatch(/^NOT_FOUND/);
    const bytes = Buffer.alloc(1024 * 1024, 1).toString('base64');
    await write(id, '/half', { bytes: Buffer.alloc(600 * 1024).toString('base64') });
    expect(await refusalOf(write(id, '/full', { bytes }))).toMatch(
      /^UNAVAILABLE: the cell has no room for it: .*\(ENOSPC\)$/,
    );
    expect(await refusalOf(look(id, '/tmp', { first: 0 }))).toMatch(/first: expected from 1 to 1000, got 0/);
    expect(await refusalOf(look(id, '/tmp', { after: '%' }))).toMatch(/after: expected a cursor/);
    await server.query(`mutation { pauseJob(input: { jobId: "${id}" }) { job { id } } }`);
    expect(await refusalOf(look(id, '/tmp'))).toMatch(/^UNAVAILABLE: the job is paused/);
    await server.stop(id, 0);
    expect(await refusalOf(look(id, '/tmp'))).toMatch(/^JOB_NOT_RUNNING: job: .*STOPPED$/);
    expect(await refusalOf(write(id, '/f', { text: 'x' }))).toMatch(/^JOB_NOT_RUNNING: input.jobId/);
  });

  it('carries out many requests, and leaves no process', async () => {
    const id = await start('true');
    const answers = await Promise.all(Array.from({ length: 20 }, () => refusalOf(look(id, '/tmp'))));
    // It starts only when one of the four has ended.
    expect(answers).toEqual(answers.map(() => ''));
    const seen = await run(id, 'ps -o comm');
    expect(seen.stdout).not.toContain('cell-files');
    // Those of its supervisor: jobs of other tests have some too.
    const [supervisor] = readFileSync(join(server.stateDir, 'jobs', id, 'started'), 'latin1').split(' ');
    const left = () =>
      spawnSync('pgrep', ['-c', '-P', supervisor ?? '', '-x', 'cell-files']).stdout.toString();
    await expect.poll(left).toBe('0\n');
    await server.stop(id, 0);
    expect(server.errors).not.toContain('could not be removed');
  });
});

describe('the files of a job that has ended', () => {
  const keep = async (command: string, more: Record<string, unknown> = {}): Promise<string> => {
    const id = await server.submit({ command, keepRoot: true, ...more });
    expect(await server.ended(id)).toMatchObject({ exitCode: 0, error: null });
    return id;
  };

  it('are listed and read as it left them, when it kept its root', async () => {
    const id = await keep(
      'mkdir -m 750 /d; echo own > /d/f; chown 7:8 /d/f; ln -s f /d/l; mkfifo /d/p; rm /etc/motd; rm -r /etc/apk; ' +
        'mkdir /etc/apk; : > /etc/apk/new; echo more >> /etc/hosts; head -c 3000000 /dev/zero > /large',
      { capabilities: 'ROOT_IN_CELL' },
    );
    expect((await look(id, '/d')).nodes.map(({ name, type, uid }) => [name, type, uid])).toEqual([
      ['f', 'FILE', 7],
      ['l', 'LINK', 0],
      ['p', 'FIFO', 0],
    ]);
    expect((await look(id, '/d')).file).toMatchObject({ mode: '0750', type: 'FOLDER' });
    expect((await look(id, '/d/l')).content).toMatchObject({ text: 'own\n', endOfFile: true });
    // The image is below, and what was removed or replaced of it is gone.
    expect((await look(id, '/etc/passwd')).content?.text).toContain('root:');
    expect((await look(id, '/etc/hosts')).content?.text).toMatch(/more\n$/);
    expect((await look(id, '/etc/apk')).nodes.map(({ name }) => name)).toEqual(['new']);
    expect(await refusalOf(look(id, '/etc/motd'))).toMatch(/^NOT_FOUND/);
    const part = await look(id, '/large', { offset: 2_999_990, length: '1Mi' });
    expect(part.content).toMatchObject({ bytes: Buffer.alloc(10).toString('base64'), endOfFile: true });
    for (const path of ['/proc', '/sys', '/dev']) expect((await look(id, path)).nodes).toEqual([]);
    expect(await refusalOf(write(id, '/d/f', { text: 'x' }))).toMatch(/^JOB_NOT_RUNNING: input.jobId/);
  });

  it('are seen with the rights of its command, and lead nowhere else', async () => {
    const id = await keep(
      'umask 077; echo mine > /tmp/own; ln -s /../../../../../../etc/machine-id /tmp/up; ln -s /proc/1/root /tmp/root',
      { user: 'nobody' },
    );
    expect((await look(id, '/tmp/own')).content?.text).toBe('mine\n');
    expect(await refusalOf(look(id, '/root/x'))).toMatch(/^BAD_USER_INPUT: path: .*permission denied/);
    for (const path of ['/tmp/up', '/tmp/root/etc', `/..${server.stateDir}`])
      expect(await refusalOf(look(id, path))).toMatch(/^NOT_FOUND/);
  });

  it('are there while other requests are answered, after a restart, and not once they are gone', async () => {
    const id = await keep('echo 1 > /f');
    const other = await keep('echo 2 > /f');
    const texts = await Promise.all(
      [id, other, id, id, other, id, id].map(async (job) => (await look(job, '/f')).content?.text),
    );
    expect(texts.join('')).toBe('1\n2\n1\n1\n2\n1\n1\n');
    await server.end('SIGKILL');
    await server.boot();
    expect((await look(id, '/f')).content?.text).toBe('1\n');
    await server.query(
      `mutation { saveImage(input: { jobId: "${other}", name: "kept-files" }) { image { name } } }`,
    );
    expect(await refusalOf(look(other, '/f'))).toMatch(
      /^UNAVAILABLE: .*its files were saved as an image, or the disk had no room for them$/,
    );
    await look(id, '/f');
    await server.query(`mutation { deleteJob(input: { jobId: "${id}" }) { job { id } } }`);
    expect(await refusalOf(look(id, '/f'))).not.toBe('');
    // A cell rests for some seconds, and is gone then with its folder.
    const left = () =>
      readdirSync(join(server.stateDir, 'jobs')).filter((name) => name.startsWith('.files-'));
    await expect.poll(left).toEqual([]);
    expect(server.errors).not.toContain('could not be removed');
  });
});

describe('cloister cp', () => {
  const BIN = join(import.meta.dirname, '..', '..', 'bin', 'cloister');
  let here: string;

  beforeAll(() => {
    here = mkdtempSync(join(tmpdir(), 'cloister-cp-'));
  });
  afterAll(() => rmSync(here, { recursive: true, force: true }));

  const cp = async (args: readonly string[], input?: Buffer) => {
    const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir };
    const child = spawn(BIN, ['cp', ...args], { env, cwd: here });
    child.stdin.end(input);
    const closed = once(child, 'close');
    const [stdout, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr), closed]);
    return { code: child.exitCode, stdout, stderr };
  };

  it('copies files in both directions, including large and binary ones', async () => {
    const id = await start('mkdir /data');
    const large = Buffer.alloc(2_600_000, Buffer.from([0, 255, 10, 13, 7]));
    writeFileSync(join(here, 'large'), large, { mode: 0o540 });
    expect(await cp(['large', `${id}:/data/`])).toMatchObject({ code: 0, stderr: '' });
    expect(await cp([`${id}:/data/large`, 'back'])).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(join(here, 'back')).equals(large)).toBe(true);
    expect(statSync(join(here, 'back')).mode & 0o777).toBe(0o540);
    expect((await cp(['-', `${id}:/data/in`], Buffer.from('typed'))).code).toBe(0);
    expect((await cp([`${id}:/data/in`, '-'])).stdout.toString()).toBe('typed');
    // In an existing folder it keeps its name, and replaces a file with that name.
    mkdirSync(join(here, 'into'));
    writeFileSync(join(here, 'into', 'in'), 'before');
    expect((await cp([`${id}:/data/in`, 'into'])).code).toBe(0);
    expect(readFileSync(join(here, 'into', 'in'), 'utf8')).toBe('typed');
    // An incomplete copy leaves nothing, and an existing file stays.
    expect(await cp([`${id}:/proc/1/mem`, 'into/in'])).toMatchObject({ code: 1 });
    expect(readdirSync(join(here, 'into'))).toEqual(['in']);
    expect(readFileSync(join(here, 'into', 'in'), 'utf8')).toBe('typed');
    await server.stop(id, 0);
  });

  it('copies folders, and never follows links or names out of them', async () => {
    const id = await start(
      'mkdir -p /out/a/b && cd /out && echo one > a/one && chmod 400 a/one && echo x > "$(printf "n\\377")" && mkfifo fifo && ' +
        'ln -s /etc/passwd absolute && ln -s a/one inside && ln -s ../../up a/climbs && ln -s ../inside a/up && ' +
        'ln -s a/b/../../../x sly && mkdir -m 500 ro && : > ro2 && ln -s b a/loop',
    );
    const copied = await cp(['-r', `${id}:/out`, 'tree']);
    expect(copied.code).toBe(0);
    for (const name of ['absolute', 'climbs', 'sly', 'fifo'])
      expect(copied.stderr).toMatch(new RegExp(`/${name} is left out: it is a`));
    const tree = join(here, 'tree');
    expect(readdirSync(tree, { encoding: 'latin1' }).sort()).toEqual(['a', 'inside', 'n\xff', 'ro', 'ro2']);
    expect(readdirSync(join(tree, 'a')).sort()).toEqual(['b', 'loop', 'one', 'up']);
    expect(readlinkSync(join(tree, 'a', 'up'))).toBe('../inside');
    expect(readFileSync(join(tree, 'a', 'up'), 'utf8')).toBe('one\n');
    expect(statSync(join(tree, 'a', 'one')).mode & 0o777).toBe(0o400);
    expect(statSync(join(tree, 'ro')).mode & 0o777).toBe(0o500);
    // It is copied into an existing folder; the second time its name is taken.
    expect((await cp(['-r', `${id}:/out/a`, 'tree'])).stderr).toMatch(
      /tree\/a: expected a path at which there is nothing/,
    );
    // Back into the job.
    symlinkSync('one', join(here, 'tree', 'link'));
    const sent = await cp(['-r', 'tree', `${id}:/copy`]);
    expect(sent).toMatchObject({ code: 0, stderr: '' });
    const found = await run(
      id,
      'cd /copy; find . -type f | LC_ALL=C sort | tr "\\n" " "; stat -c %a a/one; cat a/one; readlink link; readlink a/up',
    );
    expect(found.stdout.replace(/[^ -~\n]+/, '?')).toBe('./a/one ./n? ./ro2 400\none\none\n../inside\n');
    await server.stop(id, 0);
    chmodSync(join(tree, 'ro'), 0o700);
  });

  it('copies names with spaces and newlines, and replaces a file only by a complete one', async () => {
    const id = await start('echo before > /odd; chmod 640 /odd');
    writeFileSync(join(here, 'a b\nc'), 'odd', { mode: 0o604 });
    expect(await cp(['a b\nc', `${id}:/tmp`])).toMatchObject({ code: 0, stderr: '' });
    expect(await cp([`${id}:/tmp/a b\nc`, 'd\ne'])).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(join(here, 'd\ne'), 'utf8')).toBe('odd');
    expect(statSync(join(here, 'd\ne')).mode & 0o777).toBe(0o604);
    // The transfer is cut in the middle.
    const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_STATE_DIR: server.stateDir };
    const child = spawn(BIN, ['cp', '-', `${id}:/odd`], {
      env,
      cwd: here,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    // EPIPE: it does not read all of this before it is killed.
    child.stdin.on('error', () => undefined);
    child.stdin.write(Buffer.alloc(3_000_000, 'new'));
    const parts = async () =>
      (await look(id, '/')).nodes.filter(({ name }) => name.startsWith('.cloister-cp-'));
    await expect.poll(async () => (await parts()).some(({ size }) => size > 0)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect((await look(id, '/odd')).content?.text).toBe('before\n');
    expect((await cp(['-', `${id}:/odd`], Buffer.from('after'))).code).toBe(0);
    expect((await look(id, '/odd')).file).toMatchObject({ size: 5, mode: '0640' });
    expect((await cp(['-', `${id}:/dev/null`], Buffer.from('x'))).stderr).toMatch(
      /expected a regular file to replace/,
    );
    await server.stop(id, 0);
  });

  it('says what is wrong, and leaves nothing', async () => {
    const id = await start('mkdir -p /d/e');
    const cases: readonly [readonly string[], RegExp][] = [
      [['a', 'b'], /expected one path of a job, such as @last:\/tmp\/file, got none/],
      [[`${id}:a`, 'b'], /expected an absolute path after the job/],
      [[`${id}:/none`, 'b'], /\/none: there is no such file in the cell/],
      [[`${id}:/d`, 'b'], /\/d: it is a folder: -r copies it/],
      [[`${id}:/dev/null`, 'b'], /\/dev\/null: expected a file or folder, got a DEVICE/],
      [['none', `${id}:/b`], /none: ENOENT/],
      [[`${id}:/etc/passwd`, 'no/b'], /no\/b: ENOENT/],
    ];
    const answers = await Promise.all(cases.map(([args]) => cp(args)));
    for (const [index, [args, message]] of cases.entries()) {
      expect(answers[index]?.stderr, args.join(' ')).toMatch(message);
      expect(answers[index]?.code).toBe(1);
    }
    expect(existsSync(join(here, 'b'))).toBe(false);
    expect(readdirSync(here).filter((name) => name.startsWith('.'))).toEqual([]);
    await server.stop(id, 0);
    expect((await cp([`${id}:/d`, 'b'])).stderr).toMatch(/expected a running job, got one that is STOPPED/);
  });
});
