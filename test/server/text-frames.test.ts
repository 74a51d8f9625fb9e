/** Frames that are written between those of ws: a client receives every message whole, and in order. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { SharedText, writeText } from '../../src/server/text-frames.ts';
import { disposers } from '../support/disposers.ts';

const dispose = disposers();

it('are received as they were written, between other messages, by one or by several', async () => {
  const http = createServer();
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  dispose(() => http.close());
  // Around the lengths at which the header changes, and more than is kept for a frame.
  const lengths = [0, 100, 124, 125, 126, 4000, 65_500, 65_534, 65_535, 65_536, 70_000, 300_000];
  const texts = lengths.flatMap((length) => ['a'.repeat(length), 'é\n\u{1f600}"'.repeat(length / 4)]);
  const shared = texts.map((text) => new SharedText(text));
  const expected = texts.flatMap((text, index) => [`<${text}>`, `plain ${index}`]);

  const send = (socket: WebSocket, connection: Parameters<typeof writeText>[0]): Promise<void>[] =>
    shared.map((each, index) => {
      const sent = new Promise<void>((resolve, reject) =>
        writeText(connection, { before: '<', shared: each, after: '>' }, (error) =>
          error ? reject(error) : resolve(),
        ),
      );
      socket.send(`plain ${index}`);
      socket.ping();
      return sent;
    });

  http.on('upgrade', (request, connection, head) =>
    server.handleUpgrade(request, connection, head, (socket) => {
      Promise.all(send(socket, connection)).then(() => socket.close());
    }),
  );
  for (let client = 0; client < 3; client++) {
    const received: string[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
    socket.on('message', (data) => received.push(String(data)));
    const code = await new Promise((resolve) => socket.once('close', resolve));
    expect(code).toBe(1005);
    expect(received).toEqual(expected);
  }
});

it('report why they were not sent', async () => {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  dispose(() => http.close());
  const failed = new Promise((resolve) => {
    http.on('upgrade', (_request, connection) => {
      connection.on('error', () => undefined);
      connection.destroy();
      for (const length of [10, 300_000])
        writeText(connection, { before: '', shared: new SharedText('x'.repeat(length)), after: '' }, resolve);
    });
  });
  const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`);
  socket.on('error', () => undefined);
  expect(await failed).toBeInstanceOf(Error);
});
