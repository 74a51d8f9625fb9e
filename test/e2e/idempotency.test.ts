/** Submissions that are sent again. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const document = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id status } } }';
const total = async (): Promise<number> =>
  (await server.query<{ jobs: { totalCount: number } }>('{ jobs { totalCount } }')).jobs.totalCount;

it('answers a request that is sent again with the same job, also after a restart', async () => {
  const input = { command: 'echo once', labels: [{ key: 'a', value: 'b' }], idempotencyKey: 'first' };
  const ids = await Promise.all(Array.from({ length: 10 }, () => server.submit(input)));
  expect(new Set(ids).size).toBe(1);
  await server.end('SIGKILL');
  await server.boot();
  expect(await server.submit({ idempotencyKey: 'first', labels: input.labels, command: 'echo once' })).toBe(
    ids[0],
  );
  expect(await total()).toBe(1);
  await server.ended(ids[0] ?? '');
  expect((await server.output(ids[0] ?? '')).stdout).toBe('once\n');
});

it('refuses another request with the same key', async () => {
  await server.submit({ command: 'true', idempotencyKey: 'second' });
  const before = await total();
  const { errors } = await server.ask(document, { input: { command: 'false', idempotencyKey: 'second' } });
  expect(errors?.[0]?.message).toContain(
    'input.idempotencyKey: expected the input that this key was first used with, got other input',
  );
  expect(errors?.[0]?.extensions).toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
    field: 'input.idempotencyKey',
  });
  expect(await total()).toBe(before);
});

it.each(['', 'x'.repeat(257), 'a\0b'])('refuses %j as a key', async (idempotencyKey) => {
  const { errors } = await server.ask(document, { input: { command: 'true', idempotencyKey } });
  expect(errors?.[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.idempotencyKey' });
});
