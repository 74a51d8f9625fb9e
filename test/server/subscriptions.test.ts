/** Subscriptions over each transport. */

import { describe, expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { page, refusal, unknownId } from './fake-jobs.ts';
import {
  type Answer,
  type Fixture,
  Refused,
  type Stream,
  serveFakes,
  TRANSPORTS,
  type Transport,
} from './fixture.ts';

const LOGS = `subscription ($id: ID!, $after: String, $follow: Boolean) {
  logs(jobId: $id, after: $after, follow: $follow) { entries { text time } cursor endOfLog }
}`;
const UPDATES = 'subscription ($id: ID!) { jobUpdated(jobId: $id) { id status } }';
const EVENTS = 'subscription { jobEvents { cursor status job { id } } }';
const DOCUMENTS = { logs: LOGS, jobUpdated: UPDATES, jobEvents: EVENTS } as const;

describe.each(TRANSPORTS)('a subscription over $name', (transport: Transport) => {
  const dispose = disposers();

  /** Messages as they arrive, and a wait for a number of them. */
  const listen = (fixture: Fixture, query: string, variables: object) => {
    const answers: Answer[] = [];
    const stream: Stream = transport.subscribe(fixture, query, variables, (answer) => answers.push(answer));
    dispose(() => stream.leave());
    const received = (count: number) => expect.poll(() => answers.length, { interval: 5 }).toBe(count);
    return { ...stream, answers, received };
  };

  const failure = async (done: Promise<void>, answers: readonly Answer[]): Promise<Answer['errors']> => {
    try {
      await done;
    } catch (error) {
      if (error instanceof Refused) return error.errors;
      throw error;
    }
    return answers.at(-1)?.errors;
  };

  it('replays the log, follows it live, and completes at its end', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1));
    const { answers, done, received } = listen(fixture, LOGS, { id });
    await received(1);
    fixture.jobs.write(id, page(2));
    await received(2);
    fixture.jobs.write(id, page(3, 'end\n', true));
    await done;
    expect(answers.map(({ data }) => data?.['logs'])).toEqual([
      {
        entries: [{ text: 'line 1\n', time: '2023-11-14T22:13:20.123456790Z' }],
        cursor: '1',
        endOfLog: false,
      },
      {
        entries: [{ text: 'line 2\n', time: '2023-11-14T22:13:20.123456791Z' }],
        cursor: '2',
        endOfLog: false,
      },
      { entries: [{ text: 'end\n', time: '2023-11-14T22:13:20.123456792Z' }], cursor: '3', endOfLog: true },
    ]);
    expect(fixture.jobs.followed).toEqual([{ follow: true }]);
    expect(fixture.jobs.live.size).toBe(0);
  });

  it('continues after a cursor, and without follow completes at the current end', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1), page(2), page(3));
    const { answers, done } = listen(fixture, LOGS, { id, after: '1', follow: false });
    await done;
    expect(answers.map(({ data }) => data?.['logs'])).toMatchObject([{ cursor: '2' }, { cursor: '3' }]);
    expect(fixture.jobs.followed).toEqual([{ after: '1', follow: false }]);
  });

  it('delivers each state of a job and completes with the final one', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    const { answers, done, received } = listen(fixture, UPDATES, { id });
    await received(1);
    fixture.jobs.change(id, { status: 'RUNNING', startedAt: new Date(), pausedAt: null });
    await received(2);
    fixture.jobs.change(id, { status: 'FAILED', finishedAt: new Date(), error: 'no' });
    await done;
    expect(answers.map(({ data }) => data?.['jobUpdated'])).toEqual([
      { id, status: 'QUEUED' },
      { id, status: 'RUNNING' },
      { id, status: 'FAILED' },
    ]);
  });

  it.each(['logs', 'jobUpdated', 'jobEvents'] as const)(
    'of %s releases its source at once when the client disconnects while it waits',
    async (name) => {
      const fixture = await serveFakes(dispose);
      const { id } = fixture.jobs.add();
      fixture.jobs.write(id, page(1));
      const { leave, received } = listen(fixture, DOCUMENTS[name], { id });
      await received(1);
      expect(fixture.jobs.live.size).toBe(1);
      leave();
      await expect.poll(() => fixture.jobs.live.size, { interval: 5 }).toBe(0);
    },
  );

  it.each(['logs', 'jobUpdated', 'jobEvents'] as const)(
    'of %s releases a source that arrives after the client has disconnected',
    async (name) => {
      const fixture = await serveFakes(dispose);
      const { id } = fixture.jobs.add();
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<void>();
      const given = Promise.withResolvers<void>();
      fixture.jobs.before = () => {
        asked.resolve();
        return answer.promise;
      };
      fixture.jobs.wrap = (iterator) => {
        given.resolve();
        return iterator;
      };
      const { leave } = listen(fixture, DOCUMENTS[name], { id });
      await asked.promise;
      expect(fixture.sockets.size).toBeGreaterThan(0);
      leave();
      await expect.poll(() => fixture.sockets.size, { interval: 5 }).toBe(0);
      answer.resolve();
      await given.promise;
      await expect.poll(() => fixture.jobs.live.size, { interval: 5 }).toBe(0);
    },
  );

  it('reports what the service refuses, with its code and field', async () => {
    const fixture = await serveFakes(dispose);
    const unknown = listen(fixture, LOGS, { id: unknownId });
    expect(await failure(unknown.done, unknown.answers)).toMatchObject([
      { message: `jobId: no job with id "${unknownId}"`, extensions: { code: 'NOT_FOUND', field: 'jobId' } },
    ]);
    fixture.jobs.before = () => {
      throw refusal;
    };
    const refused = listen(fixture, UPDATES, { id: unknownId });
    expect(await failure(refused.done, refused.answers)).toMatchObject([
      { message: refusal.message, extensions: { code: 'LIMIT_UNAVAILABLE', field: 'input.limits.cpus' } },
    ]);
    expect(fixture.lines).toEqual([]);
  });

  it('masks and logs an internal error before the first message', async () => {
    const fixture = await serveFakes(dispose);
    fixture.jobs.before = () => {
      throw new Error('SECRET at /srv/state');
    };
    const { done, answers } = listen(fixture, LOGS, { id: unknownId });
    const [error] = (await failure(done, answers)) ?? [];
    expect(error).toMatchObject({
      message: 'Unexpected error.',
      extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) },
    });
    expect(JSON.stringify(answers)).not.toContain('SECRET');
    expect(fixture.lines).toHaveLength(1);
    expect(fixture.lines[0]).toContain(`request ${error?.extensions?.['requestId']}: Error: SECRET at`);
  });

  it('masks an internal error between messages, logs it once, and ends', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1));
    fixture.jobs.wrap = (iterator) => {
      let calls = 0;
      return {
        next: () => (++calls > 1 ? Promise.reject(new Error('SECRET')) : iterator.next()),
        return: () => iterator.return?.() ?? Promise.resolve({ done: true, value: undefined }),
        [Symbol.asyncIterator]() {
          return this;
        },
      };
    };
    const { done, answers } = listen(fixture, LOGS, { id });
    const [error] = (await failure(done, answers)) ?? [];
    expect(error).toMatchObject({
      message: 'Unexpected error.',
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    });
    expect(answers[0]?.data?.['logs']).toMatchObject({ cursor: '1' });
    expect(JSON.stringify(answers)).not.toContain('SECRET');
    expect(fixture.lines).toHaveLength(1);
  });

  it('survives a source that fails while it is released', async () => {
    const fixture = await serveFakes(dispose);
    const { id } = fixture.jobs.add();
    fixture.jobs.write(id, page(1));
    const returned = Promise.withResolvers<void>();
    fixture.jobs.wrap = (iterator) => ({
      next: () => iterator.next(),
      return: async () => {
        await iterator.return?.();
        fixture.jobs.live.clear();
        returned.resolve();
        throw new Error('cannot release');
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    });
    const { leave, received } = listen(fixture, LOGS, { id });
    await received(1);
    leave();
    await returned.promise;
    await expect.poll(() => fixture.lines.join()).toContain('cannot release');
    expect((await fetch(`${fixture.origin}/health`)).status).toBe(200);
  });
});
