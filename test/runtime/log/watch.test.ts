/** Watching files. */

import fs, { type FSWatcher } from 'node:fs';
import { appendFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Bell } from '../../../src/async/pull.ts';
import { watchFile } from '../../../src/runtime/log/watch.ts';
import { logOf, onCleanup, temporaryFolder, watchesOn } from './fixture.ts';

const { signal } = new AbortController();

const failure = (code: string): Error => Object.assign(new Error(`${code}: no watch`), { code });

/** A watch that counts. */
const watched = (path: string) => {
  const bell = new Bell();
  const failures: Error[] = [];
  const release = watchFile(path, (failure) => {
    if (failure !== undefined) failures.push(failure);
    bell.ring();
  });
  onCleanup(async () => release());
  return { bell, failures, release };
};

/** Puts another `fs.watch` in place for the rest of the test. */
const replaceWatch = (replacement: (real: typeof fs.watch) => (path: string) => FSWatcher): void => {
  const real = fs.watch;
  Object.assign(fs, { watch: replacement(real) });
  syncBuiltinESMExports();
  onCleanup(async () => {
    Object.assign(fs, { watch: real });
    syncBuiltinESMExports();
  });
};

describe('a watch', () => {
  it('reports every growth to all who share it', async () => {
    const path = await logOf();
    const watches = [watched(path), watched(path), watched(path)];
    expect(watchesOn(path)).toBe(1);
    for (let times = 0; times < 3; times++) {
      const waiting = watches.map(({ bell }) => bell.wait(bell.rings, signal));
      await appendFile(path, 'x');
      await Promise.all(waiting);
    }
  });

  it('ends with the last who shares it, and only then', async () => {
    const path = await logOf();
    const [first, second] = [watched(path), watched(path)];
    first.release();
    first.release();
    expect(watchesOn(path)).toBe(1);
    const grown = second.bell.wait(second.bell.rings, signal);
    await appendFile(path, 'x');
    await grown;
    second.release();
    expect(watchesOn(path)).toBe(0);
    const third = watched(path);
    expect(watchesOn(path)).toBe(1);
    third.release();
  });

  it('reports that a file is created, and then its growth', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'log');
    const { bell, release } = watched(path);
    const created = bell.wait(bell.rings, signal);
    await writeFile(path, '');
    await created;
    const grown = bell.wait(bell.rings, signal);
    await appendFile(path, 'x');
    await grown;
    expect([watchesOn(folder), watchesOn(path)]).toEqual([0, 1]);
    release();
    expect(watchesOn(path)).toBe(0);
  });

  it('reports a file whose folders do not exist yet', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'jobs', 'id', 'log');
    const { bell, release } = watched(path);
    expect(watchesOn(folder)).toBe(1);
    const made = bell.wait(bell.rings, signal);
    await mkdir(dirname(path), { recursive: true });
    await made;
    await mkdir(join(folder, 'jobs', 'other'));
    const created = bell.wait(bell.rings, signal);
    await writeFile(path, 'x');
    await created;
    release();
    expect([watchesOn(folder), watchesOn(dirname(path)), watchesOn(path)]).toEqual([0, 0, 0]);
  });

  it('finds a file that was created while its folder was about to be watched', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'log');
    replaceWatch((real) => (target) => {
      if (target === folder) fs.writeFileSync(path, '');
      return real(target);
    });
    watched(path);
    expect([watchesOn(folder), watchesOn(path)]).toEqual([0, 1]);
  });

  it('is not woken by the neighbours of a file that does not exist yet', async () => {
    const folder = await temporaryFolder();
    const { bell } = watched(join(folder, 'log'));
    await writeFile(join(folder, 'other'), 'x');
    const created = bell.wait(bell.rings, signal);
    await writeFile(join(folder, 'log'), '');
    await created;
    expect(bell.rings).toBeLessThanOrEqual(2);
  });

  it('switches to a file that replaces the first', async () => {
    const path = await logOf();
    const { bell } = watched(path);
    await writeFile(`${path}.new`, 'new');
    const replaced = bell.wait(bell.rings, signal);
    await rename(`${path}.new`, path);
    await replaced;
    await expect.poll(() => watchesOn(path)).toBe(1);
    const grown = bell.wait(bell.rings, signal);
    await appendFile(path, 'x');
    await grown;
  });

  it('continues after the removal of the file and of its folder', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'id', 'log');
    await mkdir(dirname(path));
    await writeFile(path, '');
    const { bell, failures, release } = watched(path);
    const gone = bell.wait(bell.rings, signal);
    await rm(dirname(path), { recursive: true });
    await gone;
    await expect.poll(() => watchesOn(folder)).toBe(1);
    expect(failures).toEqual([]);
    release();
    expect(watchesOn(folder)).toBe(0);
  });

  it('that the system refuses is an error, and nothing is left of it', async () => {
    const path = await logOf();
    replaceWatch(() => () => {
      throw failure('EACCES');
    });
    expect(() => watchFile(path, () => undefined)).toThrow('EACCES');
    expect(() => watchFile(path, () => undefined)).toThrow('EACCES');
  });

  it.each(['EMFILE', 'ENOSPC', 'ENOSYS'])(
    'for which there is no inotify (%s) polls until there is',
    async (code) => {
      const folder = await temporaryFolder();
      const path = join(folder, 'log');
      let exhausted = true;
      replaceWatch((real) => (target) => {
        if (exhausted) throw failure(code);
        return real(target);
      });
      const { bell, failures, release } = watched(path);
      const created = bell.wait(bell.rings, signal);
      await writeFile(path, '');
      await created;
      const grown = bell.wait(bell.rings, signal);
      await appendFile(path, 'x');
      await grown;
      expect(watchesOn(path)).toBe(0);
      exhausted = false;
      await expect.poll(() => watchesOn(path)).toBe(1);
      const again = bell.wait(bell.rings, signal);
      await appendFile(path, 'x');
      await again;
      release();
      expect({ left: watchesOn(path) + watchesOn(folder), failures }).toEqual({ left: 0, failures: [] });
    },
  );

  it('that breaks later reports it to all who share it, and the next one starts from scratch', async () => {
    const path = await logOf();
    const made: FSWatcher[] = [];
    replaceWatch((real) => (target) => {
      const watcher = real(target);
      made.push(watcher);
      return watcher;
    });
    const [first, second] = [watched(path), watched(path)];
    made[0]?.emit('error', new Error('inotify broke'));
    for (const { failures } of [first, second]) {
      expect(failures.map(({ message }) => message)).toEqual(['cannot watch the log: inotify broke']);
    }
    expect(watchesOn(path)).toBe(0);
    const third = watched(path);
    first.release();
    second.release();
    expect(watchesOn(path)).toBe(1);
    third.release();
  });
});
