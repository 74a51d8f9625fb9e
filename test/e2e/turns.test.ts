/** Requests of a client block the event loop only for short times, so that other clients do not wait for long. */

import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { TestServer } from '../support/server.ts';

/** The longest turn, in pieces of work of which each takes some 4 ms on the machine for which the documents state times. */
const MOST = 24;
const AT_ONCE = 6;
const ROUNDS = 2;

let server: TestServer;
let log: string;

beforeAll(async () => {
  process.env['NODE_OPTIONS'] = `--import ${new URL('../support/turns.ts', import.meta.url)}`;
  server = await TestServer.start('--max-queued', '1000');
  delete process.env['NODE_OPTIONS'];
  log = (await server.run({ command: 'head -c 4000000 /dev/zero | tr "\\0" x | fold -w 100' })).id;
  const env = Array.from({ length: 100 }, (_, number) => ({ name: `N${number}`, value: 'x'.repeat(30) }));
  for (let number = 0; number < 100; number++) await server.submit({ ...WAITS, env });
});

afterAll(async () => {
  // Not one by one: none of them was started.
  await server.end();
  rmSync(server.stateDir, { recursive: true });
});

/** Does not start. */
const WAITS = { command: 'true', startAfter: new Date(Date.now() + 86_400_000).toISOString() };

const longestTurn = async (): Promise<number> => {
  const logged = server.errors.length;
  process.kill(server.pid, 'SIGUSR2');
  return vi.waitFor(() => {
    const [, turn] = /longest turn: ([\d.]+)\n/.exec(server.errors.slice(logged)) ?? [];
    if (turn === undefined) throw new Error('the server has not reported its turns');
    return Number(turn);
  }, 250_000);
};

const SUBMIT = 'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { job { id } } }';
const PAGES = Array.from(
  { length: 8 },
  (_, index) => `a${index}: job(id: $id) { logs(maxBytes: "1Mi") { entries { text bytes } } }`,
).join(' ');
const variables = (count: number, length: number) =>
  Array.from({ length: count }, (_, number) => ({ name: `N${number}`, value: 'x'.repeat(length) }));

it.each<[string, string, () => object]>([
  [
    'all of a hundred jobs',
    `{ jobs(first: 100) { nodes { id name command argv env { name value } status limits { cpus memory } labels { key value }
      createdAt queue { position reason } output { kept } limitsHit { limit } } } }`,
    () => ({}),
  ],
  ['pages of log', `query ($id: ID!) { ${PAGES} }`, () => ({ id: log })],
  ['a search', 'query ($id: ID!) { job(id: $id) { logs(grep: "y") { cursor } } }', () => ({ id: log })],
  ['too many variables', SUBMIT, () => ({ input: { ...WAITS, env: variables(100_000, 1) } })],
  ['the most variables', SUBMIT, () => ({ input: { ...WAITS, env: variables(10_000, 60) } })],
  ['a large input', SUBMIT, () => ({ input: { ...WAITS, stdin: 'x'.repeat(8 * 1024 * 1024) } })],
  [
    'the schema',
    '{ __schema { types { name fields { name args { name } type { name ofType { name } } } } } }',
    () => ({}),
  ],
])('%s', async (_name, document, values) => {
  await server.ask(document, values());
  await longestTurn();
  for (let round = 0; round < ROUNDS; round++)
    await Promise.all(Array.from({ length: AT_ONCE }, () => server.ask(document, values())));
  expect(await longestTurn()).toBeLessThan(MOST);
});
