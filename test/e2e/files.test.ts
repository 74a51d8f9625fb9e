/** Files that jobs are given: uploaded over HTTP, and found in the cell. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';
import { Terminal } from '../support/terminal.ts';

let server: TestServer;
/** Tokens of others. */
let user: string;
let viewer: string;

beforeAll(async () => {
  server = await TestServer.start('--max-file', '64Mi', '--max-stdin', '100Ki');
  const create = async (subject: string, role: string): Promise<string> => {
    const document = `mutation ($subject: String!, $role: Role!) {
      createToken(input: { name: $subject, subject: $subject, role: $role }) { secret } }`;
    return (await server.query<{ createToken: { secret: string } }>(document, { subject, role })).createToken
      .secret;
  };
  user = await create('user', 'USER');
  viewer = await create('viewer', 'VIEWER');
});

afterAll(() => server.dispose());

const digest = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

const url = (path: string): string => new URL(path, server.url).href;

interface Sent {
  readonly status: number;
  readonly offset: string | null;
  readonly body: {
    readonly file?: { readonly id: string };
    readonly errors?: readonly { readonly message: string }[];
  };
}

const send = async (
  path: string,
  body: string | Uint8Array | null,
  {
    token = server.token,
    headers = {},
    method = 'PUT',
  }: { token?: string | null; headers?: Record<string, string>; method?: string } = {},
): Promise<Sent> => {
  const response = await fetch(url(path), {
    method,
    headers: { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers },
    ...(body !== null && { body: Buffer.from(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    offset: response.headers.get('upload-offset'),
    body: text === '' ? {} : JSON.parse(text),
  };
};

const upload = async (content: string | Uint8Array, token = server.token): Promise<string> => {
  const sent = await send(`/files/${digest(content)}`, content, { token });
  expect(sent).toMatchObject({ status: 201, body: { file: { id: digest(content) } } });
  return digest(content);
};

const head = (id: string, token = server.token): Promise<Sent> =>
  send(`/files/${id}`, null, { token, method: 'HEAD' });

/** Files below the folder of contents, with their inodes and contents. */
const stored = (): readonly { name: string; ino: number; content: Buffer }[] => {
  const folder = join(server.stateDir, 'files');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return { name, ino: statSync(path).ino, content: readFileSync(path) };
    });
};

const outputOf = async (input: Record<string, unknown>): Promise<string> => {
  const id = await server.submit(input);
  expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', error: null });
  const { stdout, stderr } = await server.output(id);
  return stdout + stderr;
};

describe('a file in a cell', () => {
  it('belongs to the user of the command, has its mode, in folders that are made', async () => {
    const file = await upload('uploaded\n');
    const command =
      'stat -c "%n %a %u:%g %s" /given /given/in /given/in/* && cat /given/in/one && ./run && ./two; ls -l /dev/null | cut -c1';
    const files = [
      { path: '/given/in/one', file, mode: '0600' },
      { path: '/given/in/run', text: '#!/bin/sh\necho ran $0\n', mode: '755' },
      { path: '/given/in/two', bytes: Buffer.from([0xff, 0]).toString('base64') },
    ];
    expect(await outputOf({ command, files, user: 'nobody', workdir: '/given/in' })).toBe(
      [
        '/given 755 65534:65534 60',
        '/given/in 755 65534:65534 100',
        '/given/in/one 600 65534:65534 9',
        '/given/in/run 755 65534:65534 22',
        '/given/in/two 644 65534:65534 2',
        'uploaded',
        'ran ./run',
        'c',
        '/bin/sh: ./two: Permission denied',
        '',
      ].join('\n'),
    );
  });

  it('is found through links of the image, and takes the place of a file and of a link', async () => {
    const command =
      'ln -sf /etc/motd /tmp/x; cat /var/run/x /etc/motd /etc/hosts /bin/sh | head -c 40; rm /etc/motd';
    const files = ['/var/run/x', '/etc/motd', '/etc/hosts'].map((path) => ({ path, text: `${path}\n` }));
    const link = { path: '/bin/sh2', text: 'no program\n', mode: '0755' };
    expect(await outputOf({ command, files: [...files, link] })).toMatch(
      /^\/var\/run\/x\n\/etc\/motd\n\/etc\/hosts\n.*Resource busy\n$/s,
    );
  });

  it('cannot be changed, by root of the cell with its capabilities either', async () => {
    const content = 'the content that stays';
    const file = await upload(content);
    const before = stored();
    const attempts = [
      'echo x > /in/f',
      'echo x >> /in/f',
      'chmod 777 /in/f',
      'chown 1:1 /in/f',
      'touch /in/f',
      'rm -f /in/f',
      'mv /in/f /in/g',
      'ln /in/f /in/g',
      'truncate -s 0 /in/f',
      'mount -o remount,rw /in/f',
      'umount /in/f',
      'exec 3</in/f; echo x >/proc/self/fd/3',
      'dd if=/dev/zero of=/in/f conv=notrunc count=1',
      'mount --bind /tmp /in',
      'setfattr -n user.x -v y /in/f',
    ];
    const command = `${attempts.map((line) => `if (${line}) 2>/dev/null; then echo "${line}"; fi`).join('; ')}; cat /in/f; cut -d" " -f4 /proc/self/mountinfo`;
    const output = await outputOf({
      command,
      capabilities: 'ROOT_IN_CELL',
      files: [{ path: '/in/f', file }],
    });
    expect(output.split('\n')[0]).toMatch(/^the content that stays/);
    expect(output).not.toContain(server.stateDir);
    expect(output).not.toContain(digest('admin'));
    expect(stored()).toEqual(before);
  });

  it('is locked by each cell separately', async () => {
    const file = await upload('locked');
    const files = [{ path: '/f', file }];
    const holder = await server.submit({
      command: 'exec 3</f; flock -x 3; echo held; read _',
      openStdin: true,
      files,
    });
    await expect.poll(async () => (await server.output(holder, false)).stdout).toBe('held\n');
    expect(await outputOf({ command: 'exec 3</f; flock -n 3 && echo free', files })).toBe('free\n');
    await server.stop(holder, 0);
  });

  it('is given back as it was submitted, and leaves nothing when its job has ended', async () => {
    const file = await upload('uploaded');
    const files = [
      { path: '/a', text: 'text ä', bytes: null, file: null, mode: '0644' },
      { path: '/b', text: null, bytes: '/wA=', file: null, mode: '0700' },
      { path: '/c', text: null, bytes: null, file, mode: '0444' },
    ];
    const id = await server.submit({ command: 'true', files });
    await server.ended(id);
    const document = 'query ($id: ID!) { job(id: $id) { inputFiles { path text bytes file mode } } }';
    expect(await server.query(document, { id })).toEqual({ job: { inputFiles: files } });
    expect(readdirSync(join(server.stateDir, 'jobs', id))).not.toContain('files');
    const again = await server.submit({ command: 'cat /a /c; wc -c < /b', files });
    await server.ended(again);
    expect((await server.output(again)).stdout).toBe('text äuploaded2\n');
  });

  it('is available to further attempts, and after the server was killed', async () => {
    const file = await upload('uploaded');
    const files = [
      { path: '/a', text: 'inline ' },
      { path: '/b', file },
    ];
    const startAfter = new Date(Date.now() + 1500).toISOString();
    const command = 'cat /a /b; exit 3';
    const id = await server.submit({ command, files, startAfter, retries: { limit: 1, backoff: 0 } });
    await server.end('SIGKILL');
    await server.boot();
    expect(await server.ended(id)).toMatchObject({ exitCode: 3 });
    const { retriedBy } = (
      await server.query<{ job: { retriedBy: { id: string } } }>(`{ job(id: "${id}") { retriedBy { id } } }`)
    ).job;
    expect(await server.ended(retriedBy.id)).toMatchObject({ exitCode: 3 });
    for (const each of [id, retriedBy.id]) expect((await server.output(each)).stdout).toBe('inline uploaded');
  });

  it('is missing for a job whose content was removed by hand: its error says so', async () => {
    const file = await upload('removed by hand');
    const folder = readdirSync(join(server.stateDir, 'files'));
    expect(stored().map((found) => String(found.content))).toContain('removed by hand');
    for (const name of folder)
      rmSync(join(server.stateDir, 'files', name, file), { recursive: true, force: true });
    expect(await server.run({ command: 'true', files: [{ path: '/a', file }] })).toMatchObject({
      status: 'FAILED',
      error:
        'the job could not be started: a file that it was given is missing, or cannot be linked: no such file or directory (ENOENT)',
    });
  });
});

describe('the files of a submission', () => {
  const SUBMIT = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';

  it.each<[string, readonly object[], string]>([
    ['relative', [{ path: 'a', text: '' }], 'input.files[0].path: expected an absolute path, got "a"'],
    [
      '..',
      [{ path: '/a/../../etc/passwd', text: '' }],
      'input.files[0].path: expected a path without empty names, "." and "..", got "/a/../../etc/passwd"',
    ],
    [
      'a slash at its end',
      [{ path: '/a/', text: '' }],
      'input.files[0].path: expected a path without empty names, "." and "..", got "/a/"',
    ],
    [
      'the root',
      [{ path: '/', text: '' }],
      'input.files[0].path: expected a path without empty names, "." and "..", got "/"',
    ],
    [
      'a NUL byte',
      [{ path: '/a\0b', text: '' }],
      'input.files[0].path: expected text without NUL bytes, got "/a\\u0000b"',
    ],
    [
      '4096 bytes',
      [{ path: `/${'a/'.repeat(2047)}b`, text: '' }],
      'input.files[0].path: expected at most 4095 bytes, got "4096 bytes"',
    ],
    [
      'a long name',
      [{ path: `/${'a'.repeat(256)}`, text: '' }],
      `input.files[0].path: expected names of at most 255 bytes, got "${'a'.repeat(76)}...`,
    ],
    [
      '/proc',
      [{ path: '/proc/sys/kernel/x', text: '' }],
      'input.files[0].path: expected a path outside of /proc, /sys, /dev, got "/proc/sys/kernel/x"',
    ],
    [
      'a folder',
      [{ path: '/etc', text: '' }],
      'input.files[0].path: expected a path that is no folder of the image, got "/etc"',
    ],
    [
      'one path twice',
      [
        { path: '/a', text: '' },
        { path: '/a', text: '' },
      ],
      'input.files[1].path: expected unique paths, got "/a"',
    ],
    [
      'one below another',
      [
        { path: '/a', text: '' },
        { path: '/a/b/c', text: '' },
      ],
      'input.files[1].path: expected a path below no other file, got "/a/b/c"',
    ],
    [
      'no content',
      [{ path: '/a' }],
      'input.files[0]: expected exactly one of text, bytes and file, got "none"',
    ],
    [
      'two contents',
      [{ path: '/a', text: '', file: 'x' }],
      'input.files[0]: expected exactly one of text, bytes and file, got "text and file"',
    ],
    ['no base64', [{ path: '/a', bytes: '!' }], 'input.files[0].bytes: expected bytes in base64, got "!"'],
    [
      'an unknown content',
      [{ path: '/a', file: 'x' }],
      'input.files[0].file: expected the id of a file that you have uploaded here, got "x"',
    ],
    [
      'a bad mode',
      [{ path: '/a', text: '', mode: '4755' }],
      'input.files[0].mode: expected octal digits from "0400" to "0777", got "4755"',
    ],
    [
      'a mode without reading',
      [{ path: '/a', text: '', mode: '0200' }],
      'input.files[0].mode: expected octal digits from "0400" to "0777", got "0200"',
    ],
    [
      'too many',
      Array.from({ length: 101 }, (_, index) => ({ path: `/${index}`, text: '' })),
      'input.files: expected at most 100 files, got "101"',
    ],
    [
      'long paths',
      Array.from({ length: 5 }, (_, index) => ({ path: `/${index}${'/abcdefgh'.repeat(400)}`, text: '' })),
      'input.files: expected paths of at most 16384 bytes together, got "18010 bytes"',
    ],
    [
      'too much text',
      [
        { path: '/a', text: 'x'.repeat(60_000) },
        { path: '/b', text: 'x'.repeat(60_000) },
      ],
      'input.files: expected at most 102400 bytes in text and bytes together: upload larger files, got "120000 bytes"',
    ],
  ])('are refused with %s', async (_what, files, message) => {
    const { errors } = await server.ask(SUBMIT, { input: { command: 'true', files } });
    expect(errors?.map((error) => error.message)).toEqual([message]);
  });

  it('cannot refer to an upload of another subject', async () => {
    const file = await upload('a secret of admin');
    expect((await head(file)).status).toBe(200);
    expect((await head(file, user)).status).toBe(404);
    const response = await fetch(server.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${user}` },
      body: JSON.stringify({
        query: SUBMIT,
        variables: { input: { command: 'true', files: [{ path: '/a', file }] } },
      }),
    });
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'input.files[0].file' } }],
    });
    await upload('a secret of admin', user);
    expect((await head(file, user)).status).toBe(200);
  });
});

describe('an upload', () => {
  it('without digest is answered with it', async () => {
    expect(await send('/files', 'plain')).toMatchObject({
      status: 201,
      body: { file: { id: digest('plain') } },
    });
    expect(await head(digest('plain'))).toMatchObject({ status: 200, offset: '5' });
  });

  it('is refused to callers without permission, and for requests that are not uploads', async () => {
    expect((await send('/files', 'x', { token: null })).status).toBe(401);
    expect((await send('/files', 'x', { token: viewer })).status).toBe(403);
    expect((await send('/files', 'x', { method: 'POST' })).status).toBe(405);
    expect((await send('/files/../x', 'x')).status).toBe(404);
    expect(await send('/files/x', 'x')).toMatchObject({ status: 400 });
    expect(await send(`/files/${digest('y')}`, 'x')).toMatchObject({
      status: 400,
      body: {
        errors: [
          { message: expect.stringContaining(`body: expected the content with SHA-256 ${digest('y')}`) },
        ],
      },
    });
    const headers = { 'content-range': 'bytes 5-2/9' };
    expect(await send(`/files/${digest('y')}`, 'x', { headers })).toMatchObject({ status: 416 });
    expect((await head(digest('y'))).offset).toBeNull();
  });

  it('that is cut off is continued by a range', async () => {
    const content = Buffer.alloc(3 << 20, 'some text ');
    const file = digest(content);
    const path = `/files/${file}`;
    const sending = httpRequest(url(path), {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.token}`, 'content-length': content.length },
    });
    sending.on('error', () => undefined);
    sending.write(content.subarray(0, 1 << 20));
    const temporary = (): number =>
      Math.max(
        0,
        ...stored()
          .filter(({ name }) => name.startsWith('.'))
          .map((part) => part.content.length),
      );
    await expect.poll(temporary).toBe(1 << 20);
    sending.destroy();
    await expect.poll(async () => (await head(file)).offset).toBe(String(1 << 20));
    const range = (first: number, last: number) => ({
      headers: { 'content-range': `bytes ${first}-${last}/${content.length}` },
    });
    expect(await send(path, 'wrong', range(5, 9))).toMatchObject({ status: 416, offset: String(1 << 20) });
    expect(await send(path, content.subarray(1 << 20, 2 << 20), range(1 << 20, (2 << 20) - 1))).toMatchObject(
      {
        status: 202,
        offset: String(2 << 20),
      },
    );
    expect(await send(path, content.subarray(2 << 20), range(2 << 20, content.length - 1))).toMatchObject({
      status: 201,
    });
    expect((await head(file)).status).toBe(200);
    expect(temporary()).toBe(0);
  });

  it('that is under way when the server is killed leaves nothing without a digest', async () => {
    const sending = httpRequest(url('/files'), {
      method: 'PUT',
      headers: { authorization: `Bearer ${server.token}` },
    });
    sending.on('error', () => undefined);
    sending.write('the beginning');
    const temporary = (): readonly string[] =>
      stored()
        .map(({ name }) => name)
        .filter((name) => name.startsWith('.'));
    await expect.poll(temporary).toHaveLength(1);
    await server.end('SIGKILL');
    expect(temporary()).toHaveLength(1);
    await server.boot();
    expect(temporary()).toEqual([]);
  });
});

describe('a link to upload', () => {
  const CREATE = `mutation ($size: ByteSize!, $sha256: String) {
    createUpload(input: { size: $size, sha256: $sha256 }) { file url expiresAt present } }`;
  interface Link {
    readonly file: string;
    readonly url: string;
    readonly expiresAt: string;
    readonly present: boolean;
  }
  const create = async (size: number, sha256?: string): Promise<Link> =>
    (await server.query<{ createUpload: Link }>(CREATE, { size, sha256 })).createUpload;
  const noToken = { token: null };

  it('takes the content without a token, once', async () => {
    const link = await create(7);
    expect(link).toMatchObject({ present: false, url: expect.stringContaining(`/files/${link.file}?`) });
    expect(Date.parse(link.expiresAt) - Date.now()).toBeGreaterThan(60_000);
    expect(await send(link.url, 'too long', noToken)).toMatchObject({ status: 400 });
    expect(await send(link.url, 'content', noToken)).toMatchObject({ status: 201 });
    expect(await send(link.url, 'another', noToken)).toMatchObject({ status: 400 });
    expect(await outputOf({ command: 'cat /a', files: [{ path: '/a', file: link.file }] })).toBe('content');
  });

  it('with a digest takes that content only, and says when it is there', async () => {
    const link = await create(4, digest('text'));
    expect(link).toMatchObject({ file: digest('text'), present: false });
    expect(await send(link.url, 'test', noToken)).toMatchObject({ status: 400 });
    expect(await send(link.url, null, { ...noToken, method: 'HEAD' })).toMatchObject({ status: 404 });
    expect(await send(link.url, 'text', noToken)).toMatchObject({ status: 201 });
    expect(await send(link.url, null, { ...noToken, method: 'HEAD' })).toMatchObject({ status: 200 });
    expect(await create(4, digest('text'))).toMatchObject({ present: true });
  });

  it('is valid for the next server too, which continues what had arrived', async () => {
    const link = await create(10, digest('0123456789'));
    const sending = httpRequest(link.url, { method: 'PUT', headers: { 'content-length': 10 } });
    sending.on('error', () => undefined);
    sending.write('01234');
    const parts = (): readonly string[] =>
      stored()
        .filter(({ name }) => name.startsWith('.'))
        .map(({ content }) => String(content));
    await expect.poll(parts).toContain('01234');
    await server.end('SIGKILL');
    await server.boot();
    const { pathname, search } = new URL(link.url);
    const again = url(`${pathname}${search}`);
    expect(await send(again, null, { ...noToken, method: 'HEAD' })).toMatchObject({
      status: 404,
      offset: '5',
    });
    const headers = { 'content-range': 'bytes 5-9/10' };
    expect(await send(again, '56789', { ...noToken, headers })).toMatchObject({ status: 201 });
    expect(parts()).toEqual([]);
  });

  it('is refused if it was altered, and for contents that are too large', async () => {
    const { url: good } = await create(4, digest('text'));
    for (const bad of [
      good.replace('size=4', 'size=5'),
      good.replace('subject=admin', 'subject=user'),
      good.replace(/expires=(\d)/, 'expires=9$1'),
      good.replace(digest('text'), digest('test')),
      good.replace(/signature=.*/, 'signature=x'),
    ])
      expect(await send(bad, 'text', noToken)).toMatchObject({ status: 403 });
    const { errors } = await server.ask(CREATE, { size: 65 * 1024 * 1024 });
    expect(errors?.[0]?.message).toBe('input.size: expected at most 67108864 bytes, got "68157440 bytes"');
    expect((await server.ask(CREATE, { size: 1, sha256: 'x' })).errors?.[0]?.extensions?.['field']).toBe(
      'input.sha256',
    );
  });
});

describe('the audit log', () => {
  const trail = async (target: string) => {
    const { auditLog } = await server.query<{
      auditLog: { nodes: readonly { readonly target: string | null }[] };
    }>(`{ auditLog(first: 100, filter: { since: "${since}" }) {
      nodes { action subject job target address token outcome } } }`);
    return auditLog.nodes.filter((node) => node.target === target).reverse();
  };
  let since: string;
  const none = { job: null, address: '127.0.0.1' };

  beforeAll(() => {
    since = new Date().toISOString();
  });

  it('has each upload once with its sender, and refusals', async () => {
    const file = digest('recorded');
    expect((await send(`/files/${file}`, 'recorded', { token: viewer })).status).toBe(403);
    for (const _ of [1, 2]) await upload('recorded', user);
    await send('/files', 'recorded', { token: user });
    await upload('recorded');
    const entry = { ...none, action: 'UPLOAD_FILE', target: file };
    expect(await trail(file)).toEqual([
      { ...entry, subject: 'viewer', token: 'viewer', outcome: 'FORBIDDEN' },
      { ...entry, subject: 'user', token: 'user', outcome: 'OK' },
      { ...entry, subject: 'admin', token: null, outcome: 'OK' },
    ]);
  });

  it('has links to upload, and the uploads through them', async () => {
    const { createUpload } = await server.query<{ createUpload: { file: string; url: string } }>(
      'mutation { createUpload(input: { size: 4 }) { file url } }',
    );
    const { file, url: link } = createUpload;
    expect((await send(link, 'too long', { token: null })).status).toBe(400);
    expect((await send(link, 'text', { token: null })).status).toBe(201);
    const entry = { ...none, target: file, subject: 'admin', token: null };
    expect(await trail(file)).toEqual([
      { ...entry, action: 'CREATE_UPLOAD', outcome: 'OK' },
      { ...entry, action: 'UPLOAD_FILE', outcome: 'BAD_USER_INPUT' },
      { ...entry, action: 'UPLOAD_FILE', outcome: 'OK' },
    ]);
  });

  it('has an upload that its client broke off', async () => {
    const file = digest('never sent');
    const headers = { authorization: `Bearer ${server.token}`, 'content-length': 10 };
    const sending = httpRequest(url(`/files/${file}`), { method: 'PUT', headers });
    sending.on('error', () => undefined);
    sending.write('never');
    await expect.poll(() => stored().some(({ name }) => name.startsWith('.'))).toBe(true);
    sending.destroy();
    const entry = { ...none, action: 'UPLOAD_FILE', target: file, subject: 'admin', token: null };
    await expect.poll(() => trail(file)).toEqual([{ ...entry, outcome: 'BROKEN_OFF' }]);
  });
});

/** A listener that forwards connections to the current server. */
const relay = async (held: number) => {
  const open = new Set<Socket>();
  let passed = 0;
  let isHeld = true;
  const listener = createServer((client) => {
    const upstream = connect(Number(new URL(server.url).port), '127.0.0.1');
    for (const one of [client, upstream]) {
      open.add(one);
      one
        .on('error', () => undefined)
        .on('close', () => {
          client.destroy();
          upstream.destroy();
        });
    }
    upstream.pipe(client);
    client.on('data', (chunk) => {
      passed += chunk.length;
      // The rest of the upload is still missing.
      if (isHeld && passed > held) client.pause();
      upstream.write(chunk);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/graphql`,
    passed: () => passed,
    /** Breaks every connection, and stops holding connections back. */
    release: (): void => {
      isHeld = false;
      passed = 0;
      for (const one of open) one.destroy();
    },
    close: (): void => void listener.close(),
  };
};

describe('cloister run --file', () => {
  let folder: string;
  const large = Buffer.alloc(200_000, 'a large file ');

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cloister-given-'));
    const files: readonly (readonly [string, string | Uint8Array, number])[] = [
      ['run.sh', '#!/bin/sh\nwc -c < /in/large; cat /in/bytes | od -An -tx1; stat -c %a /in/*\n', 0o750],
      ['bytes', Buffer.from([0xff, 0]), 0o600],
      ['large', large, 0o664],
    ];
    for (const [name, content, mode] of files) {
      writeFileSync(join(folder, name), content);
      chmodSync(join(folder, name), mode);
    }
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const cloister = (...args: readonly string[]) => cloisterAt(server.url, ...args);

  const cloisterAt = async (
    at: string,
    ...args: readonly string[]
  ): Promise<{ stdout: string; stderr: string }> => {
    const env = { PATH: process.env['PATH'], CLOISTER_URL: at, CLOISTER_TOKEN: server.token };
    const main = join(import.meta.dirname, '../../src/main.ts');
    const child = promisify(execFile)(process.execPath, [main, ...args], { env });
    child.child.stdin?.end();
    return child.catch((error: { stdout: string; stderr: string }) => error);
  };
  const flags = ['run.sh', 'bytes', 'large'].flatMap((name) => ['--file', `${name}:/in/${name}`]);
  const here = (flag: string): string => (flag === '--file' ? flag : join(folder, flag));

  it('provides files of any size with their permissions, uploads large ones once, and rerun provides them again', async () => {
    const output = '200000\n ff 00\n600\n664\n750\n';
    const first = await cloister('run', '-q', '-n', 'given', ...flags.map(here), '/in/run.sh');
    expect(first).toMatchObject({ stdout: output, stderr: '' });
    const before = stored();
    expect(before.map(({ content }) => content.equals(large))).toContain(true);
    expect(await cloister('run', '-q', ...flags.map(here), '/in/run.sh')).toMatchObject({ stdout: output });
    expect(await cloister('rerun', '-q', 'given')).toMatchObject({ stdout: output });
    expect(stored()).toEqual(before);
  });

  describe('of a folder', () => {
    let source: string;

    beforeEach(() => {
      source = mkdtempSync(join(tmpdir(), 'cloister-folder-'));
      mkdirSync(join(source, 'lib/deep/er'), { recursive: true });
      mkdirSync(join(source, 'empty'));
      writeFileSync(join(source, 'main'), '#!/bin/sh\ncat lib/deep/ä\n', { mode: 0o755 });
      writeFileSync(join(source, 'lib/deep/ä'), 'inside\n');
      chmodSync(join(source, 'lib/deep/ä'), 0o604);
      writeFileSync(join(source, 'lib/large'), large);
    });

    afterEach(() => rmSync(source, { recursive: true }));

    it('gives all files in it, with their permissions', async () => {
      const command = 'cd /src && ./main && find . -type f -exec stat -c "%a %s %n" {} + | sort';
      expect(await cloister('run', '-q', '--file', `${source}/:/src/`, command)).toMatchObject({
        stdout: 'inside\n604 7 ./lib/deep/ä\n644 200000 ./lib/large\n755 26 ./main\n',
        stderr: '',
      });
    });

    it('may be mounted at the root, together with files', async () => {
      const given = [`${source}:/`, `${join(folder, 'bytes')}:/lib/bytes`].flatMap((one) => ['--file', one]);
      const command = 'wc -c < /lib/large; stat -c %s /lib/bytes; test -e /lib/ld-musl-*';
      expect(await cloister('run', '-q', ...given, command)).toMatchObject({ stdout: '200000\n2\n' });
    });
  });

  it('shows the progress of an upload on a terminal', async () => {
    const path = join(folder, 'shown');
    writeFileSync(path, Buffer.alloc(5 << 20, 'shown '));
    const env = { CLOISTER_URL: server.url, CLOISTER_TOKEN: server.token };
    const main = join(import.meta.dirname, '../../src/main.ts');
    const command = [process.execPath, main, 'submit', '--file', `${path}:/in`, 'true'];
    await using terminal = new Terminal(command, env);
    await terminal.shows(/[0-9a-f-]{36}\r\n$/);
    // Erased before the id is printed.
    const [, line = ''] = terminal.text.split('\r');
    expect(stripVTControlCharacters(line)).toMatch(/^uploading \S+shown: [\d.]+ \w+ of 5\.0 MiB$/);
    expect(line.startsWith('\u001b[2m')).toBe(true);
    const last = terminal.text.split('\r').at(-2) ?? '';
    expect(last.startsWith('\u001b[K')).toBe(true);
    expect(stripVTControlCharacters(last)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('continues an upload when the server was killed in the middle of it', async () => {
    const content = Buffer.alloc(8 << 20, 'a content that takes its time ');
    const path = join(folder, 'slow');
    writeFileSync(path, content);
    const wire = await relay(1 << 20);
    const done = cloisterAt(wire.url, 'run', '-q', '--file', `${path}:/in`, 'sha256sum < /in');
    const arrived = (): number =>
      Math.max(
        0,
        ...stored()
          .filter(({ name }) => name.startsWith('.') && !name.endsWith('.json'))
          .map((part) => part.content.length),
      );
    await expect.poll(arrived).toBeGreaterThan(1 << 19);
    await server.end('SIGKILL');
    wire.release();
    const kept = arrived();
    await server.boot();
    expect(await done).toMatchObject({ stdout: `${digest(content)}  -\n` });
    // Bytes that had arrived were not sent again.
    expect(wire.passed()).toBeGreaterThan(content.length - kept);
    expect(wire.passed()).toBeLessThan(content.length - kept + 100_000);
    wire.close();
  });

  it.each<[readonly string[], string]>([
    [['--file', 'nowhere:/a'], 'cloister: --file: nowhere: no such file\n'],
    [['--file', '/dev/null:/a'], 'cloister: --file: expected a file or a folder, got "/dev/null"\n'],
    [
      ['--file', 'bytes:a'],
      'cloister: --file: expected LOCAL:PATH with an absolute PATH in the cell, got "bytes:a"\n',
    ],
    [
      ['--file', '/etc/hostname:/a/../b'],
      'cloister: --file: expected a path without empty names, "." and "..", got "/a/../b"\n',
    ],
  ])('refuses %j', async (given, message) => {
    expect(await cloister('run', ...given, 'true')).toMatchObject({ stderr: message });
  });
});
