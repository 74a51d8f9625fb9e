/** What jobs find in an image is what umoci(1) makes of the same archive, also after skopeo(1) has rewritten it. */

import { execFileSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Entry, makeParts, ociArchive, tar } from '../support/archives.ts';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await TestServer.start();
  folder = mkdtempSync(join(tmpdir(), 'cloister-peers-'));
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.dispose();
});

const dir = (path: string, more: Partial<Entry> = {}): Entry => ({ path, type: '5', ...more });
const file = (path: string, content: string, more: Partial<Entry> = {}): Entry => ({
  path,
  content,
  mode: 0o644,
  ...more,
});

/** Three layers that affect each other in every way that layers can. */
const LAYERS: readonly (readonly Entry[])[] = [
  [
    ...['bin', 'dev', 'proc', 'sys', 'etc', 'keep', 'gone', 'hidden', 'hidden/deep', 'mixed', 'real'].map(
      (path) => dir(path),
    ),
    { path: 'bin/busybox', content: readFileSync('/bin/busybox') },
    { path: 'bin/sh', type: '2', link: 'busybox' },
    file('keep/one', '1'),
    file('keep/two', '22', { mode: 0o600, uid: 12, gid: 34 }),
    { path: 'keep/hard', type: '1', link: 'keep/two' },
    file('keep/three', '3'),
    { path: 'keep/three-too', type: '1', link: './keep/three' },
    { path: 'keep/soft', type: '2', link: 'nowhere/at all', uid: 5 },
    { path: 'keep/fifo', type: '6', mode: 0o622 },
    file('gone/file', 'x'),
    file('hidden/old', 'x'),
    file('hidden/deep/old', 'x'),
    file('mixed/becomes-folder', 'file'),
    dir('mixed/becomes-file'),
    file('mixed/becomes-file/in', 'x'),
    file('mixed/linked', 'lower'),
    { path: 'mixed/linked-too', type: '1', link: 'mixed/linked' },
    // Each layer is unpacked by itself, as Docker does it: of a link in a lower one it knows nothing.
    { path: 'alias', type: '2', link: 'real' },
    file('alias/through', 'by way of a link'),
    dir('owned', { mode: 0o711, uid: 12, gid: 34 }),
    dir('owned/inner', { mode: 0o1777, uid: 1 }),
    dir('emptied', { mode: 0o700 }),
    dir('emptied/inner', { mode: 0o700 }),
    dir('modes', { mode: 0o1777 }),
    dir('modes/closed', { mode: 0, uid: 1000, gid: 1000 }),
    file('twice', 'first'),
    file('twice', 'second one'),
    file(`${'long/'.repeat(30)}name`, 'deep'),
    file('name with\nnewline and \u00e4', 'x'),
  ],
  [
    file('keep/.wh.one', ''),
    file('.wh.gone', ''),
    dir('hidden', { mode: 0o750 }),
    file('hidden/.wh..wh..opq', ''),
    file('hidden/new', 'new'),
    file('mixed/.wh.becomes-folder', ''),
    dir('mixed/becomes-folder'),
    file('mixed/becomes-folder/in', 'in'),
    file('mixed/becomes-file', 'now a file'),
    // One of two names of a file: the other stays as it was.
    file('mixed/linked', 'upper'),
    file('keep/.wh.not-there', ''),
    // Without an entry for the folders.
    file('owned/inner/added', 'x'),
    file('owned/new/folder/added', 'x'),
    dir('emptied'),
    file('emptied/.wh..wh..opq', ''),
    file('emptied/inner/added', 'x'),
  ],
  [
    // Removed files are added again, and added files are removed.
    dir('gone'),
    file('gone/again', 'back'),
    file('hidden/deep', 'a file in place of the folder'),
    file('mixed/becomes-folder/.wh.in', ''),
    file('keep/two', 'changed', { mode: 0o640 }),
    { path: 'keep/soft', type: '2', link: 'one' },
  ],
];

const ARCHIVE = ociArchive(makeParts(LAYERS.map(tar), {}, gzipSync));

// Every file with its kind, mode, owners, links, time and content; the same program on both sides. What Cloister makes for
// a cell, and folders that it mounts on, are left out. Time of folders: that of the last change of
// what is in them, for umoci of any layer. An overlay counts the links of a file within its layer.
const LIST = [
  'busybox find . -mindepth 1 \\( -path ./dev -o -path ./proc -o -path ./sys -o -path ./etc -o -path ./bin \\) -prune -o -print0',
  'busybox sort -z',
  `busybox xargs -0 -n 1 busybox sh -c '
    case "$(busybox stat -c %F "$0")" in
      directory) busybox stat -c "%n: %F %a %u:%g" "$0" ;;
      "symbolic link") busybox stat -c "%n: %F %u:%g" "$0"; busybox readlink "$0" ;;
      "regular file") busybox stat -c "%n: %F %a %u:%g %s %Y" "$0"; busybox sha256sum <"$0" ;;
      *) busybox stat -c "%n: %F %a %u:%g %Y" "$0" ;;
    esac'`,
].join(' | ');

/** Hard links, and folders that an upper layer has no entry of. */
const LINKED = 'keep/three 2 1000000000\nkeep 1 1000000000\nowned/inner 1 1000000000\n';

const importedAs = async (name: string, archive: Readable): Promise<string> => {
  const response = await fetch(new URL(`images/${name}`, server.url), {
    method: 'PUT',
    headers: { authorization: `Bearer ${server.token}` },
    body: archive as unknown as BodyInit,
    duplex: 'half',
  } as RequestInit);
  expect(await response.json()).toMatchObject({ image: { name } });
  const id = await server.submit({
    image: name,
    command: `cd / && ${LIST}; [ keep/three -ef keep/three-too ] && busybox stat -c '%n %h %Y' keep/three keep owned/inner`,
    env: [{ name: 'PATH', value: '/bin' }],
    // It reads files of other owners.
    capabilities: 'ROOT_IN_CELL',
  });
  const { status, exitCode } = await server.ended(id);
  const { stdout, stderr } = await server.output(id);
  expect({ status, exitCode, stderr }).toEqual({ status: 'COMPLETED', exitCode: 0, stderr: '' });
  return stdout;
};

it('is the same', async () => {
  const own = join(folder, 'own.tar');
  writeFileSync(own, ARCHIVE);
  const skopeo = (from: string, to: string): Buffer =>
    execFileSync('skopeo', ['--insecure-policy', 'copy', '--quiet', from, to], { stdio: 'pipe' });
  skopeo(`oci-archive:${own}`, `oci:${join(folder, 'layout')}:one`);
  skopeo(`oci-archive:${own}`, `docker-archive:${join(folder, 'docker.tar')}:one:1`);
  const umoci = ['unpack', '--image', `${join(folder, 'layout')}:one`, join(folder, 'bundle')];
  execFileSync('umoci', umoci, { stdio: 'pipe' });
  const expected = execFileSync('sh', ['-c', LIST], {
    cwd: join(folder, 'bundle', 'rootfs'),
    encoding: 'utf8',
  });
  // The comparison must not be empty.
  expect(expected.split('\n').length).toBeGreaterThan(60);
  for (const text of ['./keep/two: regular file 640 0:0 7', './hidden/deep: regular file', './real/through'])
    expect(expected).toContain(text);
  expect(await importedAs('own', createReadStream(own))).toBe(expected + LINKED);
  expect(await importedAs('docker', createReadStream(join(folder, 'docker.tar')))).toBe(expected + LINKED);
  execFileSync('tar', ['-C', join(folder, 'layout'), '-cf', join(folder, 'layout.tar'), '.']);
  expect(await importedAs('layout', createReadStream(join(folder, 'layout.tar')))).toBe(expected + LINKED);
});
