/** Images of one's own: archives that are imported, jobs that run in them, and what is refused. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerArchive, type Entry, makeParts, ociArchive, sha256, tar } from '../support/archives.ts';
import { testImage } from '../support/image.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let base: Buffer;

beforeAll(async () => {
  server = await TestServer.start('--max-image', '16Mi', '--max-images', '64Mi');
  // A root file system that has what tests run, with the owners of its archive. A copy of it: another test may make links
  // to the files of all tests meanwhile, which tar(1) takes for a change of them.
  const root = mkdtempSync(join(tmpdir(), 'cloister-root-'));
  try {
    execFileSync('cp', ['-a', `${await testImage()}/.`, root]);
    base = execFileSync('tar', ['-C', root, '--numeric-owner', '--owner=0', '--group=0', '-cf', '-', '.'], {
      maxBuffer: 64 * 1024 * 1024,
    });
  } finally {
    rmSync(root, { recursive: true });
  }
});

afterAll(() => server.dispose());

interface Answer {
  readonly status: number;
  readonly image?: { readonly name: string; readonly digest: string; readonly size: number };
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

const upload = async (name: string, body: Buffer): Promise<Answer> => {
  const response = await fetch(new URL(`images/${encodeURIComponent(name)}`, server.url), {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.token}` },
    body: new Uint8Array(body),
  });
  return { status: response.status, ...((await response.json()) as object) };
};

const add = async (name: string, body: Buffer): Promise<NonNullable<Answer['image']>> => {
  const { image, errors } = await upload(name, body);
  if (image === undefined) throw new Error(JSON.stringify(errors));
  return image;
};

const run = async (input: Record<string, unknown>): Promise<string> => {
  const id = await server.submit(input);
  const { status, exitCode, error } = await server.ended(id);
  const { stdout, stderr } = await server.output(id);
  expect({ status, exitCode, error, stderr }).toEqual({
    status: 'COMPLETED',
    exitCode: 0,
    error: null,
    stderr: '',
  });
  return stdout;
};

const layers = (): readonly string[] => readdirSync(join(server.stateDir, 'layers')).sort();

describe('an archive', () => {
  it.each([
    ['of docker save', (parts: Parts) => dockerArchive(parts), (layer: Buffer) => layer],
    ['of docker save, gzip', (parts: Parts) => gzipSync(dockerArchive(parts)), gzipSync],
    ['that is an OCI layout, gzip', (parts: Parts) => ociArchive(parts), gzipSync],
    ['that is an OCI layout, zstd', (parts: Parts) => zstdCompressSync(ociArchive(parts)), zstdCompressSync],
  ] as const)('%s is an image', async (_name, pack, compress) => {
    const top = tar([{ path: 'hello', content: 'from the top\n', mode: 0o644, uid: 12, gid: 34 }]);
    const image = await add('test/one:1', pack(makeParts([base, top], {}, compress)));
    expect(image.name).toBe('test/one:1');
    expect(await run({ image: 'test/one:1', command: 'cat /hello; stat -c "%u:%g %a %Y" /hello' })).toBe(
      'from the top\n12:34 644 1000000000\n',
    );
  });

  it('of a root file system is an image of one layer', async () => {
    await add('plain', gzipSync(base));
    expect(await run({ image: 'plain', command: 'cat /etc/alpine-release' })).toMatch(/^\d/);
    const { images } = await server.query<{ images: { name: string; layers: number; inUse: boolean }[] }>(
      '{ images { name layers inUse digest size createdAt } }',
    );
    expect(images.find(({ name }) => name === 'plain')).toMatchObject({ layers: 1, inUse: false });
  });

  it('whose image has settings gives them to jobs that set none', async () => {
    const parts = makeParts([base], {
      Env: ['GREETING=hello', 'PATH=/bin:/usr/bin:/own'],
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: ['echo "$GREETING $(id -u):$(id -g) $(pwd) $PATH"'],
      User: 'nobody',
      WorkingDir: '/etc',
    });
    const { digest } = await add('settings', ociArchive(parts));
    expect(await run({ image: 'settings' })).toBe('hello 65534:65534 /etc /bin:/usr/bin:/own\n');
    expect(
      await run({
        image: 'settings',
        command: 'echo "$GREETING $(id -u) $(pwd)"',
        env: [{ name: 'GREETING', value: 'bye' }],
        user: 'root',
        workdir: '/tmp',
      }),
    ).toBe('bye 0 /tmp\n');
    const { jobs } = await server.query<{ jobs: { nodes: { argv: string[]; imageDigest: string }[] } }>(
      '{ jobs(first: 2, filter: { image: "settings" }) { nodes { argv imageDigest } } }',
    );
    expect(jobs.nodes[1]).toMatchObject({ argv: expect.arrayContaining(['/bin/sh']), imageDigest: digest });
  });

  it('needs no folders to mount on', async () => {
    const busybox = readFileSync('/bin/busybox');
    const entries: Entry[] = [
      { path: 'bin/busybox', content: busybox },
      { path: 'bin/sh', type: '2', link: 'busybox' },
    ];
    await add('scratch', ociArchive(makeParts([tar(entries)])));
    expect(await run({ image: 'scratch', command: 'test -e /proc/self && echo /*' })).toBe(
      '/bin /dev /etc /proc /sys\n',
    );
  });
});

type Parts = ReturnType<typeof makeParts>;

describe('the command line', () => {
  const environment = () => ({ ...process.env, CLOISTER_URL: server.url, CLOISTER_TOKEN: server.token });
  const cli = (args: readonly string[], input?: Buffer): string =>
    execFileSync(process.execPath, ['src/main.ts', 'image', ...args], {
      encoding: 'utf8',
      env: environment(),
      ...(input && { input }),
    });

  it('imports files, folders and standard input', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cloister-image-'));
    try {
      writeFileSync(join(folder, 'Own Image.tar.gz'), gzipSync(dockerArchive(makeParts([base]))));
      const digest = cli(['import', join(folder, 'Own Image.tar.gz')]).trim();
      execFileSync('tar', ['-C', folder, '-xzf', join(folder, 'Own Image.tar.gz')]);
      rmSync(join(folder, 'Own Image.tar.gz'));
      expect(cli(['import', '--name', 'folder', folder]).trim()).toBe(digest);
      expect(JSON.parse(cli(['import', '--name', 'in', '--json', '-'], base))).toMatchObject({
        name: 'in',
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('lists, inspects and deletes images, and says what is wrong with an archive', async () => {
    const { digest } = await add('listed', dockerArchive(makeParts([base])));
    await add('other', base);
    expect(
      cli(['list'])
        .split('\n')
        .map((line) => line.split('\t')[0]),
    ).toEqual(expect.arrayContaining(['alpine', 'listed', 'other']));
    expect(JSON.parse(cli(['inspect', 'listed']))).toMatchObject({ digest, layers: 1, inUse: false });
    expect(cli(['rm', 'listed', 'other'])).toBe('listed\nother\n');
    expect(() => cli(['import', '--name', 'bad', '-'], Buffer.from('x'.repeat(3 << 20)))).toThrow(
      /archive: expected a tar archive/,
    );
  });

  it('reports the entries that it left out', () => {
    const devices = Array.from({ length: 30 }, (_, index): Entry => ({ path: `dev/d${index}`, type: '3' }));
    const { stderr } = spawnSync(
      process.execPath,
      ['src/main.ts', 'image', 'import', '--name', 'devices', '-'],
      {
        encoding: 'utf8',
        env: environment(),
        input: tar(devices),
      },
    );
    expect(stderr).toContain(
      'left out, since cells cannot have them: 30 special files (/dev/d0, /dev/d1, /dev/d2, ...)',
    );
    const { skipped } = JSON.parse(cli(['inspect', 'devices']));
    expect(skipped).toEqual({ count: 30, paths: devices.slice(0, 20).map(({ path }) => `/${path}`) });
  });
});

describe('layers', () => {
  it('remove and replace what is below them', async () => {
    const lower = tar([
      { path: 'a/', type: '5' },
      { path: 'a/one', content: '1' },
      { path: 'a/two', content: '2' },
      { path: 'b/', type: '5' },
      { path: 'b/old', content: 'old' },
      { path: 'c/', type: '5' },
      { path: 'c/old', content: 'old' },
      { path: 'd', content: 'file' },
      { path: 'e/', type: '5' },
      { path: 'e/old', content: 'old' },
    ]);
    const upper = tar([
      { path: 'a/.wh.one' },
      { path: 'b/', type: '5' },
      { path: 'b/.wh..wh..opq' },
      { path: 'b/new', content: 'new' },
      { path: '.wh.c' },
      { path: '.wh.d' },
      { path: 'd/', type: '5' },
      { path: 'd/in', content: 'in' },
      { path: 'e/', type: '5' },
      { path: 'e/new', content: 'new' },
      { path: '.wh.e' },
    ]);
    await add('whiteouts', ociArchive(makeParts([base, lower, upper])));
    const command =
      'cd /; for f in a b c d e; do echo $f: $(ls -A $f 2>/dev/null); done; cat d/in; rm -r b; mkdir b';
    expect(await run({ image: 'whiteouts', command })).toBe('a: two\nb: new\nc:\nd: in\ne: new\nin');
  });

  it('with files below a link of a lower layer have a folder there, as in Docker', async () => {
    const lower = tar([
      { path: 'real/', type: '5', mode: 0o750 },
      { path: 'real/old', content: 'old' },
      { path: 'link', type: '2', link: 'real' },
    ]);
    const upper = tar([{ path: 'link/new', content: 'new' }]);
    await add('hidden-link', ociArchive(makeParts([base, lower, upper])));
    const command = 'stat -c "%F %a" /link; ls /link /real';
    expect(await run({ image: 'hidden-link', command })).toBe('directory 755\n/link:\nnew\n\n/real:\nold\n');
  });

  it('have no extended attributes: a capability of a file is worth nothing in a cell, and much outside', async () => {
    const pax = {
      // cap_net_raw, permitted and effective: struct vfs_cap_data of linux/capability.h, revision 2.
      'SCHILY.xattr.security.capability': '\u0001\0\0\u0002\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0',
      'SCHILY.xattr.user.note': 'x',
      'SCHILY.xattr.user.overlay.opaque': 'y',
      'SCHILY.xattr.trusted.overlay.redirect': '/etc',
    };
    const marked = tar([
      { path: 'etc/', type: '5', pax },
      { path: 'etc/marked', content: 'x', pax },
    ]);
    await add('marked', ociArchive(makeParts([base, marked])));
    const layer = sha256(marked).slice(7);
    for (const path of ['etc', 'etc/marked']) {
      const file = join(server.stateDir, 'layers', layer, 'tree', 'root', path);
      const script = 'import os, sys; print(os.listxattr(sys.argv[1]))';
      expect(execFileSync('python3', ['-c', script, file], { encoding: 'utf8' })).toBe('[]\n');
    }
    // What is below is not hidden.
    expect(
      await run({ image: 'marked', command: 'cat /etc/marked; test -e /etc/passwd && echo there' }),
    ).toBe('xthere\n');
  });

  it('are stored once, and removed with the last image that needs them', async () => {
    const before = layers();
    const own = tar([{ path: 'own', content: 'x' }]);
    await add('shared-1', ociArchive(makeParts([base, own])));
    await add('shared-2', dockerArchive(makeParts([base, own], { User: '1' })));
    expect(layers()).toEqual([...before, sha256(own).slice(7)].sort());
    for (const [name, left] of [
      ['shared-1', true],
      ['shared-2', false],
    ] as const) {
      await server.query('mutation ($n: String!) { deleteImage(input: { name: $n }) { name } }', { n: name });
      expect(layers().includes(sha256(own).slice(7))).toBe(left);
    }
    expect(layers()).toEqual(before);
  });

  it('are kept for a running job when the name is given to another image', async () => {
    const image = (text: string) => ociArchive(makeParts([base, tar([{ path: 'which', content: text }])]));
    await add('moving', image('first\n'));
    const id = await server.submit({ image: 'moving', command: 'cat; cat /which', openStdin: true });
    await server.running(id);
    await add('moving', image('second\n'));
    expect(await run({ image: 'moving', command: 'cat /which' })).toBe('second\n');
    const refused = await server.ask('mutation { deleteImage(input: { name: "moving" }) { name } }');
    expect(refused.errors).toBeUndefined();
    const writeStdin = `mutation ($id: ID!) {
      writeStdin(input: { jobId: $id, offset: 0, text: "", endOfInput: true }) { accepted } }`;
    await server.query(writeStdin, { id });
    await server.ended(id);
    expect((await server.output(id)).stdout).toBe('first\n');
  });

  it('with the longest paths are removed with their image, however long the path of the state folder is', async () => {
    const deep = tar([{ path: `${'0123456789abcde/'.repeat(255)}end` }]);
    await add('deep', ociArchive(makeParts([base, deep])));
    expect(layers()).toContain(sha256(deep).slice(7));
    await server.query('mutation { deleteImage(input: { name: "deep" }) { name } }');
    expect(layers().filter((name) => name.startsWith('.') || name === sha256(deep).slice(7))).toEqual([]);
  });

  it('have paths of any length, also with folders that have no entry', async () => {
    const name = 'n'.repeat(200);
    const deep = (names: number): Buffer => {
      const paths = Array.from({ length: names }, (_, index) => `${name}/`.repeat(index + 1).slice(0, -1));
      const lower = paths.map((path): Entry => ({ path, type: '5', mode: 0o711, uid: 5, gid: 6 }));
      const upper: Entry = { path: `${paths.at(-1)}/file`, content: `${names}` };
      return ociArchive(makeParts([base, tar(lower), tar([upper])]));
    };
    await add('deep', deep(19));
    const workdir = `/${name}`.repeat(19);
    expect(
      await run({
        image: 'deep',
        workdir,
        command:
          'cat file; until [ "$(stat -c %i .)" = "$(stat -c %i ..)" ]; do stat -c %a:%u:%g .; cd -P ..; done | sort | uniq -c',
      }),
    ).toMatch(/^19 *19 711:5:6\n$/);
    // Each is too long for the system with that of the layer before it.
    const before = layers();
    const { status, errors } = await upload('deeper', deep(20));
    expect([status, errors?.[0]?.message]).toEqual([
      400,
      'archive: expected shorter paths in a layer with folders that have no entry in it, got "longer ones"',
    ]);
    expect(layers()).toEqual(before);
  });

  it('of an image that a job uses stay when it is deleted: that is refused', async () => {
    await add('busy', ociArchive(makeParts([base])));
    const id = await server.submit({ image: 'busy', command: 'sleep 1000' });
    await server.running(id);
    const remove = () => server.ask('mutation { deleteImage(input: { name: "busy" }) { name } }');
    expect((await remove()).errors?.[0]?.extensions).toMatchObject({ code: 'IMAGE_IN_USE' });
    await server.stop(id, 0);
    expect((await remove()).errors).toBeUndefined();
  });
});

describe('a bad archive', () => {
  const layer = (...entries: readonly Entry[]) => ociArchive(makeParts([tar(entries)]));
  const parts = (): Parts => makeParts([tar([{ path: 'x', content: 'y' }])]);
  const file = { path: 'f', content: 'x' };
  const cases: readonly (readonly [string, () => Buffer, string | RegExp])[] = [
    ['that is none', () => Buffer.from('x'.repeat(2000)), 'expected a tar archive'],
    ['that is empty', () => Buffer.alloc(0), 'cut off'],
    ['with damaged compression', () => gzipSync(base).fill(7, 1000, 2000), 'compression is damaged'],
    ['that is cut off', () => ociArchive(parts()).subarray(0, 3000), 'cut off'],
    [
      'whose compression is cut off',
      () => gzipSync(base).subarray(0, 100_000),
      'compression is damaged, or it is cut off',
    ],
    [
      'with ".." in a path',
      () => layer({ path: 'a/../../etc/x', content: 'x' }),
      'entry "a/../../etc/x": it has ".." in a path',
    ],
    [
      'with a name that is too long',
      () => layer({ path: 'n'.repeat(256), content: 'x' }),
      'names of at most 255 bytes, got 256',
    ],
    [
      'with a path that is too long',
      () => layer({ path: 'abc/'.repeat(1100), type: '5' }),
      /at most (4095 bytes|256 names)/,
    ],
    [
      'with a NUL in a path',
      () => layer({ path: `${'p'.repeat(101)}\0q`, content: 'x' }),
      'a name with a NUL byte',
    ],
    [
      'with a hard link out',
      () => layer({ path: 'h', type: '1', link: '../../etc/passwd' }),
      '".." in a path',
    ],
    [
      'with a hard link to nothing',
      () => layer({ path: 'h', type: '1', link: '/etc/passwd' }),
      'a hard link to what is no file of this layer',
    ],
    [
      'with more folders than entries',
      () =>
        gzipSync(
          layer(
            ...Array.from({ length: 450 }, (_, i) => ({ path: `${i}/${`${'n'.repeat(200)}/`.repeat(19)}b` })),
          ),
        ),
      'at most 100000 folders without an entry of their own, and 16777216 bytes of paths',
    ],
    ['that goes through a file', () => layer(file, { path: 'f/g', content: 'x' }), 'Not a directory'],
    [
      'with owners that cells do not have',
      () => layer({ path: 'o', content: 'x', uid: 70_000 }),
      'expected owners below 65536, got 70000:0',
    ],
    [
      'that is too large',
      () => layer(...Array.from({ length: 3 }, (_, i) => ({ path: `${i}`, content: Buffer.alloc(6 << 20) }))),
      'at most 16777216 bytes',
    ],
    ['that is a bomb', () => gzipSync(Buffer.alloc(40 << 20)), 'at most 33554432 bytes'],
    [
      'with a link in place of /dev',
      () => layer({ path: 'dev', type: '2', link: '/etc' }),
      '/dev: expected a folder',
    ],
    [
      'with a wrong digest of a layer',
      () => {
        const { config } = parts();
        return ociArchive({ config, blobs: [tar([{ path: 'other', content: 'z' }])] });
      },
      'expected content with sha256:',
    ],
    [
      'with too many layers',
      () => ociArchive(makeParts(Array.from({ length: 500 }, (_, i) => tar([{ path: `${i}` }])))),
      'from 1 to 499 layers',
    ],
    [
      'for another machine',
      () => ociArchive({ ...parts(), config: Buffer.from('{"architecture":"s390x","os":"linux"}') }),
      'an image for linux/',
    ],
  ];
  it.each(cases)('%s is refused, and nothing is left', async (_name, archive, reason) => {
    const before = layers();
    const { status, errors } = await upload('bad', archive());
    expect(errors?.[0]?.message).toMatch(
      typeof reason === 'string' ? new RegExp(reason.replaceAll(/[.()"]/g, '.')) : reason,
    );
    expect(status).toBe(400);
    expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(layers()).toEqual(before);
  });

  it('cannot write outside of its layer, whatever its links are', async () => {
    const entries: Entry[] = [
      { path: 'etc/', type: '5' },
      { path: 'out', type: '2', link: '../../../../../../../../etc' },
      { path: 'abs', type: '2', link: '/etc' },
      { path: 'out/evil', content: 'x' },
      { path: 'abs/evil2', content: 'x' },
      { path: '/absolute', content: 'x' },
      { path: 'null', type: '3' },
      { path: 'twice', content: 'first' },
      { path: 'twice', content: 'second' },
    ];
    await add('links', ociArchive(makeParts([base, tar(entries)])));
    expect(
      await run({
        image: 'links',
        command: 'cat /etc/evil /etc/evil2 /absolute /twice; test -e /null || echo no',
      }),
    ).toBe('xxxsecondno\n');
  });

  it('that stops half-way leaves nothing, and others can be added', async () => {
    const before = layers();
    const { host, pathname } = new URL('images/half', server.url);
    const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
    const archive = ociArchive(makeParts([base]));
    socket.write(
      [
        `PUT ${pathname} HTTP/1.1`,
        `Host: ${host}`,
        `Authorization: Bearer ${server.token}`,
        `Content-Length: ${archive.length}`,
        '\r\n',
      ].join('\r\n'),
    );
    socket.write(archive.subarray(0, archive.length / 2));
    // It is being received.
    await expect.poll(() => layers().some((name) => name.startsWith('.new-'))).toBe(true);
    socket.destroy();
    await expect.poll(layers).toEqual(before);
    await add('after-half', ociArchive(makeParts([base])));
  });

  it('is refused when images use up their quota, until one is deleted', async () => {
    const filler = (n: number) => tar([{ path: `filler-${n}`, content: Buffer.alloc(15 << 20, n) }]);
    const added: string[] = [];
    let refusal: Answer['errors'];
    while (refusal === undefined && added.length < 6) {
      const name = `filler-${added.length}`;
      const { errors } = await upload(name, filler(added.length));
      if (errors === undefined) added.push(name);
      refusal = errors;
    }
    expect(refusal?.[0]?.message).toMatch(
      /at most \d+ bytes|images take the 67108864 bytes that they may take/,
    );
    const before = layers();
    expect((await upload('one-more', filler(100))).errors).toBeDefined();
    expect(layers()).toEqual(before);
    for (const name of added)
      await server.query('mutation ($n: String!) { deleteImage(input: { name: $n }) { name } }', { n: name });
    await add('one-more', filler(100));
  });

  it.each(['', '../x', '/x', 'X', 'a b', 'alpine', `${'x'.repeat(256)}`])(
    'cannot be named %j',
    async (name) => {
      expect((await upload(name, Buffer.alloc(0))).status).toBe(400);
    },
  );
});
