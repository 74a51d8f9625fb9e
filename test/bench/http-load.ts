/** Requests over connections that are kept, as fast as a server answers them. */

import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  /** Sent with each request; without it there is no Authorization header. */
  readonly token?: string;
  /** The bodies, in turns. */
  readonly bodies: readonly string[];
  readonly connections: number;
  /** Milliseconds before the measurement, and of it. */
  readonly warmUpMs: number;
  readonly ms: number;
}

/**
 * How many requests a server answers in a second. Written by hand, since a client of Node.js takes longer than the server.
 *
 * @throws Error when an answer is none with status 200 and data
 */
export const requestsPerSecond = async (load: Load): Promise<number> => {
  const requests = load.bodies.map((body) => requestOf(load, body));
  let answered = 0;
  let isOver = false;
  const clients = Array.from({ length: load.connections }, (_, index) => {
    let next = index;
    return keepAsking(load.port, () => {
      answered += 1;
      return isOver ? undefined : requests[next++ % requests.length];
    });
  });
  await Promise.race([pause(load.warmUpMs), ...clients]);
  const before = answered;
  const began = performance.now();
  await Promise.race([pause(load.ms), ...clients]);
  const rate = ((answered - before) * 1000) / (performance.now() - began);
  isOver = true;
  await Promise.all(clients);
  return rate;
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const requestOf = ({ port, token }: Load, body: string): Buffer => {
  const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
  return Buffer.from(
    `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${authorization}Content-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
};

/** @param next called for each answer, and once before the first; `undefined` ends it */
const keepAsking = (port: number, next: () => Buffer | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    socket.once('error', reject);
    const ask = (): void => {
      const request = next();
      if (request !== undefined) socket.write(request);
      else {
        socket.destroy();
        resolve();
      }
    };
    socket.once('connect', ask);
    onAnswer(socket, ask, reject);
  });

const onAnswer = (socket: Socket, done: () => void, reject: (error: Error) => void): void => {
  let left = 0;
  socket.on('data', (chunk: Buffer) => {
    if (left > 0) left -= chunk.length;
    else {
      const text = chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = /^content-length: (\d+)/im.exec(text)?.[1];
      if (!text.startsWith('HTTP/1.1 200') || length === undefined || !text.startsWith('{"data":', head + 4))
        return reject(new Error(`expected an answer with data, got ${text}`));
      left = head + 4 + Number(length) - chunk.length;
    }
    if (left === 0) done();
  });
};
