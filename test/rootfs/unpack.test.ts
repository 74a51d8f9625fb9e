/** Unpacking archives, hostile ones included. */

import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ownersFrom } from '../../rootfs/tree.ts';
import { unpack } from '../../rootfs/unpack.ts';
import { type Entry, tarOf, temporaryFolder } from './fixture.ts';

const ID_BASE = 300_000;

const unpackBytes = async (bytes: Buffer, signal?: AbortSignal) => {
  const folder = await temporaryFolder();
  const root = join(folder, 'root');
  await mkdir(root);
  await writeFile(join(folder, 'archive'), bytes);
  const outcome = unpack(join(folder, 'archive'), root, ownersFrom(ID_BASE), signal);
  return { folder, root, outcome };
};

const unpackEntries = async (entries: readonly Entry[]) => unpackBytes(gzipSync(tarOf(entries)));

describe('what is kept', () => {
  it('keeps contents, modes and times, and shifts owners', async () => {
    const mtime = new Date('2020-02-02T20:20:20Z');
    const { root, outcome } = await unpackEntries([
      { path: './d/', type: 'Directory', mode: 0o1777, uid: 5, gid: 6, mtime },
      { path: './d/file', content: 'text\n', mode: 0o640, uid: 0, gid: 42, mtime },
      { path: './d/empty', mode: 0o555, uid: 65_535, gid: 65_535, mtime },
    ]);
    await outcome;
    expect(await readFile(join(root, 'd/file'), 'utf8')).toBe('text\n');
    const folder = await lstat(join(root, 'd'));
    expect(folder).toMatchObject({ uid: ID_BASE + 5, gid: ID_BASE + 6, mtime });
    expect(folder.mode & 0o7777).toBe(0o1777);
    const file = await lstat(join(root, 'd/file'));
    expect(file).toMatchObject({ uid: ID_BASE, gid: ID_BASE + 42, mtime });
    expect(file.mode & 0o7777).toBe(0o640);
    expect(await lstat(join(root, 'd/empty'))).toMatchObject({ uid: ID_BASE + 65_535, size: 0, mtime });
  });

  it('keeps symbolic links as they are, also absolute ones and ones that dangle', async () => {
    const mtime = new Date('2020-02-02T20:20:20Z');
    const links = { 'bin/sh': '/bin/busybox', 'etc/up': '../../../etc/passwd', gone: 'nowhere' };
    const { root, outcome } = await unpackEntries(
      Object.entries(links).map(([path, linkpath]) => ({
        path,
        linkpath,
        type: 'SymbolicLink',
        gid: 7,
        mtime,
      })),
    );
    await outcome;
    for (const [path, target] of Object.entries(links)) {
      expect(await readlink(join(root, path))).toBe(target);
      expect(await lstat(join(root, path))).toMatchObject({ uid: ID_BASE, gid: ID_BASE + 7, mtime });
    }
  });

  it('keeps hard links', async () => {
    const { root, outcome } = await unpackEntries([
      { path: './bin/one', content: 'same' },
      { path: './bin/two', linkpath: './bin/one', type: 'Link' },
    ]);
    await outcome;
    const [one, two] = await Promise.all([lstat(join(root, 'bin/one')), lstat(join(root, 'bin/two'))]);
    expect(two.ino).toBe(one.ino);
    expect(one.nlink).toBe(2);
  });

  it('makes folders that the archive only implies', async () => {
    const { root, outcome } = await unpackEntries([{ path: 'a/b/c', content: 'x' }]);
    await outcome;
    const implied = await lstat(join(root, 'a/b'));
    expect(implied.uid).toBe(ID_BASE);
    expect(implied.mode & 0o7777).toBe(0o755);
  });

  it('strips set-uid and set-gid bits', async () => {
    const { root, outcome } = await unpackEntries([
      { path: 'su', content: 'x', mode: 0o6755 },
      { path: 'shared/', type: 'Directory', mode: 0o2775 },
    ]);
    await outcome;
    expect((await lstat(join(root, 'su'))).mode & 0o7777).toBe(0o755);
    expect((await lstat(join(root, 'shared'))).mode & 0o7777).toBe(0o775);
  });

  it('writes files larger than any buffer on the way', async () => {
    const content = 'cloister '.repeat(1_000_000);
    const { root, outcome } = await unpackEntries([
      { path: 'large', content },
      { path: 'after', content: 'it' },
    ]);
    await outcome;
    expect(await readFile(join(root, 'large'), 'utf8')).toBe(content);
    expect(await readFile(join(root, 'after'), 'utf8')).toBe('it');
  });
});

describe('what is refused', () => {
  const cases: readonly (readonly [title: string, entries: readonly Entry[], message: RegExp])[] = [
    ['an absolute path', [{ path: '/etc/evil', content: 'x' }], /absolute path "\/etc\/evil"/],
    ['a path with ".."', [{ path: 'a/../../evil', content: 'x' }], /"\.\." in the path/],
    ['a path that is ".."', [{ path: '..', type: 'Directory' }], /"\.\." in the path/],
    [
      'a file through a symbolic link',
      [
        { path: 'out', linkpath: '..', type: 'SymbolicLink' },
        { path: 'out/evil', content: 'x' },
      ],
      /goes through \/out, which is not a folder/,
    ],
    [
      'a folder through a symbolic link',
      [
        { path: 'out', linkpath: '/', type: 'SymbolicLink' },
        { path: 'out/tmp/evil/', type: 'Directory' },
      ],
      /goes through \/out/,
    ],
    [
      'a file in the place of a symbolic link',
      [
        { path: 'out', linkpath: '../evil', type: 'SymbolicLink' },
        { path: 'out', content: 'x' },
      ],
      /an earlier entry has the same path/,
    ],
    [
      'a folder in the place of a symbolic link',
      [
        { path: 'out', linkpath: '..', type: 'SymbolicLink' },
        { path: 'out/', type: 'Directory', mode: 0o777 },
      ],
      /an earlier entry has the same path/,
    ],
    [
      'a hard link to an absolute path',
      [{ path: 'evil', linkpath: '/etc/passwd', type: 'Link' }],
      /absolute path "\/etc\/passwd"/,
    ],
    ['a hard link to ".."', [{ path: 'evil', linkpath: '../archive', type: 'Link' }], /"\.\." in the path/],
    [
      'a hard link through a symbolic link',
      [
        { path: 'out', linkpath: '..', type: 'SymbolicLink' },
        { path: 'evil', linkpath: 'out/archive', type: 'Link' },
      ],
      /its target "out\/archive" is not a file of the archive/,
    ],
    [
      'a hard link to a symbolic link',
      [
        { path: 'out', linkpath: '../archive', type: 'SymbolicLink' },
        { path: 'evil', linkpath: 'out', type: 'Link' },
      ],
      /its target "out" is not a file of the archive/,
    ],
    ['a hard link to nothing', [{ path: 'evil', linkpath: 'nothing', type: 'Link' }], /is not a file/],
    ['a character device', [{ path: 'null', type: 'CharacterDevice' }], /a CharacterDevice has no place/],
    ['a block device', [{ path: 'sda', type: 'BlockDevice' }], /a BlockDevice has no place/],
    ['a fifo', [{ path: 'pipe', type: 'FIFO' }], /a FIFO has no place/],
    ['an owner beyond the range of a cell', [{ path: 'f', uid: 65_536 }], /uid from 0 to 65535, got 65536/],
    ['a group beyond the range of a cell', [{ path: 'f', gid: 70_000 }], /gid from 0 to 65535, got 70000/],
  ];

  it.each(cases)('refuses %s', async (_title, entries, message) => {
    const { folder, outcome } = await unpackEntries(entries);
    await expect(outcome).rejects.toThrow(message);
    expect((await readdir(folder)).sort()).toEqual(['archive', 'root']);
    expect((await lstat(join(folder, 'archive'))).nlink).toBe(1);
  });

  it('refuses entries of a type that tar does not know', async () => {
    const bytes = tarOf([{ path: 'odd', content: 'x' }]);
    bytes[156] = 'Z'.charCodeAt(0);
    const sum = bytes
      .subarray(0, 512)
      .fill(' ', 148, 156)
      .reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const { outcome } = await unpackBytes(bytes);
    await expect(outcome).rejects.toThrow(/entry "odd": refused/);
  });

  it('refuses an archive that was cut off in the middle of a file, and does not hang', async () => {
    const bytes = tarOf([{ path: 'large', content: 'x'.repeat(1_000_000) }]);
    const { outcome } = await unpackBytes(bytes.subarray(0, 500_000));
    await expect(outcome).rejects.toThrow(/not a sound tar archive/);
    const compressed = await unpackBytes(gzipSync(bytes, { level: 0 }).subarray(0, 500_000));
    await expect(compressed.outcome).rejects.toThrow(/not a sound tar archive/);
  });

  it('refuses a file that is not an archive', async () => {
    const { outcome } = await unpackBytes(Buffer.from('<html>Sign in to this network</html>'.repeat(100)));
    await expect(outcome).rejects.toThrow(/not a sound tar archive/);
  });
});

it('stops when it is aborted', async () => {
  const controller = new AbortController();
  controller.abort(new Error('enough'));
  const { outcome } = await unpackBytes(gzipSync(tarOf([{ path: 'f', content: 'x' }])), controller.signal);
  await expect(outcome).rejects.toMatchObject({ name: 'AbortError', cause: new Error('enough') });
});
