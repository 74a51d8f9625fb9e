/** Artifacts: which files of a cell are kept, how a hostile job can interfere, and who may download them. */

import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { downloadArtifact } from '../../src/client/download.ts';
import { PROJECT } from '../docs/documents.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('--base-path', '/cloister');
});

afterAll(() => server.dispose());

interface Artifact {
  readonly name: string;
  readonly path: string;
  readonly kind: 'FILE' | 'ARCHIVE' | null;
  readonly size: number | null;
  readonly sha256: string | null;
  readonly mode: string | null;
  readonly entries: number | null;
  readonly skipped: number | null;
  readonly url: string | null;
  readonly error: string | null;
}

const ARTIFACTS = `query ($id: ID!) { job(id: $id) {
  artifacts { name path kind size sha256 mode entries skipped url error } } }`;

const artifacts = async (id: string): Promise<readonly Artifact[]> =>
  (await server.query<{ job: { artifacts: readonly Artifact[] } }>(ARTIFACTS, { id })).job.artifacts;

/** Runs a command to its end, and returns the job with its artifacts. */
const left = async (command: string, ...paths: (string | object)[]): Promise<readonly Artifact[]> => {
  const asked = paths.map((path) => (typeof path === 'string' ? { path } : path));
  const id = await server.submit({ command, artifacts: asked });
  expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0, error: null });
  return artifacts(id);
};

const download = async (url: string | null, init: RequestInit = {}): Promise<Response> =>
  fetch(url ?? '', init);

const bytesOf = async ({ url }: Artifact): Promise<Buffer> =>
  Buffer.from(await (await download(url)).arrayBuffer());

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** GNU tar on an archive: somebody else's program. */
const tar = (archive: Buffer | undefined, ...args: string[]): Buffer =>
  execFileSync('tar', ['--quoting-style=escape', '-f', '-', ...args], {
    input: archive,
    maxBuffer: 64 << 20,
  });

const listed = (archive: Buffer | undefined): readonly string[] =>
  String(tar(archive, '-tv'))
    .trim()
    .split('\n')
    .map((line) => line.split(/ +/).slice(5).join(' '));

describe('artifacts', () => {
  it('are files as they were, folders and what matches a pattern as archives', async () => {
    const command = [
      'mkdir -p /out/deep/er && cd /out && seq 100000 > numbers && chmod 751 numbers',
      'ln -s deep/er link && ln -s /out/numbers absolute && ln -s ../../etc away && mkfifo pipe',
      'echo x > deep/er/x.txt && echo y > deep/y.txt && echo .h > deep/.hidden.txt && mkdir deep/empty.txt',
      // A name that is not UTF-8, and one that is too long for the header of an archive.
      'touch "$(printf "caf\\351")" && touch "$(printf "%0150d" 0)" && truncate -s 3M sparse && echo z >> sparse',
    ].join(' && ');
    const kept = await left(
      command,
      '/out/numbers',
      // As the cell sees it.
      { path: '/out/absolute', name: 'through a link' },
      '/out/',
      { path: '/out/**/*.txt', name: 'texts.tar' },
      { path: '/out/no*', name: 'nothing.tar', optional: true },
      '/out/sparse',
      { path: '/out/none', optional: true },
    );
    expect(kept.map(({ name, kind, mode, error }) => [name, kind, mode, error])).toEqual([
      ['numbers', 'FILE', '0751', null],
      ['through a link', 'FILE', '0751', null],
      ['out.tar', 'ARCHIVE', '0755', null],
      ['texts.tar', 'ARCHIVE', '0755', null],
      ['nothing.tar', null, null, null],
      ['sparse', 'FILE', '0644', null],
      ['none', null, null, null],
    ]);
    const [numbers, linked, out, texts, , sparse] = await Promise.all(
      kept.map(async (artifact) => (artifact.url === null ? Buffer.alloc(0) : bytesOf(artifact))),
    );
    for (const [index, bytes] of [numbers, linked, out, texts].entries())
      expect([kept[index]?.sha256, kept[index]?.size]).toEqual([sha256(bytes as Buffer), bytes?.length]);
    expect(numbers?.toString()).toBe(`${Array.from({ length: 100_000 }, (_, i) => i + 1).join('\n')}\n`);
    expect(linked).toEqual(numbers);
    expect(sparse?.length).toBe(3 * 2 ** 20 + 2);
    expect(sha256(sparse as Buffer)).toBe(kept[5]?.sha256);

    expect(listed(out)).toEqual([
      'out/',
      `out/${'0'.repeat(150)}`,
      'out/caf\\351',
      'out/deep/',
      'out/deep/.hidden.txt',
      'out/deep/empty.txt/',
      'out/deep/er/',
      'out/deep/er/x.txt',
      'out/deep/y.txt',
      'out/link -> deep/er',
      'out/numbers',
      'out/sparse',
    ]);
    expect(sha256(tar(out, '-xO', 'out/numbers'))).toBe(kept[0]?.sha256);
    expect(sha256(tar(out, '-xO', 'out/sparse'))).toBe(kept[5]?.sha256);
    expect(kept[2]).toMatchObject({ entries: 12, skipped: 3 });
    expect(listed(texts)).toEqual(['out/deep/empty.txt/', 'out/deep/er/x.txt', 'out/deep/y.txt']);
  });
});

/** The obstacles that a job can prepare, each in its own folder, with the expected result. */
const HOSTILE: readonly (readonly [what: string, command: string, path: string, error: string | null])[] = [
  ['nothing', ':', 'none', 'MISSING'],
  ['a file in the place of a folder', ': > file', 'file/below', 'MISSING'],
  ['a pipe that nobody writes to', 'mkfifo pipe', 'pipe', 'NOT_A_FILE'],
  ['a link to such a pipe', 'mkfifo pipe && ln -s pipe link', 'link', 'NOT_A_FILE'],
  ['links in a circle', 'ln -s two one && ln -s one two', 'one', 'NOT_A_FILE'],
  ['a link through a process', 'ln -s /proc/self/root/etc/hostname link', 'link', 'NOT_A_FILE'],
  ['a link to a device', 'ln -s /dev/zero link', 'link', 'NOT_A_FILE'],
  ['a link to a file of procfs', 'ln -s /proc/meminfo link', 'link', 'NOT_A_FILE'],
  ['a link that climbs out of the root', 'ln -s ../../../../../../etc/hostname link', 'link', null],
  [
    'a file that nobody may read',
    'echo x > secret && chown nobody secret && chmod 0 secret && chmod 0 .',
    'secret',
    null,
  ],
  ['a file of 100 TB without content', 'truncate -s 100000G bomb', 'bomb', 'TOO_LARGE'],
  ['such a file in a folder', 'mkdir in && truncate -s 8000000000G in/bomb', 'in', 'TOO_LARGE'],
  [
    'one file under many names',
    'mkdir in && head -c 4m /dev/zero > in/0 && for i in $(seq 40); do ln in/0 in/$i; done',
    'in',
    'TOO_LARGE',
  ],
  ['folders without end', 'for i in $(seq 300); do mkdir d && cd d; done', 'd', 'TOO_DEEP'],
  [
    'a path without end',
    'n=$(printf %0250d 0); for i in $(seq 20); do mkdir $n && cd -P $n || break; done; true',
    '',
    'TOO_DEEP',
  ],
  [
    'an archive of nothing but pipes and links out',
    'mkfifo pipe && ln -s /etc out && ln -s ../../x up',
    '',
    null,
  ],
];

describe('artifacts of a hostile job', () => {
  let kept: readonly Artifact[];
  let id: string;

  beforeAll(async () => {
    const commands = HOSTILE.map(
      ([, command], index) => `(mkdir -p /w/${index} && cd /w/${index} && ${command}) || exit 1`,
    );
    id = await server.submit({
      command: ['echo of the cell > /etc/hostname', ...commands].join('\n'),
      capabilities: 'ROOT_IN_CELL',
      limits: { disk: '64M' },
      artifacts: HOSTILE.map(([, , path], index) => ({ path: `/w/${index}/${path}`, name: `${index}` })),
    });
    const { exitCode } = await server.ended(id);
    expect({ exitCode, ...(await server.output(id)) }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    kept = await artifacts(id);
  });

  it.each(HOSTILE.map(([what, , , error], index) => ({ what, error, index })))(
    '$what: $error',
    ({ error, index }) => {
      expect(kept[index]?.error).toBe(error);
      expect(kept[index]?.url === null).toBe(error !== null);
    },
  );

  it('reveal nothing of the host, and leave nothing behind when refused', async () => {
    const climbed = kept[HOSTILE.findIndex(([what]) => what.includes('climbs'))];
    expect(String(await bytesOf(climbed as Artifact))).toBe('of the cell\n');
    const skipped = kept[HOSTILE.findIndex(([what]) => what.includes('nothing but pipes'))];
    expect(skipped).toMatchObject({ entries: 1, skipped: 3 });
    const files = readdirSync(join(server.stateDir, 'jobs', id, 'artifacts')).sort();
    expect(files).toEqual(kept.flatMap(({ error }, index) => (error === null ? [`${index}`] : [])).sort());
  });
});

describe('the download of an artifact', () => {
  let id: string;
  let artifact: Artifact;
  /** Without a signature. */
  let address: string;

  beforeAll(async () => {
    id = await server.submit({
      command: 'printf 0123456789 > "/out 1"; : > /empty',
      artifacts: [{ path: '/out 1', name: 'caf\u00e9 "1".txt' }, { path: '/empty' }, { path: '/none' }],
    });
    await server.ended(id);
    [artifact] = (await artifacts(id)) as [Artifact];
    address = String(artifact.url).split('?')[0] ?? '';
  });

  const own = (headers: Record<string, string> = {}) => ({
    headers: { authorization: `Bearer ${server.token}`, ...headers },
  });

  it('returns the content unchanged, and no browser displays or runs it', async () => {
    expect(address).toBe(`${server.url.replace('graphql', 'jobs')}/${id}/artifacts/caf%C3%A9%20%221%22.txt`);
    const response = await download(artifact.url);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      etag: `"${sha256(Buffer.from('0123456789'))}"`,
      'accept-ranges': 'bytes',
      'content-length': '10',
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="caf_ _1_.txt"; filename*=UTF-8''caf%C3%A9%20%221%22.txt`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'private, no-cache',
    });
    expect(await response.text()).toBe('0123456789');
    const head = await download(address, { method: 'HEAD', ...own() });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', '']);
    const empty = await download(address.replace(/[^/]*$/, 'empty'), own({ range: 'bytes=0-' }));
    expect([empty.status, await empty.text()]).toEqual([416, '']);
    expect((await download(address.replace(/[^/]*$/, 'empty'), own())).status).toBe(200);
    expect((await download(address, { method: 'POST', ...own() })).status).toBe(405);
  });

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=9-99', 206, '9', 'bytes 9-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
    ['bytes=-0', 416, '', 'bytes */10'],
    ['bytes=99999999999999999999-', 416, '', 'bytes */10'],
    // No ranges, or more than one: all of it.
    ['bytes=4-2', 200, '0123456789', null],
    ['bytes=1-2,4-5', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
    ['bytes=', 200, '0123456789', null],
  ])('of %s is answered with %i', async (range, status, text, part) => {
    const response = await download(address, own({ range }));
    expect([response.status, await response.text(), response.headers.get('content-range')]).toEqual([
      status,
      text,
      part,
    ]);
  });

  it('depends on the copy that the client has', async () => {
    const etag = `"${artifact.sha256}"`;
    const status = async (headers: Record<string, string>) => (await download(address, own(headers))).status;
    expect(await status({ 'if-none-match': etag })).toBe(304);
    expect(await status({ 'if-none-match': `"a", W/${etag}` })).toBe(304);
    expect(await status({ 'if-none-match': '*' })).toBe(304);
    expect(await status({ 'if-none-match': '"a"' })).toBe(200);
    expect(await status({ range: 'bytes=1-2', 'if-range': etag })).toBe(206);
    expect(await status({ range: 'bytes=1-2', 'if-range': '"a"' })).toBe(200);
  });

  it('is for those who see the job, and for links that were signed for it', async () => {
    const { url } = artifact;
    const token = async (subject: string, role: string) =>
      (
        await server.query<{ createToken: { secret: string } }>(
          'mutation ($input: CreateTokenInput!) { createToken(input: $input) { secret } }',
          { input: { name: `${subject} ${role}`, subject, role } },
        )
      ).createToken.secret;
    const answer = async (path: string | null, secret?: string) => {
      const headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
      const response = await download(path, { headers });
      return { status: response.status, text: await response.text() };
    };
    const none = '00000000-0000-0000-0000-000000000000';
    for (const secret of [await token('bob', 'USER'), await token('bob', 'VIEWER')]) {
      const refused = await answer(address, secret);
      expect(refused.status).toBe(404);
      expect(refused.text.replaceAll(id, none)).toBe((await answer(address.replace(id, none), secret)).text);
    }
    expect((await answer(address)).status).toBe(401);
    expect((await answer(address, await token('admin', 'VIEWER'))).text).toBe('0123456789');
    const share = await server.query<{ shareJob: { url: string } }>(
      'mutation ($id: ID!) { shareJob(input: { jobId: $id }) { url } }',
      { id },
    );
    const guest = share.shareJob.url.split('#')[1] ?? '';
    expect((await answer(address, guest)).status).toBe(404);

    expect((await answer(url)).text).toBe('0123456789');
    // Links of another artifact or job, with another time, or with a foreign signature.
    const [, query] = String(url).split('?');
    const wrong = [
      `${address.replace(/[^/]*$/, 'empty')}?${query}`,
      `${address.replace(id, none)}?${query}`,
      String(url).replace(/expires=\d/, 'expires=9'),
      String(url).replace(/signature=./, 'signature='),
      `${address}?expires=x&signature=`,
    ];
    for (const path of wrong) expect([path, (await answer(path)).status]).toEqual([path, 403]);
    // Artifacts that were not kept do not exist.
    expect((await answer(address.replace(/[^/]*$/, 'none'), server.token)).status).toBe(404);
    expect((await answer(address.replace(/[^/]*$/, '..%2F..%2Flog'), server.token)).status).toBe(404);
  });

  it('is in the audit log, once for all of its parts', async () => {
    const made = await server.submit({ command: 'printf 12 > /out', artifacts: [{ path: '/out' }] });
    await server.ended(made);
    const [{ url }] = (await artifacts(made)) as [Artifact];
    const plain = String(url).split('?')[0] ?? '';
    const { createToken } = await server.query<{ createToken: { secret: string } }>(
      'mutation { createToken(input: { name: "of carol", subject: "carol", role: USER }) { secret } }',
    );
    for (const range of ['bytes=0-0', 'bytes=1-1'])
      expect((await download(plain, own({ range }))).status).toBe(206);
    expect((await download(url)).status).toBe(200);
    expect((await download(`${url}0`)).status).toBe(403);
    const authorization = `Bearer ${createToken.secret}`;
    expect((await download(plain, { headers: { authorization } })).status).toBe(404);
    const { auditLog } = await server.query<{ auditLog: { nodes: readonly object[] } }>(
      `query ($id: ID!) { auditLog(filter: { job: $id, action: DOWNLOAD_ARTIFACT }) {
        nodes { subject target address token outcome } } }`,
      { id: made },
    );
    const entry = { target: 'out', address: '127.0.0.1' };
    expect(auditLog.nodes).toEqual([
      { ...entry, subject: 'carol', token: 'of carol', outcome: 'NOT_FOUND' },
      { ...entry, subject: 'artifact link', token: null, outcome: 'OK' },
      { ...entry, subject: 'admin', token: null, outcome: 'OK' },
    ]);
  });
});

describe('the command line', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cloister-artifacts-'));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const cloister = async (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const env = { ...process.env, CLOISTER_URL: server.url, CLOISTER_TOKEN: server.token };
    try {
      const running = promisify(execFile)(join(PROJECT, 'bin/cloister'), args, { env });
      running.child.stdin?.end();
      return { code: 0, ...(await running) };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  };

  it('keeps, lists and downloads', async () => {
    const into = join(folder, 'new');
    const flags = [
      '--artifact',
      '/out',
      '--artifact',
      '/out/*.sh:scripts',
      '--optional-artifact',
      '/a',
      '--artifact',
      '/b',
    ];
    const command = 'mkdir /out; echo hi > /out/a.sh; chmod 755 /out/a.sh; exit 3';
    const ran = await cloister('run', ...flags, '--artifact', '/out/a.sh', '--artifact-dir', into, command);
    // A missing artifact does not change the exit code.
    expect(ran).toMatchObject({
      code: 3,
      stdout: '',
      stderr: 'cloister: artifact b was not kept: /b: MISSING\n',
    });
    expect(readdirSync(into).sort()).toEqual(['a.sh', 'out.tar', 'scripts']);
    expect(readFileSync(join(into, 'a.sh'), 'utf8')).toBe('hi\n');
    expect(statSync(join(into, 'a.sh')).mode & 0o777).toBe(0o755 & ~process.umask());
    expect(listed(readFileSync(join(into, 'scripts')))).toEqual(['out/a.sh']);

    const list = await cloister('artifacts', '@last');
    expect(list.stdout.split('\n').map((line) => line.split('\t').slice(0, 3))).toEqual([
      ['NAME', 'SIZE', 'STATE'],
      ['out.tar', expect.stringMatching(/K/), 'kept'],
      ['scripts', expect.stringMatching(/K/), 'kept'],
      ['b', '-', 'MISSING'],
      ['a.sh', '3 bytes', 'kept'],
      ['a', '-', '-'],
      [''],
    ]);
    // Replaces a file, and a link, which is not followed.
    rmSync(join(into, 'a.sh'));
    writeFileSync(join(folder, 'other'), 'other');
    symlinkSync(join(folder, 'other'), join(into, 'a.sh'));
    expect(await cloister('artifacts', '--download', into, '@last', 'a.sh')).toMatchObject({
      code: 0,
      stdout: `${join(into, 'a.sh')}\n`,
    });
    expect([readFileSync(join(into, 'a.sh'), 'utf8'), readFileSync(join(folder, 'other'), 'utf8')]).toEqual([
      'hi\n',
      'other',
    ]);
    expect(await cloister('artifacts', '--download', into, '@last', 'b')).toMatchObject({ code: 1 });
    expect((await cloister('artifacts', '@last', 'x')).stderr).toContain(
      'expected out.tar, scripts, b, a.sh, a, got x',
    );
  });

  it('leaves no file when the content does not match what the server says', async () => {
    const id = await server.submit({ command: 'echo one > /out', artifacts: [{ path: '/out' }] });
    await server.ended(id);
    writeFileSync(join(server.stateDir, 'jobs', id, 'artifacts', '0'), 'two\n');
    const into = join(folder, 'changed');
    const { code, stderr } = await cloister('artifacts', '--download', into, id);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^cloister: out: expected SHA-256 [0-9a-f]{64}, got /),
    ]);
    expect(readdirSync(into)).toEqual([]);
  });

  it.each(['../x', '..', '', 'a/b', 'a\\b', 'a\nb'])('refuses to write to a file named %j', async (name) => {
    const connection = { url: new URL(server.url), token: server.token, tokenNote: '', retryDelays: [] };
    const artifact = {
      name,
      path: '/x',
      optional: false,
      kind: 'FILE',
      size: 1,
      sha256: '',
      mode: '0644',
    } as const;
    const rest = { entries: null, skipped: null, url: null, error: null };
    await expect(downloadArtifact(connection, 'x', { ...artifact, ...rest }, folder)).rejects.toThrow(
      'expected the name of a file',
    );
  });

  it.each([
    [['run', '--artifact-dir', '.', 'true'], '--artifact-dir: expected together with --artifact'],
    [['run', '-d', '--artifact', '/a', '--artifact-dir', '.', 'true'], '--artifact-dir: expected without -d'],
    [['submit', '--artifact', 'a', 'true'], '--artifact: expected an absolute path, got "a"'],
    [['submit', '--artifact', '/*', 'true'], '--artifact: expected a name for the archive'],
  ])('%j: %s', async (args, message) => {
    const { code, stderr } = await cloister(...args);
    expect([code, stderr]).toEqual([args[0] === 'run' ? 125 : 1, expect.stringContaining(message)]);
  });
});

describe('what is kept of a job that was', () => {
  it.each([
    ['stopped', { command: 'echo x > /out; sleep 1000' }, 'STOPPED'],
    [
      'killed by its timeout',
      { command: 'echo x > /out; sleep 1000', limits: { timeout: '300ms' } },
      'LIMIT_EXCEEDED',
    ],
    ['failed', { command: 'echo x > /out; exit 3' }, 'COMPLETED'],
  ])('%s', async (what, input, status) => {
    const id = await server.submit({ ...input, artifacts: [{ path: '/out' }, { path: '/none' }] });
    await server.running(id);
    if (what === 'stopped') await server.stop(id, 0);
    expect((await server.ended(id)).status).toBe(status);
    const [out, none] = (await artifacts(id)) as [Artifact, Artifact];
    expect([out.error, none.error]).toEqual([null, 'MISSING']);
    expect(String(await bytesOf(out))).toBe('x\n');
  });

  it('never executed: nothing, and no error of its own', async () => {
    const id = await server.submit({ argv: ['/none'], artifacts: [{ path: '/out' }] });
    expect((await server.ended(id)).status).toBe('FAILED');
    expect(await artifacts(id)).toMatchObject([{ name: 'out', error: null, url: null, size: null }]);
  });

  it('ended while no server ran; it is removed with the job', async () => {
    const id = await server.submit({
      command: 'echo x > /out; sleep 1',
      artifacts: [{ path: '/out' }],
    });
    const lost = await server.submit({ command: 'sleep 1000', artifacts: [{ path: '/out' }] });
    await Promise.all([server.running(id), server.running(lost)]);
    await server.end('SIGKILL');
    // What remains when a supervisor is killed while it takes artifacts.
    const folder = (job: string, ...path: string[]) => join(server.stateDir, 'jobs', job, ...path);
    mkdirSync(folder(lost, 'artifacts'));
    writeFileSync(folder(lost, 'artifacts', '0'), 'half');
    const supervisorOf = (job: string): number =>
      Number.parseInt(readFileSync(folder(job, 'started'), 'latin1'), 10);
    process.kill(supervisorOf(lost), 'SIGKILL');
    // Of the other the record is there then, or, where it was faster than the end of the server, stored.
    const supervisor = supervisorOf(id);
    await expect.poll(() => existsSync(`/proc/${supervisor}`)).toBe(false);
    await server.boot();
    expect((await server.ended(id)).status).toBe('COMPLETED');
    const [out] = (await artifacts(id)) as [Artifact];
    expect(String(await bytesOf(out))).toBe('x\n');
    expect((await server.ended(lost)).status).toBe('LOST');
    expect(await artifacts(lost)).toMatchObject([{ error: null, url: null }]);
    expect(existsSync(folder(lost, 'artifacts'))).toBe(false);

    await server.query('mutation ($id: ID!) { deleteJob(input: { jobId: $id }) { job { id } } }', { id });
    expect((await download(out.url)).status).toBe(404);
    await expect.poll(() => existsSync(folder(id))).toBe(false);
  });
});
