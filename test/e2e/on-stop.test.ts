/** A server that stops its jobs when it is stopped itself, as in a container. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start('--on-stop', 'stop-jobs', '--stop-grace', '2s', '--max-running', '3');
});

afterAll(() => server.dispose());

const printed = async (id: string, text: string): Promise<void> => {
  await expect.poll(async () => (await server.output(id, false)).stdout).toContain(text);
};

it('ends running jobs with SIGTERM, then SIGKILL, and leaves waiting jobs to the next server', async () => {
  const polite = await server.submit({
    command: 'trap "echo cleaned up; exit 3" TERM; echo up; while :; do sleep 0.1; done',
  });
  const stubborn = await server.submit({
    command: 'trap "echo no" TERM; echo up; while :; do sleep 0.1; done',
  });
  const paused = await server.submit({ command: 'echo up; sleep 1000' });
  for (const id of [polite, stubborn, paused]) await printed(id, 'up');
  await server.pause(paused);
  const waiting = await server.submit({ command: 'echo started at last' });

  expect(await server.end('SIGTERM')).toBe(0);

  // Their ends are stored: the next server has nothing to recover.
  for (const id of [polite, stubborn, paused])
    expect(existsSync(join(server.stateDir, 'exits', id))).toBe(false);
  expect(server.log.map(({ msg }) => msg)).toContainEqual(
    expect.stringMatching(/^SIGTERM: stopping 3 running jobs, which have 2s to end; /),
  );
  expect(server.errors).not.toMatch(/running jobs continue|have not ended/);
  await server.boot();
  expect(await server.job(polite)).toMatchObject({ status: 'STOPPED', exitCode: 3 });
  expect((await server.output(polite)).stdout).toBe('up\ncleaned up\n');
  expect(await server.job(stubborn)).toMatchObject({ status: 'STOPPED', signal: 'SIGKILL' });
  expect(await server.job(paused)).toMatchObject({ status: 'STOPPED', signal: 'SIGTERM' });
  expect(await server.ended(waiting)).toMatchObject({ status: 'COMPLETED' });
});

it('ends at once when nothing runs, whatever waits', async () => {
  const later = await server.submit({
    command: 'true',
    startAfter: new Date(Date.now() + 86_400_000).toISOString(),
  });
  expect(await server.end('SIGTERM')).toBe(0);
  await server.boot();
  expect(await server.job(later)).toMatchObject({ status: 'QUEUED' });
});
