/** The subscription jobEvents. */

import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

interface Event {
  readonly cursor: string;
  readonly status: string;
  readonly job: { readonly id: string };
}

/** Events from a cursor on, until `count` have come. */
const take = async (
  count: number,
  args: string,
  begun: () => unknown = () => undefined,
): Promise<Event[]> => {
  const events: Event[] = [];
  const query = `subscription { jobEvents${args} { cursor status job { id } } }`;
  begun();
  for await (const data of server.subscribe(query)) {
    events.push((data as { readonly jobEvents: Event }).jobEvents);
    if (events.length === count) break;
  }
  return events;
};

it('report each change of each job once, from any cursor, also after a restart', async () => {
  const first = await server.run({ command: 'exit 3' });
  const second = await server.run({ argv: ['/nosuch'] });
  const events = await take(5, '(after: "0")');
  expect(events.map(({ job, status }) => [job.id, status])).toEqual([
    [first.id, 'QUEUED'],
    [first.id, 'RUNNING'],
    [first.id, 'COMPLETED'],
    [second.id, 'QUEUED'],
    [second.id, 'FAILED'],
  ]);
  await server.end('SIGKILL');
  await server.boot();
  const third = await server.submit({ command: 'true', name: 'third' });
  const rest = await take(5, `(after: "${events[2]?.cursor}")`);
  expect(rest.slice(0, 2)).toEqual(events.slice(3));
  expect(rest.slice(2).map(({ job, status }) => [job.id, status])).toEqual([
    [third, 'QUEUED'],
    [third, 'RUNNING'],
    [third, 'COMPLETED'],
  ]);
  expect(await take(1, '(after: "0", filter: { name: "third", status: [COMPLETED] })')).toEqual(
    rest.slice(4),
  );
});

it('continue live', async () => {
  const followed = take(3, '(after: "0", filter: { name: "followed" })');
  const { id } = await server.run({ command: 'sleep 0.1', name: 'followed' });
  const events = await followed;
  expect(events.map(({ status }) => status)).toEqual(['QUEUED', 'RUNNING', 'COMPLETED']);
  expect(new Set(events.map(({ job }) => job.id))).toEqual(new Set([id]));
});

it.each(['banana', '-1', '99999999', '01', ''])('refuse %j as a cursor', async (after) => {
  await expect(take(1, `(after: ${JSON.stringify(after)})`)).rejects.toThrow(
    'after: expected the cursor of an event',
  );
});
