/** Files that the server follows: no change is missed, whenever it comes. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { RolesFile } from '../../src/server/roles-file.ts';
import { WatchedFiles } from '../../src/server/watched-files.ts';
import { disposers } from '../support/disposers.ts';

const dispose = disposers();
let path: string;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'cloister-watched-'));
  dispose(() => rmSync(folder, { recursive: true }));
  path = join(folder, 'file');
});

const replace = (text: string): void => {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
};

it('a file that is replaced while it is read first is read again', async () => {
  execFileSync('mkfifo', [path]);
  const opening = RolesFile.open(path, () => undefined);
  // Opened only once somebody reads it, and read to its end only when it is closed.
  const old = await open(path, 'w');
  replace('bob = "user"\n');
  await old.writeFile('alice = "user"\n');
  await old.close();
  const roles = await opening;
  dispose(() => roles.close());
  expect(roles.current.get('alice')).toBe('USER');
  await expect.poll(() => roles.current.get('bob')).toBe('USER');
  expect(roles.current.get('alice')).toBeUndefined();
});

it('a change during a call is followed by another call, one at a time, until nobody follows', async () => {
  replace('first');
  const files = await WatchedFiles.at([path]);
  let calls = 0;
  let running = 0;
  const called = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const end = files.follow(async () => {
    calls += 1;
    running += 1;
    expect(running).toBe(1);
    called.resolve();
    await goOn.promise;
    running -= 1;
  });
  dispose(end);
  replace('second');
  await called.promise;
  rmSync(path);
  goOn.resolve();
  await expect.poll(() => calls).toBe(2);
  end();
});
