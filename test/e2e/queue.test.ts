/** The queue of a real server. */

import { expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { TestServer } from '../support/server.ts';

const dispose = disposers();

const start = async (...flags: string[]): Promise<TestServer> => {
  const server = await TestServer.start(...flags);
  dispose(() => server.dispose());
  return server;
};

interface Place {
  readonly status: string;
  readonly queue: { readonly position: number | null; readonly reason: string } | null;
}

const place = async (server: TestServer, id: string): Promise<Place> =>
  (await server.query<{ job: Place }>(`{ job(id: "${id}") { status queue { position reason } } }`)).job;

const running = (server: TestServer, id: string) =>
  expect.poll(async () => (await server.job(id)).status).toBe('RUNNING');

it('lets jobs wait for their turn, also across a restart, and never starts stopped ones', async () => {
  const server = await start('--max-running', '1', '--max-queued', '3');
  const first = await server.submit({ command: 'sleep 1000' });
  await running(server, first);
  const low = await server.submit({ command: 'echo low', priority: -1 });
  const stopped = await server.submit({ command: 'echo stopped' });
  const request = { command: 'sleep 1000', idempotencyKey: 'next' };
  const next = await server.submit(request);
  expect(await place(server, next)).toEqual({
    status: 'QUEUED',
    queue: { position: 2, reason: expect.stringContaining('the maximum number of jobs is running (1)') },
  });
  expect((await place(server, low)).queue?.position).toBe(3);
  expect((await place(server, first)).queue).toBeNull();

  const document = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
  const before = await server.query('{ jobs { totalCount } }');
  const { errors } = await server.ask(document, { input: { command: 'true' } });
  expect(errors?.[0]).toMatchObject({
    message: 'the queue is full (3 jobs are waiting): try again later',
    extensions: { code: 'QUEUE_FULL' },
  });
  // Accepted jobs stay accepted, even while no further ones are.
  expect(await server.submit(request)).toBe(next);
  const other = await server.ask(document, { input: { ...request, command: 'true' } });
  expect(other.errors).toMatchObject([{ extensions: { code: 'IDEMPOTENCY_CONFLICT' } }]);
  expect(await server.query('{ jobs { totalCount } }')).toEqual(before);

  expect(await server.stop(stopped)).toMatchObject({ status: 'STOPPED', startedAt: null, usage: null });

  await server.end('SIGKILL');
  await server.boot();
  expect((await place(server, next)).queue?.position).toBe(1);
  expect((await place(server, low)).queue?.position).toBe(2);
  await server.stop(first, 0);
  await running(server, next);
  expect((await server.job(low)).status).toBe('QUEUED');
  await server.stop(next, 0);
  expect((await server.ended(low)).status).toBe('COMPLETED');
  expect((await server.output(low)).stdout).toBe('low\n');
  expect((await server.output(stopped)).stdout).toBe('');
});

it('starts a job after the time that it names, also when the server was down then', async () => {
  const server = await start();
  const soon = new Date(Date.now() + 1500);
  const id = await server.submit({ command: 'echo now', startAfter: soon.toISOString() });
  expect(await place(server, id)).toEqual({
    status: 'QUEUED',
    queue: { position: null, reason: `it waits for startAfter, ${soon.toISOString()}` },
  });
  await server.end();
  await server.boot();
  const job = await server.ended(id);
  expect(job.status).toBe('COMPLETED');
  expect(new Date(job.startedAt ?? 0).getTime()).toBeGreaterThanOrEqual(soon.getTime());
});

it('refuses impossible priorities and times', async () => {
  const server = await start();
  const document = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
  const refusal = async (input: object) => (await server.ask(document, { input })).errors?.[0];
  expect(await refusal({ command: 'true', priority: 101 })).toMatchObject({
    extensions: { code: 'BAD_USER_INPUT', field: 'input.priority' },
  });
  expect(await refusal({ command: 'true', startAfter: 'tomorrow' })).toMatchObject({
    extensions: { code: 'BAD_USER_INPUT', field: 'input.startAfter' },
  });
});
