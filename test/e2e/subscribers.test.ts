import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TestServer } from '../support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start();
});

afterAll(() => server.dispose());

const LOGS = `subscription ($id: ID!, $after: String) {
  logs(jobId: $id, after: $after) { cursor endOfLog entries { bytes } } }`;

interface Batch {
  readonly cursor: string;
  readonly endOfLog: boolean;
  readonly entries: readonly { readonly bytes: string }[];
}

/** A connection with as many subscriptions as it is told to have. */
class Client {
  readonly socket: WebSocket;
  readonly #listeners = new Map<string, { next(batch: Batch): void; complete(): void }>();
  #next = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as {
        id: string;
        type: string;
        payload: { data: { logs: Batch } };
      };
      const listener = this.#listeners.get(message.id);
      if (message.type === 'next') listener?.next(message.payload.data.logs);
      if (message.type === 'complete') listener?.complete();
    });
    // A connection that is cut on purpose.
    socket.on('error', () => undefined);
  }

  static async open(): Promise<Client> {
    const socket = new WebSocket(server.url.replace('http', 'ws'), 'graphql-transport-ws');
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const acknowledged = new Promise((resolve) => socket.once('message', resolve));
    socket.send(
      JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${server.token}` } }),
    );
    await acknowledged;
    return new Client(socket);
  }

  subscribe(id: string, next: (batch: Batch) => void, after?: string): Promise<void> {
    const name = String(++this.#next);
    return new Promise((complete) => {
      this.#listeners.set(name, { next, complete });
      const payload = { query: LOGS, variables: { id, after } };
      this.socket.send(JSON.stringify({ id: name, type: 'subscribe', payload }));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.socket.once('close', () => resolve()).terminate();
    });
  }
}

const open = (count: number): Promise<Client[]> =>
  Promise.all(Array.from({ length: count }, () => Client.open()));
const bytesOf = ({ entries }: Batch): number =>
  entries.reduce((sum, { bytes }) => sum + Buffer.from(bytes, 'base64').length, 0);

/**
 * What the server holds: it must all be given back. Sockets by the ten, since connections of the test's own queries are
 * kept for the next one.
 */
const held = (): { files: number; sockets: number; watches: number } => {
  const folder = `/proc/${server.pid}`;
  let [files, sockets, watches] = [0, 0, 0];
  for (const fd of readdirSync(`${folder}/fd`)) {
    try {
      if (readlinkSync(`${folder}/fd/${fd}`).startsWith('socket:')) sockets += 1;
      else files += 1;
      watches += readFileSync(`${folder}/fdinfo/${fd}`, 'utf8').split('inotify wd:').length - 1;
    } catch {
      // It was closed while this looked.
    }
  }
  return { files, sockets: Math.floor(sockets / 10), watches };
};

/** Bytes of memory that the server has. */
const memory = (): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]);

const KIB = 1024;
const MIB = 1024 * KIB;
/** What docs/durability.md promises, for each subscription with its share of a connection. */
const MOST_IDLE = 64 * KIB;

const latency = async (): Promise<number> => {
  const began = performance.now();
  await server.query('{ __typename }');
  return performance.now() - began;
};

describe('subscribers', () => {
  it('may be ten thousand that wait: they take little memory, nobody waits for them, and nothing is left', async () => {
    const id = await server.submit({ command: 'sleep 1000' });
    await server.running(id);
    for (let warm = 0; warm < 20; warm++) await latency();
    const before = held();
    const bytes = memory();
    const alone = Math.min(...[await latency(), await latency(), await latency()]);
    const clients = await open(100);
    for (const client of clients)
      for (let number = 0; number < 100; number++) void client.subscribe(id, () => undefined);
    // They are taken in the order in which they came: when the last is served, all are.
    const last = await Client.open();
    await new Promise<void>((resolve) => {
      void last.subscribe(id, () => undefined);
      last.socket.once('pong', () => resolve()).ping();
    });
    await expect.poll(async () => held().watches, { timeout: 60_000 }).toBeGreaterThan(before.watches);
    const among = Math.min(...[await latency(), await latency(), await latency()]);
    expect((memory() - bytes) / 10_000).toBeLessThan(MOST_IDLE);
    expect(among).toBeLessThan(Math.max(20 * alone, 100));
    for (const client of [...clients, last]) await client.close();
    await expect.poll(held, { timeout: 30_000 }).toEqual(before);
    await server.stop(id, 0);
  });

  it('may be a thousand of one job: each has every byte, however it fares with the others', async () => {
    const before = held();
    const clients = await open(50);
    const id = await server.submit({
      command: 'i=0; while [ $i -lt 40 ]; do seq 200; i=$((i+1)); sleep 0.02; done',
    });
    // One that never reads, and one that leaves in the middle of a message.
    const [deaf, leaving] = await open(2);
    void deaf?.subscribe(id, () => undefined);
    deaf?.socket.pause();
    let left = 0;
    void leaving?.subscribe(id, (batch) => {
      left += bytesOf(batch);
      leaving.socket.terminate();
    });
    const counts: number[] = [];
    await Promise.all(
      clients.flatMap((client) =>
        Array.from({ length: 20 }, async () => {
          let count = 0;
          await client.subscribe(id, (batch) => {
            count += bytesOf(batch);
          });
          counts.push(count);
        }),
      ),
    );
    const whole = 40 * Array.from({ length: 200 }, (_, index) => `${index + 1}\n`).join('').length;
    expect(counts).toHaveLength(1000);
    expect(new Set(counts)).toEqual(new Set([whole]));
    expect(left).toBeLessThan(whole);
    for (const client of [...clients, deaf, leaving])
      if (client?.socket.readyState === WebSocket.OPEN) await client.close();
    await expect.poll(held, { timeout: 30_000 }).toEqual(before);
  });

  it('may come back by the hundred at once, and go on where they were', async () => {
    const before = held();
    const id = await server.submit({
      command: 'i=0; while [ $i -lt 60 ]; do seq 500; i=$((i+1)); sleep 0.05; done',
    });
    const readers = Array.from({ length: 300 }, () => ({
      count: 0,
      cursor: undefined as string | undefined,
    }));
    const first = await open(300);
    await Promise.all(
      first.map(
        (client, index) =>
          new Promise<void>((resolve) => {
            const reader = readers[index];
            if (reader === undefined) throw new Error('more clients than readers');
            void client.subscribe(id, (batch) => {
              // What comes after the last that counts is lost with the connection.
              if (reader.count > 5000) return resolve();
              reader.count += bytesOf(batch);
              reader.cursor = batch.cursor;
            });
          }),
      ),
    );
    await Promise.all(first.map((client) => client.close()));
    const second = await open(300);
    await Promise.all(
      second.map((client, index) => {
        const reader = readers[index];
        if (reader === undefined) throw new Error('more clients than readers');
        return client.subscribe(
          id,
          (batch) => {
            reader.count += bytesOf(batch);
          },
          reader.cursor,
        );
      }),
    );
    const whole = 60 * Array.from({ length: 500 }, (_, index) => `${index + 1}\n`).join('').length;
    expect(new Set(readers.map(({ count }) => count))).toEqual(new Set([whole]));
    for (const client of second) await client.close();
    await expect.poll(held, { timeout: 30_000 }).toEqual(before);
  });

  it('that do not read hold no more than a bounded part of the log in memory', async () => {
    const { id } = await server.run({ command: 'head -c 30000000 /dev/zero' });
    const bytes = memory();
    const clients = await open(20);
    for (const client of clients) {
      void client.subscribe(id, () => undefined);
      client.socket.pause();
    }
    // As many queries as it takes for each to have filled what it may fill.
    for (let round = 0; round < 200; round++) await latency();
    expect(memory() - bytes).toBeLessThan(20 * 4 * MIB);
    for (const client of clients) await client.close();
  });
});
