/** How fast logs come to subscribers, compared with a server that has nothing to read and nothing to check. */

import type { Bench } from '../bench.ts';
import { type Contender, type Figure, median } from '../figure.ts';
import { PeerServer } from '../peer-server.ts';
import type { BenchServer } from '../server.ts';
import { type Endpoint, Subscriber } from '../subscriber.ts';

const LINE = 'x'.repeat(99);
const READ_BYTES = 1 << 20;
const SUBSCRIBE = 'subscription ($jobId: ID!) { logs(jobId: $jobId) { entries { text } endOfLog } }';
const WITH_TIMES = 'subscription ($jobId: ID!) { logs(jobId: $jobId) { entries { time text } } }';
const FILE_BYTES = 1 << 20;
const MANY = 100;
const LINES = 20;
const BASE = 'graphql-yoga with graphql-ws, from memory';

const buffer = Buffer.alloc(READ_BYTES);

const endpointOf = ({ url, token }: BenchServer): Endpoint => ({ port: Number(new URL(url).port), token });

const openAll = (endpoint: Endpoint, count: number): Promise<readonly Subscriber[]> =>
  Promise.all(Array.from({ length: count }, () => Subscriber.open(endpoint, buffer)));

/** Megabytes of output that all subscribers together receive in a second, from the first byte to the last. */
const deliver = async (subscribers: readonly Subscriber[], jobId: string, bytes: number): Promise<number> => {
  let began = Number.NaN;
  let received = 0;
  const take = (chunk: Buffer): void => {
    if (received === 0) began = performance.now();
    received += chunk.length;
  };
  await Promise.all(subscribers.map((each) => each.subscribe(SUBSCRIBE, { jobId }, take)));
  const seconds = (performance.now() - began) / 1000;
  for (const each of subscribers) each.close();
  const total = bytes * subscribers.length;
  if (received < total) throw new Error(`expected ${total} bytes or more, got ${received}`);
  return total / 1e6 / seconds;
};

/** A job that writes lines as fast as it can, from a file: `yes` takes longer than a server. @returns its id */
const write = (server: BenchServer, bytes: number): Promise<string> => {
  const file = `yes ${LINE} | head -c ${FILE_BYTES} >/tmp/lines`;
  const files = ' /tmp/lines'.repeat(bytes / FILE_BYTES);
  return server.submit({ command: `${file}; cat${files}`, limits: { output: bytes } });
};

const finished = async (server: BenchServer, bytes: number): Promise<string> => {
  const id = await write(server, bytes);
  const query = 'subscription ($id: ID!) { jobUpdated(jobId: $id) { status } }';
  for await (const _ of server.socket.iterate({ query, variables: { id } }));
  return id;
};

/** What subscribers receive of one log. @param bytes of it */
export const deliveryRate = (subscribers: number, bytes: number): Figure => ({
  name: `Delivery to ${subscribers === 1 ? 'one subscriber' : `${subscribers} subscribers of one log`}`,
  unit: 'MB per second',
  how: `${bytes >> 20} MiB in lines of 100 bytes to each, over graphql-ws, all subscribers together; only Cloister reads files, and has tokens, cursors and limits`,
  less: false,
  base: BASE,
  open: async (bench: Bench): Promise<readonly Contender[]> => {
    const server = await bench.server('memory');
    const peer = await PeerServer.start('delivery-peer.ts', String(bytes), LINE);
    const ended = await finished(server, bytes);
    const measured = async (endpoint: Endpoint, job: () => Promise<string> | string): Promise<number> => {
      const all = await openAll(endpoint, subscribers);
      return deliver(all, await job(), bytes);
    };
    return [
      { name: BASE, measure: () => measured({ port: peer.port }, () => ''), close: () => peer.close() },
      { name: 'Cloister, a finished log', measure: () => measured(endpointOf(server), () => ended) },
      {
        name: 'Cloister, a log that grows',
        measure: () => measured(endpointOf(server), () => write(server, bytes)),
      },
    ];
  },
});

/** Milliseconds from a line's arrival at the supervisor to that at a subscriber, the median of all. */
const latency = async (server: BenchServer): Promise<number> => {
  const subscribers = await openAll(endpointOf(server), MANY);
  const jobId = await server.submit({
    command: `i=0; while [ $i -lt ${LINES} ]; do usleep 20000; echo $i; i=$((i + 1)); done`,
  });
  const received: { readonly atMs: number; readonly text: string }[] = [];
  const take = (chunk: Buffer): void => {
    received.push({ atMs: performance.timeOrigin + performance.now(), text: chunk.toString('latin1') });
  };
  await Promise.all(subscribers.map((each) => each.subscribe(WITH_TIMES, { jobId }, take)));
  for (const each of subscribers) each.close();
  return median(
    received.flatMap(({ atMs, text }) => {
      const times = [...text.matchAll(/"time":"([^"]+)"/g)];
      return times.map(([, time = '']) => atMs - Date.parse(time) - subMs(time));
    }),
  );
};

/** The part of a time that Date.parse leaves out, in milliseconds. */
const subMs = (time: string): number => Number(`0.${/\.\d{3}(\d*)/.exec(time)?.[1] || '0'}`);

export const delivery: readonly Figure[] = [
  deliveryRate(1, 96 << 20),
  deliveryRate(MANY, 4 << 20),
  {
    name: `A line to ${MANY} subscribers`,
    unit: 'ms',
    how: 'from its arrival at the supervisor to that at a subscriber over graphql-ws, median of all; a line every 20 ms',
    less: true,
    base: 'Cloister, state in memory',
    open: async (bench) => {
      const server = await bench.server('memory');
      return [{ name: 'Cloister, state in memory', measure: () => latency(server) }];
    },
  },
];
