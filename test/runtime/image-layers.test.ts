/** What a path is in an image of several layers: what a mounted overlay shows. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageFiles } from '../../src/runtime/image-files.ts';
import { findInLayers, type Layer } from '../../src/runtime/layers.ts';

let folder: string;
let layers: [Layer, ...Layer[]];

const put = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

const whiteout = (path: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  execFileSync('mknod', [path, 'c', '0', '0']);
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'image-layers-'));
  const [top, middle, bottom] = ['top', 'middle', 'bottom'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  put(join(bottom, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nold:x:1:1::/:/bin/sh\n');
  put(join(bottom, 'etc/group'), 'root:x:0:\nold:x:1:\n');
  put(join(bottom, 'usr/lib/a'), 'bottom');
  put(join(bottom, 'opt/hidden/x'), 'bottom');
  put(join(bottom, 'srv/gone/x'), 'bottom');
  put(join(bottom, 'var/file'), 'bottom');
  mkdirSync(join(bottom, 'proc'));
  symlinkSync('usr/lib', join(bottom, 'lib'));
  put(join(middle, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnew:x:2:2::/:/bin/sh\n');
  put(join(middle, 'opt/hidden/y'), 'middle');
  whiteout(join(middle, 'srv/gone'));
  put(join(middle, 'usr/lib/b'), 'middle');
  put(join(top, 'var/file/now/a/folder'), 'top');
  put(join(top, 'srv/gone/z'), 'top');
  layers = [
    { root: top, opaque: new Set() },
    { root: middle, opaque: new Set(['/opt/hidden']) },
    { root: bottom, opaque: new Set() },
  ];
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('a path of an image with layers', () => {
  it.each([
    ['/', 'top/'],
    ['/etc/passwd', 'middle/etc/passwd'],
    ['/etc/group', 'bottom/etc/group'],
    ['/usr/lib/a', 'bottom/usr/lib/a'],
    ['/usr/lib/b', 'middle/usr/lib/b'],
    ['/opt/hidden/y', 'middle/opt/hidden/y'],
    ['/srv/gone/z', 'top/srv/gone/z'],
    ['/var/file/now/a', 'top/var/file/now/a'],
  ])('%s is %s', (path, found) => {
    const place = findInLayers(layers, path);
    expect(join(place?.layer.root ?? '', place?.path ?? '')).toBe(join(folder, found));
  });

  it.each(['/nosuch', '/opt/hidden/x', '/srv/gone/x', '/etc/passwd/x', '/lib/a'])('%s is none', (path) => {
    expect(findInLayers(layers, path)).toBeUndefined();
  });

  it('is looked up by users and folders', () => {
    const files = new ImageFiles(layers, 65_536);
    expect(files.findUser('new')).toMatchObject({ uid: 2 });
    expect(files.findUser('old')).toBeUndefined();
    expect(files.findUser('0:old')).toMatchObject({ gid: 1 });
    expect(files.isFolder('/lib')).toBe(true);
    expect(files.isFolder('/lib/../lib/a')).toBe(false);
    expect(files.isFolder('/srv/gone')).toBe(true);
    expect(files.isFolder('/opt/hidden/x')).toBe(false);
  });

  it('is looked up where it is too long with that of its layer, and not where a name in it is', () => {
    const long = `/${'n'.repeat(200)}`.repeat(20);
    execFileSync('sh', [
      '-c',
      'cd "$1"; shift; for name; do mkdir "$name"; cd "$name"; done; echo "root:x:0:7::/:/bin/sh" >passwd',
      'sh',
      join(folder, 'top'),
      ...long.slice(1).split('/'),
    ]);
    const root = join(folder, 'linked');
    mkdirSync(join(root, 'etc'), { recursive: true });
    symlinkSync(`${long}/passwd`, join(root, 'etc', 'passwd'));
    const files = new ImageFiles([{ root, opaque: new Set() }, ...layers], 65_536);
    expect(files.isFolder(long)).toBe(true);
    expect(files.isFolder(`${long}/passwd`)).toBe(false);
    expect(files.isFolder(`${long}/none`)).toBe(false);
    expect(files.findUser('root')).toMatchObject({ gid: 7 });
    expect(files.isFolder(`/${'n'.repeat(256)}`)).toBe(false);
    expect(files.isFolder(`/${'n'.repeat(256)}/..`)).toBe(false);
  });

  it('is followed through links and back as a cell would', () => {
    const files = new ImageFiles(layers, 65_536);
    for (const path of ['/lib/../../var/file/now', '/./usr//lib/', '/../etc', '/proc/1/../nosuch'])
      expect([path, files.isFolder(path)]).toEqual([path, true]);
    for (const path of ['/etc/passwd/', '/etc/passwd/..', '/etc/passwd/.', '/lib/a/..'])
      expect([path, files.isFolder(path)]).toEqual([path, false]);
  });

  it('is not followed for long: links may lead on and on through deep folders', () => {
    const deep = '/d'.repeat(250);
    const root = join(folder, 'maze');
    mkdirSync(join(root, deep), { recursive: true });
    for (let index = 0; index < 40; index++)
      symlinkSync(index === 39 ? deep : `${deep}/l${index + 1}`, join(root, deep, `l${index}`));
    let lookups = 0;
    // Asked for each folder that is found.
    const opaque = new (class extends Set<string> {
      override has(path: string): boolean {
        lookups += 1;
        return super.has(path);
      }
    })();
    const isFolder = (link: string, count = 1): boolean => {
      lookups = 0;
      const same = (): Layer => ({ root, opaque });
      const files = new ImageFiles([same(), ...Array.from({ length: count - 1 }, same)], 65_536);
      return files.isFolder(`${deep}/${link}`);
    };
    expect(isFolder('l30')).toBe(true);
    expect(lookups).toBeLessThan(11 * 251);
    for (const [link, count] of [
      ['l0', 1],
      ['l30', 100],
    ] as const) {
      expect(isFolder(link, count)).toBe(false);
      expect(lookups).toBeLessThanOrEqual(5000);
    }
  });
});
