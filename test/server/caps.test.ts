// How many connections and subscriptions clients may have open.
import { describe, expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import { type Answer, Refused, serveFakes, TRANSPORTS } from './fixture.ts';

const dispose = disposers();

const LOGS = 'subscription ($id: ID!) { logs(jobId: $id) { cursor } }';

describe.each(TRANSPORTS)('subscriptions over $name', (transport) => {
  it.each([
    [{ perSubject: 2, all: 10 }, 'at most 2 of one caller'],
    [{ perSubject: 10, all: 2 }, 'at most 2 on this server'],
  ])('are bounded by %j, and one that is over makes room', async (streams, message) => {
    const fixture = await serveFakes(dispose, { streams });
    const { id } = fixture.jobs.add();
    const open = [1, 2].map(() => transport.subscribe(fixture, LOGS, { id }));
    await expect.poll(() => fixture.jobs.live.size).toBe(2);
    const refused = async (): Promise<NonNullable<Answer['errors']>> => {
      const answers: Answer[] = [];
      try {
        await transport.subscribe(fixture, LOGS, { id }, (answer) => answers.push(answer)).done;
      } catch (error) {
        if (error instanceof Refused) return error.errors ?? [];
        throw error;
      }
      return answers.flatMap(({ errors = [] }) => errors);
    };
    expect(await refused()).toMatchObject([
      { message: expect.stringContaining(message), extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } },
    ]);
    open[0]?.leave();
    await expect.poll(() => fixture.jobs.live.size).toBe(1);
    transport.subscribe(fixture, LOGS, { id });
    await expect.poll(() => fixture.jobs.live.size).toBe(2);
    // Those that end by themselves make room as well.
    fixture.jobs.write(id, page(1, 'last', true));
    await open[1]?.done;
    await expect.poll(() => fixture.jobs.live.size).toBe(0);
    expect(await refused()).toEqual([]);
  });
});

it('connections are bounded, and the server says so once for many', async () => {
  const fixture = await serveFakes(dispose, { maxConnections: 1 });
  const get = () => fetch(`${fixture.origin}/health`, { headers: { connection: 'close' } });
  const { id } = fixture.jobs.add();
  const [transport] = TRANSPORTS;
  const stream = transport?.subscribe(fixture, LOGS, { id });
  await expect.poll(() => fixture.jobs.live.size).toBe(1);
  for (let n = 0; n < 30; n++) await expect(get()).rejects.toThrow();
  expect(fixture.lines).toHaveLength(10);
  expect(fixture.lines[0]).toBe('a connection was refused: 1 are open already');
  stream?.leave();
  await expect.poll(async () => (await get().catch(() => undefined))?.status).toBe(200);
});
