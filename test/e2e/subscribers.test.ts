/** The cost of subscribers: docs/scale.md. */

import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { disposers } from '../support/disposers.ts';
import { snapshotAtRest, snapshotResources } from '../support/resource-snapshot.ts';
import { TestServer } from '../support/server.ts';
import { Subscriber } from '../support/subscriber.ts';

const IDLE = 10_000;
const WARM_UP = 1000;
/** Bytes of the server's memory that an idle subscriber takes at most, as docs/scale.md says. */
const MOST_IDLE_BYTES = 96 << 10;
/** Bytes that each may leave in use when it has gone: what it leaves is for all together, not for each. */
const LEFT_BYTES = 256;
/** Bytes that one that does not read keeps in use: a page of the log, as JSON, and what it was made from. */
const MOST_STALLED_BYTES = 512 << 10;
/**
 * Bytes by which a hundred of them make the server grow. How much garbage it has made by then, and keeps for reuse, differs
 * by hundreds of megabytes; what they have not read has seven gigabytes.
 */
const MOST_GROWTH_BYTES = 512 << 20;
/** How many times later than on a quiet server others may receive output, and the milliseconds that count as quiet. */
const LATER = 40;
const QUIET_MS = 5;
/** Ten thousand idle subscribers load this process too, which shares the machine with the server. */
const AMONG_IDLERS = 4;

const LOGS = `subscription ($id: ID!, $after: String) {
  logs(jobId: $id, after: $after) { entries { time text } cursor }
}`;

interface Logs {
  readonly logs: { readonly entries: readonly { time: string; text: string }[]; readonly cursor: string };
}

const onEnd = disposers();
let server: TestServer;

beforeAll(async () => {
  process.env['NODE_OPTIONS'] = `--import ${new URL('../support/collect.ts', import.meta.url)}`;
  server = await TestServer.start();
  delete process.env['NODE_OPTIONS'];
  await server.run({ command: 'true' });
  await snapshotAtRest(server);
});

afterAll(() => server.dispose());

const subscribe = (id: string, next: (data: Logs) => void = () => undefined, after?: string): Subscriber => {
  const subscriber = new Subscriber(server, LOGS, { id, after }, (data) => next(data as Logs));
  onEnd(() => subscriber.vanish());
  return subscriber;
};

/** A number of subscribers that have begun, made in groups of a hundred: the kernel queues few connections. */
const crowd = async (count: number, make: () => Subscriber): Promise<Subscriber[]> => {
  const all: Subscriber[] = [];
  while (all.length < count) {
    const some = Array.from({ length: Math.min(100, count - all.length) }, make);
    await Promise.all(some.map(({ begun }) => begun));
    all.push(...some);
  }
  return all;
};

/** Median of the milliseconds from a line of output to its receiver, over 60 lines of a job that nobody else follows. */
const latency = async (): Promise<number> => {
  const id = await server.submit({ command: 'for i in $(seq 60); do echo $i; sleep 0.05; done' });
  const all: number[] = [];
  const { completed } = subscribe(id, ({ logs }) => {
    // Two lines may come in one read.
    for (const { time, text } of logs.entries)
      for (const _ of text.matchAll(/\n/g)) all.push(Date.now() - Date.parse(time));
  });
  await completed;
  expect(all).toHaveLength(60);
  return all.sort((a, b) => a - b)[30] ?? Number.NaN;
};

const isTimely = (later: number, alone: number, factor = 1): void =>
  expect(later, `alone: ${alone} ms`).toBeLessThan(factor * LATER * Math.max(alone, QUIET_MS));

/** Bytes of memory that the server has. */
const memory = (): number =>
  1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]);

/** Bytes that the server uses, without its garbage. */
const inUse = async (): Promise<number> => {
  const logged = server.errors.length;
  process.kill(server.pid, 'SIGUSR2');
  return vi.waitFor(() => {
    const [, bytes] = /in use: (\d+)\n/.exec(server.errors.slice(logged)) ?? [];
    if (bytes === undefined) throw new Error('the server has not reported what it uses');
    return Number(bytes);
  }, 250_000);
};

/** The resources that the server holds, including connections and watches of files. */
const held = async (resources = snapshotResources(server)) => {
  const folder = `/proc/${server.pid}`;
  const infos = readdirSync(`${folder}/fdinfo`).map((fd) => read(`${folder}/fdinfo/${fd}`));
  const watches = infos.flatMap((info) => info.match(/^inotify /gm) ?? []).length;
  return { ...(await resources), watches, connections: infos.length };
};

/** The same for a server that runs no job: the supervisor of one that has ended lives for a moment longer. */
const heldAtRest = (): Promise<Held> => held(snapshotAtRest(server));

/** A file of /proc; '' for one that is closed by now. */
const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
};

type Held = Awaited<ReturnType<typeof held>>;

/** Waits until nothing is left of subscribers; this process keeps a few connections of its own for reuse. */
const isGone = ({ connections, files: _, ...before }: Held): Promise<void> =>
  expect
    .poll(async () => {
      const { connections: now, files: _files, ...after } = await held();
      return { ...after, more: Math.max(0, now - connections - 8) };
    })
    .toEqual({ ...before, more: 0 });

const leave = (subscribers: readonly Subscriber[]): void => {
  for (const subscriber of subscribers) subscriber.vanish();
};

it('ten thousand idle ones cost little memory, delay nobody, and leave nothing', async () => {
  const before = await heldAtRest();
  const alone = await latency();
  // What the first thousand make the server compile is kept for good, once and not for each.
  const first = await server.submit({ command: 'echo up; sleep 1000' });
  leave(await crowd(WARM_UP, () => subscribe(first)));
  await server.stop(first, 0);
  await isGone(before);
  const id = await server.submit({ command: 'echo up; sleep 1000' });
  const used = await inUse();
  const memoryBefore = memory();
  const idlers = await crowd(IDLE, () => subscribe(id));
  expect((memory() - memoryBefore) / IDLE).toBeLessThan(MOST_IDLE_BYTES);
  // They share the watch of the log.
  expect((await held()).watches).toBe(before.watches + 1);
  isTimely(await latency(), alone, AMONG_IDLERS);
  leave(idlers);
  await server.stop(id, 0);
  await isGone(before);
  expect((await inUse()) - used).toBeLessThan(LEFT_BYTES * IDLE);
}, 900_000);

it('a thousand on one job get every line, and hold up nobody else', async () => {
  const before = await heldAtRest();
  const alone = await latency();
  const id = await server.submit({
    // A stop reaches sleep as well, and the shell would report that.
    command: 'exec 2>/dev/null; i=0; trap "exit 0" TERM; while :; do i=$((i + 1)); echo $i; sleep 0.2; done',
  });
  const texts = Array.from({ length: 1000 }, () => '');
  let made = 0;
  const all = await crowd(1000, () => {
    const number = made++;
    return subscribe(id, ({ logs }) => {
      for (const { text } of logs.entries) texts[number] += text;
    });
  });
  isTimely(await latency(), alone);
  await server.stop(id);
  await Promise.all(all.map(({ completed }) => completed));
  const { stdout } = await server.output(id);
  expect(stdout.split('\n').length).toBeGreaterThan(10);
  expect(texts.every((text) => text === stdout)).toBe(true);
  leave(all);
  await isGone(before);
});

it('a hundred that never read make the server wait, not fill up, and get everything in the end', async () => {
  const id = await server.submit({ command: 'seq 3000000' });
  expect(await server.ended(id)).toMatchObject({ status: 'COMPLETED' });
  const before = await heldAtRest();
  const alone = await latency();
  const used = await inUse();
  const memoryBefore = memory();
  const lengths = new Map<Subscriber, number>();
  const stalled = await crowd(100, () => {
    const one: Subscriber = subscribe(id, ({ logs }) => {
      one.stall();
      for (const { text } of logs.entries) lengths.set(one, (lengths.get(one) ?? 0) + text.length);
    });
    return one;
  });
  // The log has 23 MB, as JSON three times as much, and there are a hundred who want it.
  isTimely(await latency(), alone);
  expect(memory() - memoryBefore).toBeLessThan(MOST_GROWTH_BYTES);
  expect(((await inUse()) - used) / stalled.length).toBeLessThan(MOST_STALLED_BYTES);
  const [one, ...others] = stalled;
  if (one === undefined) throw new Error('no subscriber');
  leave(others);
  one.socket.on('message', () => one.socket.resume());
  one.socket.resume();
  await one.completed;
  expect(lengths.get(one)).toBe(22_888_896);
  one.vanish();
  await isGone(before);
});

it('one that disconnects in the middle of a message leaves nothing behind', async () => {
  const id = await server.submit({ command: 'seq 1000000' });
  await server.ended(id);
  const before = await heldAtRest();
  const logged = server.log.length;
  // The next page is on its way to each when it goes, and with unread bytes: a reset, not an orderly end.
  const gone = Array.from({ length: 200 }, () => {
    const one: Subscriber = subscribe(id, () => one.vanish());
    return one;
  });
  await Promise.all(gone.map(({ begun }) => begun));
  const { hostname, port } = new URL(server.url);
  const halves = Array.from({ length: 50 }, async () => {
    const socket = connect(Number(port), hostname);
    const upgraded = new Promise((resolve) => socket.once('data', resolve));
    socket.on('error', () => undefined);
    socket.write(
      `GET /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    expect(String(await upgraded)).toContain('101 Switching Protocols');
    // RFC 6455: a masked text message of 126 bytes or more, of which a few come.
    await new Promise((resolve) =>
      socket.write(Buffer.from([0x81, 0xfe, 0x01, 0x00, 1, 2, 3, 4, 5]), resolve),
    );
    socket.resetAndDestroy();
  });
  await Promise.all(halves);
  await isGone(before);
  expect(server.log.slice(logged)).toEqual([]);
});

it('hundreds that reconnect at once continue at their cursors', async () => {
  const before = await heldAtRest();
  const id = await server.submit({
    // A stop reaches sleep as well, and the shell would report that.
    command: 'exec 2>/dev/null; i=0; trap "exit 0" TERM; while :; do i=$((i + 1)); echo $i; sleep 0.05; done',
  });
  const followers = Array.from({ length: 500 }, () => ({
    text: '',
    cursor: undefined as string | undefined,
  }));
  const everybody = (): Subscriber[] =>
    followers.map((follower) =>
      subscribe(
        id,
        ({ logs }) => {
          for (const { text } of logs.entries) follower.text += text;
          follower.cursor = logs.cursor;
        },
        follower.cursor,
      ),
    );
  let present = everybody();
  for (let round = 0; round < 4; round++) {
    await Promise.all(present.map(({ begun }) => begun));
    leave(present);
    present = everybody();
  }
  await Promise.all(present.map(({ begun }) => begun));
  await server.stop(id);
  await Promise.all(present.map(({ completed }) => completed));
  const { stdout } = await server.output(id);
  expect(followers.every(({ text }) => text === stdout)).toBe(true);
  leave(present);
  await isGone(before);
});
