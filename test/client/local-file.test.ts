/** Which files of this machine `--file` names. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { localFiles } from '../../src/client/local-file.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-local-'));
  mkdirSync(join(folder, 'lib/deep'), { recursive: true });
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'main'), 'main', { mode: 0o755 });
  writeFileSync(join(folder, 'lib/deep/x'), 'deep', { mode: 0o200 });
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('--file', () => {
  it('of a folder is every file in it, below the path', async () => {
    const main = { local: join(folder, 'main'), sizeBytes: 4, mode: '0755' };
    const deep = { local: join(folder, 'lib/deep/x'), sizeBytes: 4, mode: '0600' };
    for (const flag of [`${folder}:/src`, `${folder}/:/src/`])
      expect(await localFiles([flag])).toEqual([
        { ...main, path: '/src/main' },
        { ...deep, path: '/src/lib/deep/x' },
      ]);
    expect(await localFiles([`${folder}:/`, `${folder}/main:/other`])).toEqual([
      { ...main, path: '/main' },
      { ...deep, path: '/lib/deep/x' },
      { ...main, path: '/other' },
    ]);
  });

  it('of a link is what it leads to', async () => {
    symlinkSync('lib', join(folder, 'link'));
    expect(await localFiles([`${folder}/link:/src`])).toMatchObject([{ path: '/src/deep/x' }]);
  });

  it.each<[string, () => void, (folder: string) => string]>([
    [
      'a link in it',
      () => symlinkSync('/etc/passwd', join(folder, 'lib/link')),
      (at) => `${at}/lib/link: expected only files and folders in a folder, got a symbolic link`,
    ],
    [
      'a pipe in it',
      () => execFileSync('mkfifo', [join(folder, 'pipe')]),
      (at) => `${at}/pipe: expected only files and folders in a folder, got a pipe`,
    ],
    [
      'a name in it that is not UTF-8',
      () => writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x61, 0xff])]), ''),
      (at) => `${at}: expected names in UTF-8, got "aÿ"`,
    ],
    [
      'too many files, with those of other flags',
      () => {
        for (let i = 0; i < 98; i++) writeFileSync(join(folder, `${i}`), '');
      },
      (at) =>
        `${at}: expected at most 100 files in all, got more: make a tar of it, and unpack that in the job`,
    ],
    [
      'too many folders',
      () => {
        for (let i = 0; i < 1000; i++) mkdirSync(join(folder, `${i}`));
      },
      (at) => `${at}: expected at most 1000 folders, got more: make a tar of it, and unpack that in the job`,
    ],
    [
      'nothing in it',
      () => {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
      },
      (at) => `expected a folder with files, got "${at}"`,
    ],
  ])('refuses a folder with %s', async (_what, change, message) => {
    change();
    const first = import.meta.filename;
    await expect(localFiles([`${first}:/first`, `${folder}:/src`])).rejects.toThrow(
      `--file: ${message(folder)}`,
    );
  });
});
