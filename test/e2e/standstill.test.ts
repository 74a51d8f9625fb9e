/** Stopped supervisors and spawners of a real server: nothing waits for them forever. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { hasErrno } from '../../src/errno.ts';
import { cgroupOf, spawnersOf } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';

// Each test waits until a server gives something up, and not for another: they wait at the same time.
const servers: TestServer[] = [];

beforeAll(async () => {
  servers.push(...(await Promise.all([1, 2, 3].map(() => TestServer.start()))));
});

afterAll(() => Promise.all(servers.map((server) => server.dispose())));

const free = (): TestServer => {
  const server = servers.find((one) => !taken.has(one));
  if (server === undefined) throw new Error('each test has one server');
  taken.add(server);
  return server;
};
const taken = new Set<TestServer>();

const supervisorOf = (server: TestServer, id: string): number =>
  Number.parseInt(readFileSync(join(server.stateDir, 'jobs', id, 'started'), 'utf8'), 10);

/** A running job whose supervisor is stopped (SIGSTOP). */
const stuck = async (server: TestServer, limits: object = {}): Promise<string> => {
  const id = await server.submit({ command: 'sleep 1000', limits });
  await server.running(id);
  process.kill(supervisorOf(server, id), 'SIGSTOP');
  return id;
};

/** The same with a timeout: a longer one if the job had ended by it before its supervisor was stopped. */
const stuckInTime = async (server: TestServer): Promise<{ id: string; timeoutMs: number }> => {
  for (let timeoutMs = 1000; ; timeoutMs *= 2)
    try {
      const id = await stuck(server, { timeout: timeoutMs });
      if ((await server.job(id)).status === 'RUNNING') return { id, timeoutMs };
    } catch (error) {
      if (!hasErrno(error, 'ESRCH')) throw error;
    }
};

const code = async (server: TestServer, mutation: string, input: object): Promise<unknown> => {
  const name = `${mutation[0]?.toUpperCase()}${mutation.slice(1)}`;
  const document = `mutation ($input: ${name}Input!) { ${mutation}(input: $input) { job { id } } }`;
  return (await server.ask(document, { input })).errors?.[0]?.extensions?.['code'];
};

describe.concurrent('a supervisor that is stopped', () => {
  it('holds up neither requests nor deadlines nor stops', async ({ expect }) => {
    const server = free();
    const late = await stuckInTime(server);
    const [stopped, paused] = [await stuck(server), await stuck(server)];
    const [job, { status, signal, error }, refusals] = await Promise.all([
      server.ended(late.id),
      server.stop(stopped, 100),
      Promise.all([
        code(server, 'pauseJob', { jobId: paused }),
        code(server, 'signalJob', { jobId: paused, signal: 'SIGUSR1' }),
      ]),
    ]);
    expect(job).toMatchObject({
      status: 'LIMIT_EXCEEDED',
      limitExceeded: 'TIME',
      error: `the timeout of ${late.timeoutMs} ms has passed; its supervisor did not respond, so the server killed both`,
    });
    expect({ status, signal, error }).toEqual({
      status: 'STOPPED',
      signal: 'SIGKILL',
      error: 'it was stopped, and its supervisor did not respond, so the server killed both',
    });
    expect(refusals).toEqual(['UNAVAILABLE', 'UNAVAILABLE']);
    // Once it continues, it carries out what was requested.
    process.kill(supervisorOf(server, paused), 'SIGCONT');
    await server.stop(paused, 0);
  });
});

describe.concurrent('a spawner that is stopped', () => {
  it('is replaced, and the job that waits for it starts', async ({ expect }) => {
    const server = free();
    await server.run({ command: 'true' });
    const [first = -1, ...others] = spawnersOf(await cgroupOf(server));
    expect(others).toEqual([]);
    process.kill(first, 'SIGSTOP');
    expect(await server.run({ command: 'true' })).toMatchObject({
      status: 'COMPLETED',
      exitCode: 0,
      error: null,
    });
    expect(spawnersOf(await cgroupOf(server))).not.toContain(first);
  });

  it('does not keep the server from ending', async ({ expect }) => {
    const server = free();
    await server.run({ command: 'true' });
    for (const spawner of spawnersOf(await cgroupOf(server))) process.kill(spawner, 'SIGSTOP');
    expect(await server.end()).toBe(0);
    await server.boot();
  });
});
