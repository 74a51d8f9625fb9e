/** Requests and streams of the client, also over connections that break. */

import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { JobByIdDocument } from '../../src/client/generated/operations.ts';
import { endedJob, getJob } from '../../src/client/job.ts';
import { type LogBatch, readLogs } from '../../src/client/logs.ts';
import { request } from '../../src/client/request.ts';
import { expectBackpressure } from './backpressure.ts';
import { FakeServer } from './fake-server.ts';

let server: FakeServer;

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(async () => {
  // Each subscription closes its own connection, however it ended.
  await expect.poll(() => server.connections).toBe(0);
  await server[Symbol.asyncDispose]();
});

const following = (jobId: string) => ({ jobId, follow: true, withTime: false, withText: false });

const text = (batch: LogBatch): string =>
  batch.entries.map(({ bytes }) => Buffer.from(bytes, 'base64').toString()).join('');

const read = async (batches: AsyncIterable<LogBatch>): Promise<string> => {
  let all = '';
  for await (const batch of batches) all += text(batch);
  return all;
};

describe('request', () => {
  it('answers with what the server knows', async () => {
    server.job('a', { argv: ['ls', '/'] });
    expect(await getJob(server.connection, 'a')).toMatchObject({
      id: 'a',
      argv: ['ls', '/'],
      status: 'RUNNING',
    });
  });

  it('says that there is no such job', async () => {
    await expect(getJob(server.connection, 'b\x1b')).rejects.toThrow('no job with id "b\\x1b"');
  });

  it('says where the token came from when the server does not accept it', async () => {
    const connection = { ...server.connection, token: 'wrong', tokenNote: 'it is from a file' };
    await expect(getJob(connection, 'a')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringMatching(/: it is from a file$/),
    });
  });

  it('says that nobody listens', async () => {
    const other = await FakeServer.start();
    const { connection } = other;
    await other[Symbol.asyncDispose]();
    await expect(getJob(connection, 'a')).rejects.toThrow(
      `cannot reach ${connection.url.href}: connection refused. Is the server running?`,
    );
  });

  it('reports that another kind of server answered', async () => {
    const http = createServer((_, response) => response.writeHead(404).end('<html>'));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/graphql`);
    try {
      await expect(request({ ...server.connection, url }, JobByIdDocument, { id: 'a' })).rejects.toThrow(
        `${url.href} answered "404 Not Found", and not with GraphQL`,
      );
    } finally {
      http.close();
    }
  });
});

describe('readLogs', () => {
  it('follows to the end of the job', async () => {
    const job = server.job('a').write('one ');
    const logs = readLogs(server.connection, following('a'));
    expect(text((await logs.next()).value ?? expect.unreachable())).toBe('one ');
    job.write('two ').end({ status: 'COMPLETED', exitCode: 0 });
    expect(await read(logs)).toBe('two ');
  });

  it('ends at the present end when it is not to follow', async () => {
    server.job('a').write('one ').write('two ');
    expect(await read(readLogs(server.connection, { ...following('a'), follow: false }))).toBe('one two ');
  });

  it.each([
    ['breaks', undefined],
    ['is closed normally', 1000],
    ['is closed because the server goes away', 1001],
    ['is closed because the server is restarted', 1012],
  ])('continues without gap or duplicate when the connection %s', async (_, code) => {
    const job = server.job('a');
    let all = '';
    job.write('0 ');
    for await (const batch of readLogs(server.connection, { ...following('a'), tail: 5 })) {
      all += text(batch);
      const count = job.entries.length;
      if (count % 2 === 1 && count < 6) server.drop(code);
      if (count < 6) job.write(`${count} `);
      else if (!job.ended) job.end({ status: 'COMPLETED', exitCode: 0 });
    }
    expect(all).toBe('0 1 2 3 4 5 ');
    expect(server.logRequests).toEqual([{ tail: 5 }, { after: '1' }, { after: '3' }, { after: '5' }]);
  });

  it('continues when the server completes the stream before the job has ended', async () => {
    server.completeAfter = 2;
    const job = server.job('a');
    for (const word of ['a', 'b', 'c', 'd', 'e']) job.write(word);
    job.end({ status: 'COMPLETED', exitCode: 0 });
    expect(await read(readLogs(server.connection, following('a')))).toBe('abcde');
    expect(server.logRequests).toEqual([{}, { after: '2' }, { after: '4' }]);
  });

  it('asks for nothing twice when a batch and the close of the connection arrive together', async () => {
    const asked: unknown[] = [];
    const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    sockets.on('connection', (socket) => {
      socket.on('message', (data) => {
        const { type, id, payload } = JSON.parse(String(data));
        if (type === 'connection_init') socket.send(JSON.stringify({ type: 'connection_ack' }));
        if (type !== 'subscribe') return;
        asked.push(payload.variables.after);
        const logs = {
          cursor: String(asked.length),
          endOfLog: asked.length === 3,
          entries: [],
          droppedBytes: 0,
          damagedBytes: 0,
        };
        socket.send(JSON.stringify({ id, type: 'next', payload: { data: { logs } } }));
        socket.close(1000);
      });
    });
    await once(sockets, 'listening');
    const { port } = sockets.address() as AddressInfo;
    const url = new URL(`http://127.0.0.1:${port}/graphql`);
    try {
      const cursors: string[] = [];
      for await (const { cursor } of readLogs({ ...server.connection, url }, following('a'))) {
        cursors.push(cursor);
        // Busy until the connection has gone.
        await expect.poll(() => sockets.clients.size).toBe(0);
      }
      expect(cursors).toEqual(['1', '2', '3']);
      expect(asked).toEqual([undefined, '1', '2']);
    } finally {
      sockets.close();
    }
  });

  it('tries again when it is turned away before it could sign in, as by a busy server', async () => {
    let sockets = 0;
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    server.on('connection', (socket) => {
      sockets += 1;
      if (sockets === 1) return socket.close(4408, 'Connection initialisation timeout');
      socket.on('message', (data) => {
        const { type, id } = JSON.parse(String(data));
        if (type === 'connection_init') socket.send(JSON.stringify({ type: 'connection_ack' }));
        const logs = { cursor: '1', endOfLog: true, entries: [], droppedBytes: 0, damagedBytes: 0 };
        if (type === 'subscribe')
          socket.send(JSON.stringify({ id, type: 'next', payload: { data: { logs } } }));
      });
    });
    await once(server, 'listening');
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`);
    const connection = { url, token: undefined, tokenNote: '', retryDelays: [1, 1] };
    try {
      expect(await read(readLogs(connection, following('a')))).toBe('');
      expect(sockets).toBe(2);
    } finally {
      server.close();
    }
  });

  it('waits for a server that has answered before, also when the first connection fails', async () => {
    const other = await FakeServer.start();
    const { connection } = other;
    await other[Symbol.asyncDispose]();
    const failing = (reached: boolean) => {
      const delays: number[] = [];
      const retryDelays = new Proxy([1, 1], {
        get: (target, key) => {
          if (key === '0' || key === '1') delays.push(Number(key));
          return Reflect.get(target, key);
        },
      });
      const logs = readLogs({ ...connection, retryDelays }, { ...following('a'), reached });
      return { ended: expect(read(logs)).rejects.toThrow('connection refused'), delays };
    };
    const first = failing(true);
    await first.ended;
    expect(first.delays).toEqual([0, 1]);
  });

  it('gives up on a server that does not come back, and says so', async () => {
    server.job('a').write('one ');
    const { connection } = server;
    const logs = readLogs(connection, following('a'));
    await logs.next();
    await server[Symbol.asyncDispose]();
    await expect(logs.next()).rejects.toThrow(`cannot reach ${connection.url.href}: connection refused`);
    server = await FakeServer.start();
  });

  it('does not ask again for what the server refuses', async () => {
    await expect(read(readLogs(server.connection, following('nosuch')))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'no job with id "nosuch"',
    });
    expect(server.logRequests).toHaveLength(1);
  });

  it('does not come back to a server that does not accept the token', async () => {
    server.job('a');
    const connection = { ...server.connection, token: 'wrong' };
    await expect(read(readLogs(connection, following('a')))).rejects.toThrow(/Forbidden \(4403\): the note$/);
  });

  it('slows the server down while the reader is busy', () =>
    expectBackpressure(server, () => readLogs(server.connection, following('a'))));

  it('closes the connection when its reader stops', async () => {
    server.job('a').write('one ').write('two ');
    for await (const _ of readLogs(server.connection, following('a'))) break;
    await expect.poll(() => server.connections).toBe(0);
  });
});

describe('where a proxy refuses WebSocket', () => {
  /** Passes requests on, and answers upgrades by itself. */
  const proxied = async (
    use: (connection: FakeServer['connection'], upgrades: () => number, cut: () => void) => Promise<void>,
    status = '403 Forbidden',
  ): Promise<void> => {
    let upgrades = 0;
    const sockets = new Set<Socket>();
    const proxy = createServer((incoming, outgoing) => {
      const { method, headers } = incoming;
      const passed = httpRequest(
        server.url,
        { method: method ?? 'POST', headers, agent: false },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
          answer.on('error', () => outgoing.destroy());
        },
      );
      outgoing.on('close', () => passed.destroy());
      passed.on('error', () => outgoing.destroy());
      incoming.pipe(passed);
    });
    proxy.on('connection', (socket) => sockets.add(socket));
    proxy.on('upgrade', (_, socket) => {
      upgrades += 1;
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const url = new URL(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}/graphql`);
    try {
      await use(
        { ...server.connection, url },
        () => upgrades,
        () => {
          for (const socket of sockets) socket.destroy();
        },
      );
    } finally {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    }
  };

  it.each(['403 Forbidden', '400 Bad Request', '426 Upgrade Required', '501 Not Implemented'])(
    'logs are followed by server-sent events, without gap or duplicate: %s',
    async (status) => {
      await proxied(async (connection, upgrades, cut) => {
        const job = server.job('a').write('0 größer ');
        let all = '';
        for await (const batch of readLogs(connection, following('a'))) {
          all += text(batch);
          const count = job.entries.length;
          if (count === 2) cut();
          if (count < 4) job.write(`${count} `);
          else if (!job.ended) job.end({ status: 'COMPLETED', exitCode: 0 });
        }
        expect(all).toBe('0 größer 1 2 3 ');
        expect(upgrades()).toBe(1);
        expect(server.logRequests).toEqual([{}, { after: '2' }]);
      }, status);
    },
  );

  it('what the server refuses is said in its words', async () => {
    await proxied(async (connection) => {
      await expect(read(readLogs(connection, following('nosuch')))).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: 'no job with id "nosuch"',
      });
      const wrong = { ...connection, token: 'wrong' };
      await expect(read(readLogs(wrong, following('a')))).rejects.toThrow('sign in first: the note');
    });
  });
});

describe('endedJob', () => {
  it('waits for the end, over a connection that breaks', async () => {
    const job = server.job('a');
    const ended = endedJob(server.connection, 'a');
    await expect.poll(() => job.changes.listenerCount('change')).toBe(1);
    server.drop();
    await expect.poll(() => job.changes.listenerCount('change')).toBeGreaterThan(1);
    job.end({ status: 'COMPLETED', exitCode: 4 });
    expect(await ended).toMatchObject({ status: 'COMPLETED', exitCode: 4 });
  });

  it('answers at once for a job that has ended', async () => {
    server.job('a').end({ status: 'FAILED', error: 'no' });
    expect(await endedJob(server.connection, 'a')).toMatchObject({ status: 'FAILED', error: 'no' });
  });
});
