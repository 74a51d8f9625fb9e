/** Limits in a container whose engine mounts its cgroup read-only, by the entry point of the container image. */

import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { removeCgroup } from '../../src/runtime/cgroup/index.ts';
import { cgroup2Mount } from '../support/cgroup2.ts';
import { IMAGES, testImage } from '../support/image.ts';
import { TestServer } from '../support/server.ts';

const PROJECT = join(import.meta.dirname, '..', '..');

let server: TestServer;
let cgroup: string;

// As an engine prepares a container: a cgroup, namespaces of cgroups and mounts, and the cgroup mounted read-only.
const CONTAINER = `
echo $$ >"$0/cgroup.procs"
exec unshare --mount --cgroup sh -euc '
  umount /sys/fs/cgroup
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
  mount -o remount,bind,ro,nosuid,nodev,noexec /sys/fs/cgroup
  exec "$@"
' sh "$@"`;

beforeAll(async () => {
  await testImage();
  cgroup = join(cgroup2Mount(), `container-${process.pid}`);
  mkdirSync(cgroup);
  const stateDir = mkdtempSync(join(tmpdir(), 'cloister-container-'));
  mkdirSync(join(stateDir, 'exits'));
  symlinkSync(IMAGES, join(stateDir, 'images'));
  server = new TestServer(stateDir, [], (command) => [
    ...['env', `PATH=${join(PROJECT, 'bin')}:${process.env['PATH']}`],
    ...['sh', '-euc', CONTAINER, cgroup],
    ...[join(PROJECT, 'docker', 'entrypoint'), ...command.slice(command.indexOf('serve'))],
  ]);
  await server.boot();
});

afterAll(async () => {
  await server.dispose();
  await removeCgroup(cgroup);
});

it('are in force', async () => {
  const id = await server.submit({
    command: 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max',
    limits: { memory: '64Mi', pids: 10 },
  });
  expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED', exitCode: 0 });
  expect((await server.output(id)).stdout).toBe('67108864\n11\n');
});
