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
    expect(findInLayers(layers, path)?.path).toBe(join(folder, found));
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
});
