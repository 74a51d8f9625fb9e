/** An image that is replaced while jobs run on it. */

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;
let images: string;

beforeAll(async () => {
  server = await TestServer.start();
  await server.end();
  // Images of its own, which it may replace.
  images = join(server.stateDir, 'images');
  rmSync(images);
  await server.boot();
});

afterAll(() => server.dispose());

const putAside = (): string[] => readdirSync(images).filter((name) => name.startsWith('.'));

it('a job continues on its own image when a server replaces it', async () => {
  // Each round starts programs and reads files of the image.
  const id = await server.submit({ command: 'while :; do ls /etc/os-release; sleep 0.02; done' });
  await server.running(id);
  await server.end();
  // As with a new version: the unpacked tree is ignored.
  rmSync(join(images, 'alpine.json'));
  await server.boot();
  expect(putAside()).toEqual([expect.stringMatching(/^\.alpine\.old-/)]);
  const before = (await server.output(id, false)).stdout.length;
  await expect.poll(async () => (await server.output(id, false)).stdout.length).toBeGreaterThan(before + 200);
  expect(await server.run({ command: 'cat /etc/os-release' })).toMatchObject({ exitCode: 0 });

  await server.end();
  await server.boot();
  expect(putAside()).toHaveLength(1);
  await server.stop(id, 0);
  const { stdout, stderr } = await server.output(id);
  expect(stdout).toMatch(/^(\/etc\/os-release\n)+$/);
  expect(stderr).toBe('');

  await server.end();
  await server.boot();
  expect(putAside()).toEqual([]);
});
