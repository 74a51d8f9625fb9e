/** Users and folders of an image. */

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageFiles } from '../../src/runtime/image-files.ts';

let tree: string;
let image: ImageFiles;

beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), 'image-files-'));
  mkdirSync(join(tree, 'etc'));
  const accounts = [
    'root:x:0:0::/root:/bin/sh',
    'ann:x:1000:1000::/home/ann:/bin/sh',
    'far:x:5000:1::/:/bin/sh',
  ];
  writeFileSync(join(tree, 'etc/passwd'), `${accounts.join('\n')}\n`);
  writeFileSync(
    join(tree, 'etc/group'),
    'root:x:0:\nann:x:1000:\nusers:x:100:ann\nwheel:x:10:root,ann\nfar:x:5000:\n',
  );
  image = new ImageFiles(tree, 4096);
});

afterAll(() => rmSync(tree, { recursive: true }));

const ANN = { uid: 1000, gid: 1000, groups: [100, 10], name: 'ann', home: '/home/ann' };

describe('a user', () => {
  it.each([
    ['ann', ANN],
    ['1000', ANN],
    // Its own group, written down, changes nothing.
    ['ann:ann', ANN],
    ['1000:1000', ANN],
    ['ann:users', { ...ANN, gid: 100, groups: [] }],
    ['ann:100', { ...ANN, gid: 100, groups: [] }],
    ['1000:users', { ...ANN, gid: 100, groups: [] }],
    ['ann:7', { ...ANN, gid: 7, groups: [] }],
    ['7:users', { uid: 7, gid: 100, groups: [], name: null, home: '/' }],
    ['7', { uid: 7, gid: 0, groups: [], name: null, home: '/' }],
  ])('%s', (text, user) => {
    expect(image.findUser(text)).toEqual(user);
  });

  it.each([
    '',
    ':',
    ':users',
    'ann:',
    'ann:nosuch',
    'nosuch:users',
    'ann:users:users',
    'far',
    'ann:far',
    'ann:4096',
    '4096',
  ])('cannot be %j', (text) => {
    expect(image.findUser(text)).toBeUndefined();
  });

  it('is looked up in files that are read once, as an image does not change while it is used', () => {
    const folder = mkdtempSync(join(tmpdir(), 'image-files-'));
    try {
      cpSync(tree, folder, { recursive: true });
      const copy = new ImageFiles(folder, 4096);
      expect(copy.findUser('ann')).toEqual(ANN);
      rmSync(join(folder, 'etc'), { recursive: true });
      expect(copy.findUser('ann:users')).toEqual({ ...ANN, gid: 100, groups: [] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
