/** WebSocket connections: upgrades, bounds, pings and closing. */
import { type Server as HttpServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols, type Server } from 'graphql-ws';
import { WebSocket, WebSocketServer } from 'ws';
import { Client, createProtocol, GOING_AWAY, type ProtocolOptions } from './web-socket-protocol.ts';

export interface WebSocketOptions extends ProtocolOptions {
  /** Why an upgrade is refused, or `undefined`. */
  readonly refuse: (request: IncomingMessage) => Refusal | undefined;
  /** Milliseconds between two pings; a client that has not answered one before the next is disconnected. */
  readonly keepAliveMs: number;
  readonly log: (line: string) => void;
}

export interface Refusal {
  readonly status: 400 | 403 | 404 | 503;
  readonly reason: string;
}

/** Bytes of one message. */
const LARGEST_MESSAGE = 1024 * 1024;
const MOST_FRAGMENTS = 64;
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
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_MESSAGE,
    maxFragments: MOST_FRAGMENTS,
    perMessageDeflate: false,
    handleProtocols,
  });
  http.on('upgrade', (request, socket, head) => {
    const refusal =
      sockets.clients.size < MOST_SOCKETS
        ? options.refuse(request)
        : ({ status: 503, reason: `expected at most ${MOST_SOCKETS} connections at a time` } as const);
    if (refusal === undefined)
      sockets.handleUpgrade(request, socket, head, (opened) => attach(opened, protocol, options));
    else reject(socket, refusal);
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

/** Connects a socket to the protocol. (The adapter of graphql-ws reports every client that vanishes as an error.) */
const attach = (
  socket: WebSocket,
  protocol: Server<Client>,
  { log, keepAliveMs }: WebSocketOptions,
): void => {
  const gone = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  // After an error ws closes the socket itself, with the right code; a broken connection need not be logged.
  socket.on('error', () => undefined);
  const failed = (error: Error): void => log(`WebSocket: ${error.stack}`);
  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) =>
        new Promise((resolve) => {
          // A sender to a client that has gone waits for the socket to close, instead of continuing at full speed.
          if (socket.readyState !== WebSocket.OPEN) return resolve(gone);
          socket.send(text, (error) => resolve(error ? gone : undefined));
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage: (take) => {
        socket.on('message', (data) => {
          take(String(data)).catch((error: Error) => {
            failed(error);
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        });
      },
    },
    new Client(socket),
  );
  const stop = keepAlive(socket, keepAliveMs);
  socket.once('close', (code, reason) => {
    stop();
    closed(code, String(reason)).catch(failed);
  });
};

const keepAlive = (socket: WebSocket, intervalMs: number): (() => void) => {
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const timer = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  }, intervalMs);
  return () => clearInterval(timer);
};

const reject = (socket: Duplex, { status, reason }: Refusal): void => {
  socket.on('error', () => socket.destroy());
  // A client that never closes its side would keep the file descriptor open.
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(reason)}\r\n\r\n${reason}`,
  );
};
