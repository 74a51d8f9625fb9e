/** Clients that do not read what they asked for. */

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { disposers } from '../support/disposers.ts';
import { page } from './fake-jobs.ts';
import { AUTHORIZATION, type Fixture, overWebSocket, serveFakes } from './fixture.ts';

const dispose = disposers();

const LOGS = 'subscription ($id: ID!) { logs(jobId: $id, follow: false) { entries { text } cursor } }';
const PAGES = 600;

/** A client that asks for a log and does not read what comes until it is let. */
type Stalled = (fixture: Fixture, id: string) => { resume: (took: (bytes: number) => void) => Promise<void> };

const overWs: Stalled = ({ webSocketUrl }, id) => {
  const socket = new WebSocket(webSocketUrl, 'graphql-transport-ws');
  dispose(() => socket.terminate());
  socket.once('open', () => {
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: AUTHORIZATION } }));
  });
  socket.once('message', () => {
    socket.pause();
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: LOGS, variables: { id } } }));
  });
  return {
    resume: (took) =>
      new Promise((resolve) => {
        socket.on('message', (data) => {
          const text = String(data);
          took(text.length);
          if (text.includes('"complete"')) resolve();
        });
        socket.resume();
      }),
  };
};

const overHttp: Stalled = ({ url }, id) => {
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    authorization: AUTHORIZATION,
  };
  const sent = request(url, { method: 'POST', headers });
  dispose(() => sent.destroy());
  sent.end(JSON.stringify({ query: LOGS, variables: { id } }));
  // A response that somebody listens for, and does not read, is left where it is.
  const responded = once(sent, 'response');
  return {
    resume: async (took) => {
      const [response] = (await responded) as [IncomingMessage];
      for await (const chunk of response) took((chunk as Buffer).length);
    },
  };
};

it.each([
  ['WebSocket', overWs],
  ['SSE', overHttp],
] as const)('a reader over %s that stalls is waited for, and delays no one else', async (_name, stall) => {
  const fixture = await serveFakes(dispose);
  const { id } = fixture.jobs.add();
  const text = 'x'.repeat(64 * 1024);
  fixture.jobs.write(id, ...Array.from({ length: PAGES }, (_, index) => page(index, text)));
  const stalled = stall(fixture, id);
  await expect.poll(() => fixture.jobs.pulled).toBeGreaterThan(0);
  let fast = 0;
  await overWebSocket.subscribe(fixture, LOGS, { id }, () => fast++).done;
  expect(fast).toBe(PAGES);
  // What the sockets of both sides take in is bounded by the kernel; the rest has not been read.
  expect(fixture.jobs.pulled - fast).toBeLessThan(PAGES / 2);
  let bytes = 0;
  await stalled.resume((count) => {
    bytes += count;
  });
  expect(bytes).toBeGreaterThan(PAGES * text.length);
  expect(fixture.jobs.live.size).toBe(0);
});
