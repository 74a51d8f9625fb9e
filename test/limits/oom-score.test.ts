/** The OOM score adjustment of jobs where the server may not lower its own, as systemd starts the services of users. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';
import { UnprivilegedUser } from '../support/unprivileged.ts';

let unprivileged: UnprivilegedUser;
let server: TestServer;

beforeAll(async () => {
  // What a process with CAP_SYS_RESOURCE writes is the least that those without it can set.
  unprivileged = new UnprivilegedUser({ prepare: 'echo 300 >/proc/self/oom_score_adj' });
  server = new TestServer(unprivileged.stateDir, ['--launcher', unprivileged.launcher], (command) =>
    unprivileged.command(command),
  );
  await server.boot();
});

afterAll(async () => {
  await server.end();
  unprivileged.dispose();
});

it('is that of the server', async () => {
  const { id, status } = await server.run({ command: 'cat /proc/self/oom_score_adj' });
  expect(status).toBe('COMPLETED');
  expect((await server.output(id)).stdout).toBe('300\n');
});
