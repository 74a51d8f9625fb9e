/** Keeping images unpacked and up to date. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chown, lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { ImageArchive } from '../../rootfs/catalogue.ts';
import { ensureImage, prepareImage } from '../../rootfs/image.ts';
import { ownersFrom } from '../../rootfs/tree.ts';
import { archiveIn, deadUrl, httpServer, SMALL_ROOT, temporaryFolder } from './fixture.ts';

const ID_BASE = 300_000;
const OWNERS = ownersFrom(ID_BASE);

/** A call with its log, in a folder of its own unless one is given. */
const prepare = async (
  archive: ImageArchive,
  options: Partial<Parameters<typeof prepareImage>[1]> & { imagesDir: string },
) => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const info = prepareImage(archive, { name: archive.name, owners: OWNERS, log, ...options });
  return { lines, outcome: info };
};

const setUp = async (entries = SMALL_ROOT, url?: string) => {
  const mirror = await temporaryFolder();
  const imagesDir = join(await temporaryFolder(), 'images');
  return { ...(await archiveIn(mirror, entries, url)), mirror, imagesDir };
};

describe('from a mirror', () => {
  it('unpacks the archive of a folder, shifted, and records where it came from', async () => {
    const { archive, mirror, imagesDir, path } = await setUp();
    const { outcome } = await prepare(archive, { imagesDir, mirror });
    const info = await outcome;
    expect(info).toMatchObject({
      name: 'small',
      root: join(imagesDir, 'small'),
      version: '1.0',
      source: path,
      sha512: archive.sha512,
      owners: OWNERS,
    });
    const root = await lstat(info.root);
    expect(root).toMatchObject({ uid: ID_BASE, gid: ID_BASE });
    expect(root.mode & 0o7777).toBe(0o755);
    expect(await readFile(join(info.root, 'etc/version'), 'utf8')).toBe('1\n');
    expect((await readdir(imagesDir)).sort()).toEqual(['small', 'small.json']);
    const record = JSON.parse(await readFile(join(imagesDir, 'small.json'), 'utf8'));
    expect(record).toMatchObject({ source: path, version: '1.0', sha512: archive.sha512, owners: OWNERS });
  });

  it('adds the mount points that the archive lacks', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    const { outcome } = await prepare(archive, { imagesDir, mirror });
    const { root } = await outcome;
    for (const [name, mode] of [
      ['proc', 0o755],
      ['sys', 0o755],
      ['dev', 0o755],
      ['run', 0o755],
    ] as const) {
      const found = await lstat(join(root, name));
      expect(found.isDirectory() && found.uid === ID_BASE, name).toBe(true);
      expect(found.mode & 0o7777, name).toBe(mode);
    }
    expect((await lstat(join(root, 'tmp'))).mode & 0o7777).toBe(0o1777);
    expect((await lstat(join(root, 'root'))).mode & 0o7777).toBe(0o700);
  });

  it('takes the path of the archive itself', async () => {
    const { archive, path, imagesDir } = await setUp();
    const { outcome } = await prepare(archive, { imagesDir, mirror: path });
    expect((await outcome).source).toBe(path);
  });

  it('takes the URL of a folder, with or without a slash, and the URL of the archive', async () => {
    const { archive, bytes } = await setUp();
    const base = await httpServer((request, response) => {
      response.statusCode = request.url === '/deep/small-1.0.tar.gz' ? 200 : 404;
      response.end(response.statusCode === 200 ? bytes : 'no such archive');
    });
    for (const mirror of [`${base}/deep`, `${base}/deep/`, `${base}/deep/small-1.0.tar.gz`]) {
      const { outcome } = await prepare(archive, { imagesDir: await temporaryFolder(), mirror });
      expect((await outcome).source).toBe(`${base}/deep/small-1.0.tar.gz`);
    }
  });

  it('tries the address of images.json when the mirror has nothing', async () => {
    const served = await setUp();
    const base = await httpServer((_request, response) => response.end(served.bytes));
    const archive = { ...served.archive, url: `${base}/small-1.0.tar.gz` };
    const mirror = join(served.imagesDir, 'nothing-here');
    const { outcome, lines } = await prepare(archive, { imagesDir: served.imagesDir, mirror });
    expect((await outcome).source).toBe(archive.url);
    expect(lines.join('\n')).toMatch(/not available from .*nothing-here.*ENOENT/);
  });

  it('refuses a mirror that is not a URL', async () => {
    const { archive, imagesDir } = await setUp();
    const { outcome } = await prepare(archive, { imagesDir, mirror: 'http://' });
    await expect(outcome).rejects.toThrow('CLOISTER_IMAGE_MIRROR: expected a URL or a path, got "http://"');
    expect(await readdir(imagesDir)).toEqual([]);
  });
});

describe('when it is there already', () => {
  it('does nothing the second time', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    const first = await (await prepare(archive, { imagesDir, mirror })).outcome;
    const tree = await lstat(first.root);
    const { outcome, lines } = await prepare(archive, { imagesDir, mirror: '/nowhere' });
    expect(await outcome).toEqual(first);
    expect(lines).toEqual([]);
    expect((await lstat(first.root)).ino).toBe(tree.ino);
  });

  it('unpacks again when the shift of ids has changed', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    await (await prepare(archive, { imagesDir, mirror })).outcome;
    const { outcome } = await prepare(archive, { imagesDir, mirror, owners: ownersFrom(400_000) });
    expect((await outcome).owners).toEqual(ownersFrom(400_000));
    expect((await lstat(join(imagesDir, 'small/bin/tool'))).uid).toBe(400_000);
    expect((await readdir(imagesDir)).sort()).toEqual([
      expect.stringMatching(/^\.small\.old-\d+$/),
      'small',
      'small.json',
    ]);
  });

  it('unpacks again when images.json names another archive', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    await (await prepare(archive, { imagesDir, mirror })).outcome;
    const newer = await archiveIn(mirror, [{ path: 'only-in-newer', content: 'x' }]);
    await (await prepare(newer.archive, { imagesDir, mirror })).outcome;
    expect(await readdir(join(imagesDir, 'small'))).toContain('only-in-newer');
    expect(await readdir(join(imagesDir, 'small'))).not.toContain('bin');
  });

  it('keeps an older image when no source of the newer one answers', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    const first = await (await prepare(archive, { imagesDir, mirror })).outcome;
    const newer = { ...archive, version: '2.0', sha512: '0'.repeat(128), url: `${await deadUrl()}/x.tar.gz` };
    const { outcome, lines } = await prepare(newer, { imagesDir });
    expect(await outcome).toEqual(first);
    expect(lines.at(-1)).toMatch(/no source answered. It stays version 1.0/);
  });

  it.each([
    ['the record is broken', (imagesDir: string) => writeFile(join(imagesDir, 'small.json'), '{"version"')],
    ['the tree belongs to somebody else', (imagesDir: string) => chown(join(imagesDir, 'small'), 1, 1)],
  ])('unpacks again when %s', async (_title, damage) => {
    const { archive, mirror, imagesDir } = await setUp();
    await (await prepare(archive, { imagesDir, mirror })).outcome;
    await damage(imagesDir);
    const { outcome, lines } = await prepare(archive, { imagesDir, mirror });
    expect((await outcome).owners).toEqual(OWNERS);
    expect(lines.at(-1)).toMatch(/version 1.0 is in/);
  });

  it('unpacks once when many ask at the same time', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    const calls = await Promise.all(Array.from({ length: 5 }, () => prepare(archive, { imagesDir, mirror })));
    const infos = await Promise.all(calls.map((call) => call.outcome));
    expect(new Set(infos.map((info) => info.unpackedAt)).size).toBe(1);
    const lines = calls.flatMap((call) => call.lines);
    expect(lines.filter((line) => line.includes('is in'))).toHaveLength(1);
    expect(lines.some((line) => line.includes('waiting for another process'))).toBe(true);
    expect((await readdir(imagesDir)).sort()).toEqual(['small', 'small.json']);
  });
});

describe('what is refused leaves nothing behind', () => {
  it('refuses content with a wrong checksum, from a mirror and from the network', async () => {
    const { archive, mirror, imagesDir, bytes } = await setUp();
    const base = await httpServer((_request, response) => response.end(bytes));
    const sha512 = '1'.repeat(128);
    for (const options of [{ mirror }, { mirror: `${base}/x` }, {}]) {
      const wrong = { ...archive, sha512, url: `${base}/small-1.0.tar.gz` };
      const { outcome, lines } = await prepare(wrong, { imagesDir, ...options });
      await expect(outcome).rejects.toThrow(`with sha512 ${sha512}, got ${bytes.length} bytes with sha512`);
      expect(lines.join('\n')).not.toMatch(/BUSYBOX/);
      expect(await readdir(imagesDir)).toEqual([]);
    }
  });

  it('refuses an endless answer as soon as it is too long', async () => {
    const { archive, imagesDir } = await setUp();
    const hungUp = Promise.withResolvers<void>();
    const base = await httpServer((_request, response) => {
      const more = () => response.write(Buffer.alloc(65_536)) && setImmediate(more);
      response.on('drain', more).on('close', hungUp.resolve);
      more();
    });
    const { outcome } = await prepare({ ...archive, url: `${base}/x.tar.gz` }, { imagesDir });
    await expect(outcome).rejects.toThrow(`got more than ${archive.size} bytes`);
    await hungUp.promise;
    expect(await readdir(imagesDir)).toEqual([]);
  });

  it('keeps the tree in place when its successor is refused', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    const first = await (await prepare(archive, { imagesDir, mirror })).outcome;
    const { outcome } = await prepare({ ...archive, sha512: '1'.repeat(128) }, { imagesDir, mirror });
    await expect(outcome).rejects.toThrow(/refused/);
    const { outcome: again, lines } = await prepare(archive, { imagesDir, mirror });
    expect(await again).toEqual(first);
    expect(lines).toEqual([]);
  });

  it.each([
    [
      'an entry that would leave the folder',
      { path: '../evil', content: 'x' },
      /refused: "\.\." in the path/,
    ],
    [
      'a mount point that is a link',
      { path: './proc', linkpath: '/etc', type: 'SymbolicLink' },
      /\/proc: expected a folder/,
    ],
  ] as const)('refuses %s', async (_title, entry, message) => {
    const { archive, mirror, imagesDir } = await setUp([...SMALL_ROOT, entry]);
    const { outcome } = await prepare(archive, { imagesDir, mirror });
    await expect(outcome).rejects.toThrow(message);
    expect(await readdir(imagesDir)).toEqual([]);
  });

  it('refuses to work without root, and says so', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(1000);
    try {
      const { outcome } = await prepare(archive, { imagesDir, mirror });
      await expect(outcome).rejects.toThrow(/only root can unpack it/);
    } finally {
      getuid.mockRestore();
    }
    await expect(lstat(imagesDir)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([-1, 0.5, Number.NaN, 4_294_967_290])('refuses the id base %d', async (idBase) => {
    const { archive, mirror, imagesDir } = await setUp();
    const { outcome } = await prepare(archive, { imagesDir, mirror, owners: ownersFrom(idBase) });
    await expect(outcome).rejects.toThrow(/owners: expected ids/);
  });

  it('refuses an image that images.json does not have', async () => {
    const imagesDir = await temporaryFolder();
    const outcome = async () => ensureImage({ name: 'toString', imagesDir, owners: OWNERS, log: () => {} });
    await expect(outcome).rejects.toThrow('image: expected one of alpine, got "toString"');
  });
});

describe('without a source', () => {
  it('builds a BusyBox root that works, and says so', async () => {
    const { archive, imagesDir } = await setUp(SMALL_ROOT, `${await deadUrl()}/small-1.0.tar.gz`);
    const { outcome, lines } = await prepare(archive, { imagesDir });
    const info = await outcome;
    expect(info).toMatchObject({ source: 'busybox-static', sha512: null, owners: OWNERS });
    expect(lines.join('\n')).toMatch(/ECONNREFUSED[\s\S]*BUSYBOX STANDS IN FOR IT/);
    const script =
      'ls -ld /tmp && id -un && grep -c . /etc/passwd && test -d /var/tmp && awk "BEGIN{print 6*7}"';
    const ran = spawnSync('chroot', [info.root, '/bin/sh', '-c', script], { encoding: 'utf8' });
    expect(ran.stdout).toMatch(/^drwxrwxrwt .* \/tmp\nroot\n2\n42\n$/);
    expect((await lstat(join(info.root, 'bin/sh'))).uid).toBe(ID_BASE);
    expect((await readdir(imagesDir)).sort()).toEqual(['small', 'small.json']);
  });

  it('puts what it replaces aside, as it is, until nobody can use it any more', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    const { root } = await (await prepare(archive, { imagesDir, mirror })).outcome;
    const { ino } = await lstat(root);
    const before = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const owners = ownersFrom(2 * ID_BASE);
    await (await prepare(archive, { imagesDir, mirror, owners })).outcome;
    const aside = (await readdir(imagesDir)).find((name) => name.startsWith('.small.old-')) ?? '';
    expect(await lstat(join(imagesDir, aside))).toMatchObject({ ino, uid: ID_BASE });
    expect(await readFile(join(imagesDir, aside, 'etc/version'), 'utf8')).toBe('1\n');
    for (const unusedBeforeMs of [undefined, before]) {
      const kept = { imagesDir, mirror, owners, ...(unusedBeforeMs === undefined ? {} : { unusedBeforeMs }) };
      await (await prepare(archive, kept)).outcome;
      expect(await readdir(imagesDir)).toContain(aside);
    }
    const { outcome } = await prepare(archive, { imagesDir, mirror, owners, unusedBeforeMs: Date.now() });
    expect((await outcome).owners).toEqual(owners);
    expect((await readdir(imagesDir)).sort()).toEqual(['small', 'small.json']);
  });

  it('removes what it replaces when nobody can use it', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    await (await prepare(archive, { imagesDir, mirror })).outcome;
    const unusedBeforeMs = Date.now() + 3_600_000;
    const owners = ownersFrom(2 * ID_BASE);
    await (await prepare(archive, { imagesDir, mirror, owners, unusedBeforeMs })).outcome;
    expect((await readdir(imagesDir)).sort()).toEqual(['small', 'small.json']);
  });

  it('keeps the fallback while nothing answers, and replaces it once something does', async () => {
    const { archive, mirror, imagesDir } = await setUp(SMALL_ROOT, `${await deadUrl()}/small-1.0.tar.gz`);
    const fallback = await (await prepare(archive, { imagesDir })).outcome;
    const second = await prepare(archive, { imagesDir });
    expect(await second.outcome).toEqual(fallback);
    expect(second.lines.at(-1)).toMatch(/It stays BusyBox/);
    const third = await prepare(archive, { imagesDir, mirror });
    expect((await third.outcome).sha512).toBe(archive.sha512);
    expect(await readdir(join(imagesDir, 'small/bin'))).toEqual(['tool']);
  });

  it.each([404, 503])('takes an answer of %d as no source', async (status) => {
    const base = await httpServer((_request, response) => response.writeHead(status).end('sorry'));
    const { archive, imagesDir } = await setUp(SMALL_ROOT, `${base}/small-1.0.tar.gz`);
    const { outcome, lines } = await prepare(archive, { imagesDir });
    expect((await outcome).sha512).toBeNull();
    expect(lines.join('\n')).toContain(`answered ${status}`);
  });

  it('gives up on a server that accepts and says nothing', async () => {
    const base = await httpServer(() => {});
    const { archive, imagesDir } = await setUp(SMALL_ROOT, `${base}/small-1.0.tar.gz`);
    const { outcome, lines } = await prepare(archive, { imagesDir, answerTimeoutMs: 50 });
    expect((await outcome).sha512).toBeNull();
    expect(lines.join('\n')).toContain('silent for 0.05 s');
  });

  it('gives up on a server that stops in the middle', async () => {
    const base = await httpServer((_request, response) => response.write('half'));
    const { archive, imagesDir } = await setUp(SMALL_ROOT, `${base}/small-1.0.tar.gz`);
    const { outcome, lines } = await prepare(archive, { imagesDir, answerTimeoutMs: 50 });
    expect((await outcome).sha512).toBeNull();
    expect(lines.join('\n')).toContain('silent for 0.15 s');
  });
});

describe('interrupted', () => {
  /** Starts the command for `make` against a server that begins an answer and never ends it. */
  const stalledFetch = async (imagesDir: string) => {
    const asked = Promise.withResolvers<void>();
    const mirror = await httpServer((_request, response) => {
      response.write('x', () => asked.resolve());
    });
    const child = spawn(
      process.execPath,
      ['src/main.ts', 'image', 'fetch', '--state-dir', dirname(imagesDir), '--image-mirror', mirror],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const exit = once(child, 'close');
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += String(chunk);
    });
    const ended = exit.then(() => Promise.reject(new Error(errors)));
    await Promise.race([asked.promise, ended]);
    ended.catch(() => undefined);
    return { child, exit, errors: () => errors };
  };

  it('leaves nothing behind when a signal ends it, and says so without a stack trace', async () => {
    const imagesDir = join(await temporaryFolder(), 'images');
    const { child, exit, errors } = await stalledFetch(imagesDir);
    child.kill('SIGINT');
    expect(await exit).toEqual([1, null]);
    expect(errors()).toMatch(/\ncloister: interrupted by SIGINT\n$/);
    expect(errors()).not.toContain('    at ');
    expect(await readdir(imagesDir)).toEqual([]);
  });

  it('cleans up after a process that was killed, which holds no lock any more', async () => {
    const { archive, mirror, imagesDir } = await setUp();
    const { child, exit } = await stalledFetch(imagesDir);
    child.kill('SIGKILL');
    expect(await exit).toEqual([null, 'SIGKILL']);
    const left = await readdir(imagesDir);
    expect(left).toEqual([expect.stringMatching(/^\.alpine\.tmp-/)]);
    const { outcome, lines } = await prepare({ ...archive, name: 'alpine' }, { imagesDir, mirror });
    await outcome;
    expect(lines.join('\n')).not.toContain('waiting');
    expect((await readdir(imagesDir)).sort()).toEqual(['alpine', 'alpine.json']);
  });

  it('says what is wrong with a flag', () => {
    const fetchWith = (...args: string[]) =>
      spawnSync(process.execPath, ['src/main.ts', 'image', 'fetch', ...args], { encoding: 'utf8' });
    const unknown = fetchWith('--nonsense');
    expect(unknown.status).toBe(1);
    expect(unknown.stderr).toContain("unknown option '--nonsense'");
    const bad = fetchWith('--id-base', '5');
    expect(bad.status).toBe(1);
    expect(bad.stderr).toMatch(/^cloister: --id-base: expected a multiple of 65536 .*, got "5"\n$/);
  });
});
