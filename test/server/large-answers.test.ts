// Answers of megabytes, which must not hold up others.

import { request } from 'node:http';
import { expect, it } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import {
  type Answer,
  AUTHORIZATION,
  ask,
  type Fixture,
  overSse,
  overWebSocket,
  serveFakes,
} from './fixture.ts';

const dispose = disposers();
const MIB = 1024 ** 2;
const PAGES = 8;
const QUERY = `{ ${Array.from(
  { length: PAGES },
  (_, index) => `a${index}: jobs { nodes { logs(maxBytes: "1Mi") { entries { text bytes } } } }`,
).join(' ')} }`;

/** One job that has written a page of the largest size. */
const withPage = async (text: string): Promise<Fixture> => {
  const fixture = await serveFakes(dispose);
  fixture.jobs.write(fixture.jobs.add().id, page(1, text, true));
  return fixture;
};

it('is complete, to the last byte', async () => {
  const text = '\u0001😀"'.repeat(MIB / 8);
  const { data, errors } = await ask(await withPage(text), QUERY);
  expect(errors).toBeUndefined();
  const entry = { text, bytes: Buffer.from(text).toString('base64') };
  for (const connection of Object.values(data ?? {}))
    expect(connection).toEqual({ nodes: [{ logs: { entries: [entry] } }] });
});

it('completes one page in one turn of the event loop', async () => {
  const fixture = await withPage('');
  let turn = 0;
  let next = setImmediate(function count() {
    turn += 1;
    next = setImmediate(count);
  });
  dispose(() => clearImmediate(next));
  const turns = new Set<number>();
  const [logs] = [...fixture.jobs.pages.values()][0] ?? [];
  const [entry] = logs?.entries ?? [];
  if (logs === undefined || entry === undefined) throw new Error('there is no page');
  const large = { ...entry, bytes: Buffer.alloc(MIB - 64) };
  Object.defineProperty(large, 'text', {
    get: () => {
      turns.add(turn);
      return '';
    },
  });
  const [id = ''] = fixture.jobs.pages.keys();
  fixture.jobs.pages.set(id, [{ ...logs, entries: [large] }]);
  expect((await ask(fixture, QUERY)).errors).toBeUndefined();
  expect(turns.size).toBe(PAGES);
});

it('is not produced faster than its client reads it', async () => {
  const fixture = await withPage('x'.repeat(MIB - 64));
  const body = JSON.stringify({ query: QUERY });
  const headers = { 'content-type': 'application/json', authorization: AUTHORIZATION };
  const sent = request(fixture.url, { method: 'POST', headers, agent: false });
  dispose(() => sent.destroy());
  const response = new Promise<NodeJS.ReadableStream>((resolve) => sent.once('response', resolve));
  sent.end(body);
  const answer = await response;
  const [socket] = fixture.sockets;
  if (socket === undefined) throw new Error('there is no connection');
  // What the kernel and this client take in without reading; then nothing moves any more.
  let before = -1;
  await expect
    .poll(() => {
      const same = socket.bytesWritten === before;
      before = socket.bytesWritten;
      return same;
    })
    .toBe(true);
  expect(socket.writableLength).toBeLessThan(MIB);
  let length = 0;
  for await (const chunk of answer) length += chunk.length;
  expect(length).toBeGreaterThan(PAGES * 2 * MIB);
});

it('whose client disconnects in the middle is given up', async () => {
  const fixture = await withPage('x'.repeat(MIB - 64));
  const headers = { 'content-type': 'application/json', authorization: AUTHORIZATION };
  const sent = request(fixture.url, { method: 'POST', headers, agent: false });
  sent.on('error', () => undefined);
  const response = new Promise<NodeJS.ReadableStream>((resolve) => sent.once('response', resolve));
  sent.end(JSON.stringify({ query: QUERY }));
  await response;
  sent.destroy();
  await expect.poll(() => fixture.sockets.size).toBe(0);
  expect(fixture.lines).toEqual([]);
});

it.each([overWebSocket, overSse])(
  'holds at most 2 MiB over $name, where it is one message',
  async (transport) => {
    const fixture = await withPage('x'.repeat(MIB - 64));
    const answers: Answer[] = [];
    await transport.subscribe(fixture, QUERY, {}, (answer) => answers.push(answer)).done;
    const [answer] = answers;
    expect(answer?.errors).toHaveLength(PAGES - 2);
    expect(answer?.errors?.[0]).toMatchObject({
      message: expect.stringContaining('expected at most 2097152 bytes'),
      extensions: { code: 'ANSWER_TOO_LARGE' },
    });
  },
);
