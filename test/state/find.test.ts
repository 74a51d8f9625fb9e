/** Which folder is the state folder of the server on this machine. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findStateDir } from '../../src/state/find.ts';
import { statePaths } from '../../src/state/paths.ts';

let root: string;
let folders: readonly [string, string, string];
let server: Server | undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cloister-find-'));
  folders = [join(root, 'default'), join(root, 'checkout'), join(root, 'other')];
});

afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  rmSync(root, { recursive: true });
});

it('is the first, where there is none', async () => {
  expect(await findStateDir(folders)).toBe(folders[0]);
});

it('is one that was used, not one that merely exists', async () => {
  mkdirSync(folders[0]);
  mkdirSync(statePaths(folders[2]).images, { recursive: true });
  expect(await findStateDir(folders)).toBe(folders[2]);
  mkdirSync(folders[1]);
  writeFileSync(statePaths(folders[1]).database, '');
  expect(await findStateDir(folders)).toBe(folders[1]);
});

it('is, above all, one in which a server listens', async () => {
  for (const folder of folders) mkdirSync(statePaths(folder).images, { recursive: true });
  const { socket } = statePaths(folders[1]);
  const listening = createServer();
  server = listening;
  await new Promise<void>((resolve) => listening.listen(socket, resolve));
  expect(await findStateDir(folders)).toBe(folders[1]);
});
