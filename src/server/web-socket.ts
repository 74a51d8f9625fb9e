/** WebSocket connections: upgrades, bounds, pings and closing. */

import { type Server as HttpServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols, type Server } from 'graphql-ws';
import { WebSocket, WebSocketServer } from 'ws';
import type { Turns } from '../async/turns.ts';
import type { Log } from '../log.ts';
import { LARGEST_BODY_BYTES } from './engine.ts';
import type { Incoming, Sent } from './incoming.ts';
import { excessValues } from './json-bounds.ts';
import { limitedLog } from './limited-log.ts';
import type { Senders } from './senders.ts';
import { Client, createProtocol, GOING_AWAY, type ProtocolOptions } from './web-socket-protocol.ts';

/** What WebSocket connections are accepted with. */
export interface WebSocketOptions extends ProtocolOptions {
  /** Why an upgrade is refused, or `undefined`. */
  readonly refuse: (request: IncomingMessage) => Refusal | undefined;
  /** Milliseconds between two pings; a client that has not answered one before the next is disconnected. */
  readonly keepAliveMs: number;
  /** Counts what clients send. */
  readonly incoming: Incoming;
  /** In which upgrades are answered and messages are taken. */
  readonly turns: Turns;
  readonly senders: Senders;
  readonly log: Log;
}

/** The HTTP response that refuses an upgrade. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 503;
  readonly reason: string;
}

/** Bytes that a client may send before it has authenticated. Afterwards a message may be as large as a request body. */
const MOST_UNAUTHENTICATED_BYTES = 4096;
/** RFC 6455, section 7.4.1. */
const TOO_BIG = 1009;
const MOST_FRAGMENTS = 64;
/** Bytes before the data of a ping or pong of a client: they are masked, and have at most 125 bytes of data. */
const CONTROL_HEADER_BYTES = 6;
const MOST_SOCKETS = 20_000;
/** Milliseconds that a client has to answer a close frame. */
const GOODBYE_MS = 1000;

/**
 * Serves the graphql-transport-ws protocol at /graphql, on the upgrades of an HTTP server.
 *
 * @returns a function that stops it and closes every socket with code 1001
 */
export const serveWebSockets = (http: HttpServer, options: WebSocketOptions): (() => Promise<void>) => {
  const protocol = createProtocol(options);
  const limited = { ...options, log: limitedLog(options.log) };
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_BODY_BYTES,
    maxFragments: MOST_FRAGMENTS,
    perMessageDeflate: false,
    handleProtocols,
  });
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const refusal =
      sockets.clients.size < MOST_SOCKETS
        ? options.refuse(request)
        : ({ status: 503, reason: `expected at most ${MOST_SOCKETS} connections at once` } as const);
    if (refusal === undefined)
      sockets.handleUpgrade(request, socket, head, (opened) =>
        attach(opened, { connection: socket, received: head.length, request }, protocol, limited),
      );
    else {
      limited.log('a WebSocket was refused', {
        status: refusal.status,
        ...(request.socket.remoteAddress !== undefined && { address: request.socket.remoteAddress }),
      });
      reject(socket, refusal);
    }
  };
  http.on('upgrade', (request, socket, head) => {
    // Node.js looks for errors of it no more.
    socket.on('error', () => socket.destroy());
    options.turns.start(options.senders.of(request), 1, () => {
      if (!socket.destroyed) upgrade(request, socket, head);
    });
  });
  return async () => {
    const closed = new Promise<void>((resolve) => {
      sockets.close(() => resolve());
    });
    for (const client of sockets.clients) client.close(GOING_AWAY);
    const timer = setTimeout(() => {
      for (const client of sockets.clients) client.terminate();
    }, GOODBYE_MS);
    await closed;
    clearTimeout(timer);
  };
};

/** What remains of an upgrade. */
interface Handshake {
  readonly connection: Duplex;
  /** Bytes that arrived with the upgrade request. */
  readonly received: number;
  readonly request: IncomingMessage;
}

/** Connects a socket to the protocol. (The adapter of graphql-ws reports every client that vanishes as an error.) */
const attach = (
  socket: WebSocket,
  { connection, received, request }: Handshake,
  protocol: Server<Client>,
  { log, keepAliveMs, incoming, turns }: WebSocketOptions,
): void => {
  // After an error ws closes the socket itself, with the right code; a broken connection need not be logged.
  socket.on('error', () => undefined);
  const failed = (error: Error): void => log(`WebSocket: ${error}`, { level: 'error' });
  let take: (message: string) => Promise<void> = async () => undefined;
  const handle = (message: string): void => {
    const excess = excessValues(message);
    if (excess !== undefined) {
      socket.close(TOO_BIG, excess);
      return;
    }
    // It settles when the operation that it asks for is over.
    take(message)
      .catch((error: Error) => {
        failed(error);
        socket.close(CloseCode.InternalServerError, 'Internal server error');
      })
      .finally(() => sent.done(message.length));
  };
  const client = new Client({ socket, connection, request }, handle, turns);
  const sent = countSent(client, connection, incoming);
  boundUnauthenticated(client, connection, received);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) => client.send(text),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (listener) => {
        take = listener;
        socket.on('message', (data) => {
          const message = String(data);
          sent.arrived(message.length);
          client.inbox.add(message);
        });
      },
    },
    client,
  );
  const stop = keepAlive(client, connection, keepAliveMs);
  socket.once('close', (code, reason) => {
    stop();
    closed(code, String(reason)).catch(failed);
  });
};

/** Disconnects a client that sends too much before it has authenticated: frames, fragments, or pings. */
const boundUnauthenticated = (client: Client, connection: Duplex, received: number): void => {
  let bytes = received;
  const count = (chunk: Buffer): void => {
    if (client.identity !== null) {
      connection.off('data', count);
      return;
    }
    bytes += chunk.length;
    if (bytes <= MOST_UNAUTHENTICATED_BYTES) return;
    connection.off('data', count);
    client.socket.close(
      TOO_BIG,
      `expected at most ${MOST_UNAUTHENTICATED_BYTES} bytes before the connection is known`,
    );
    // Nothing more is read, so its answer to the close is not waited for.
    connection.pause();
    setImmediate(() => client.socket.terminate());
  };
  connection.prependListener('data', count);
};

/** What of a client is counted. */
interface Counted {
  /** A message is complete. */
  readonly arrived: (length: number) => void;
  /** What a message asked for is over. */
  readonly done: (length: number) => void;
}

/**
 * Counts what a client that is known sends: pieces of a message until it is complete, and messages until what they ask for
 * is over.
 */
const countSent = (client: Client, connection: Duplex, incoming: Incoming): Counted => {
  let sent: Sent | undefined;
  let isClosed = false;
  /** Bytes since the last complete message, and those of messages, as far as they were counted. */
  let pieces = 0;
  const count = (bytes: number): void => {
    const subject = client.identity?.subject;
    if (subject !== undefined) sent ??= { subject, close: () => client.socket.terminate() };
    if (sent !== undefined && !isClosed) incoming.count(sent, bytes);
  };
  const take = (chunk: Buffer): void => {
    if (client.identity === null) return;
    pieces += chunk.length;
    count(chunk.length);
  };
  connection.prependListener('data', take);
  // They come between the pieces of a message.
  const isControl = (data: Buffer): void => {
    const length = Math.min(pieces, CONTROL_HEADER_BYTES + data.length);
    pieces -= length;
    count(-length);
  };
  client.socket.on('ping', isControl).on('pong', isControl);
  client.socket.once('close', () => {
    isClosed = true;
    connection.off('data', take);
    if (sent !== undefined) incoming.end(sent);
  });
  return {
    arrived: (length) => {
      count(length - pieces);
      pieces = 0;
    },
    done: (length) => count(-length),
  };
};

/**
 * Disconnects a client that has vanished. While its messages are held back its pongs are not read; then it counts as
 * alive as long as it reads what is sent.
 */
const keepAlive = ({ socket, inbox }: Client, connection: Duplex, intervalMs: number): (() => void) => {
  let answered = true;
  let sent = 0;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    const before = sent;
    sent = sentBytes(connection);
    if (inbox.isHeldBack || (socket.isPaused && sent > before)) answered = true;
    if (!answered) return socket.terminate();
    answered = false;
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, intervalMs);
  return () => clearInterval(timer);
};

/** Bytes that the kernel has taken. */
const sentBytes = (connection: Duplex): number =>
  connection instanceof Socket ? connection.bytesWritten - connection.writableLength : 0;

const reject = (socket: Duplex, { status, reason }: Refusal): void => {
  // A client that never closes its side would keep the file descriptor open.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
  );
};
