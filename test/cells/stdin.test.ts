/** The files of standard inputs. */

import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { StdinFiles } from '../../src/cells/stdin.ts';
import { disposers } from '../support/disposers.ts';

const onEnd = disposers();
let folder: string;
let files: StdinFiles;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cloister-stdin-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  files = new StdinFiles(folder);
});

describe('a standard input', () => {
  it('is kept until it is removed, for its owner alone', async () => {
    await files.keep('a', 'größer\0');
    expect(await files.read('a')).toEqual(Buffer.from('größer\0'));
    expect(files.size('a')).toBe(9);
    expect(statSync(files.path('a')).mode & 0o777).toBe(0o600);
    await files.remove('a');
    expect(await files.read('a')).toBeUndefined();
    expect(files.size('a')).toBe(0);
  });

  it('is shared without a copy, and kept while one of the jobs exists', async () => {
    await files.keep('a', 'text');
    await files.share('a', 'b');
    expect(statSync(files.path('b')).ino).toBe(statSync(files.path('a')).ino);
    await files.remove('a');
    expect(await files.read('b')).toEqual(Buffer.from('text'));
    // A lost one is reported where it is read.
    await files.share('a', 'c');
    expect(await files.read('c')).toBeUndefined();
  });

  it('of a job that was never stored is removed', async () => {
    for (const id of ['a', 'b']) await files.keep(id, id);
    writeFileSync(files.path('c'), 'torn');
    await files.sweep(async (id) => id === 'b');
    expect(readdirSync(join(folder, 'stdin'))).toEqual(['b']);
  });
});
