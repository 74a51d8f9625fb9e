/** Subscriptions over WebSocket: the graphql-transport-ws protocol. */

import { connect } from 'node:net';
import { createClient } from 'graphql-ws/client';
import { type ClientOptions, WebSocket } from 'ws';
import { type Connection, placeOf } from './connection.ts';
import { CliError, ConnectionLost, unreachable } from './errors.ts';
import type { TypedDocumentString } from './generated/operations.ts';
import { inert } from './inert.ts';
import { serverError } from './request.ts';

/** What answers, such as a proxy, speaks HTTP only. */
export class UpgradeRefused extends CliError {
  override readonly name = 'UpgradeRefused';
}

/** Milliseconds between signs of life, and how long the server may take to answer one. */
const HEARTBEAT = 15_000;

/**
 * One subscription over one connection of its own, which it closes at the end. Pulled: while the caller is busy with
 * an item nothing is read from the socket, so that a slow caller slows the server down and nobody's memory fills.
 *
 * @throws ConnectionLost when the connection breaks, ServerError for what the server refuses, UpgradeRefused when what
 *   answers speaks no WebSocket
 */
export async function* subscribeByWebSocket<Result, Variables extends Record<string, unknown>>(
  connection: Connection,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): AsyncGenerator<Result, void, void> {
  await connection.verifyServer?.();
  const queue: Result[] = [];
  let end: { readonly error: Error | undefined } | undefined;
  let wake = Promise.withResolvers<void>();
  let socket: WebSocket | undefined;
  // The server has accepted the socket; it may still turn us away before we have signed in, by a time-out for one.
  let established = false;
  let overdue: NodeJS.Timeout | undefined;

  const finish = (error?: Error): void => {
    end ??= { error };
    clearTimeout(overdue);
    wake.resolve();
  };

  const client = createClient({
    url: connection.url.href.replace(/^http/, 'ws'),
    webSocketImpl: socketOf(connection),
    connectionParams: connection.token === undefined ? {} : { authorization: `Bearer ${connection.token}` },
    connectionAckWaitTimeout: HEARTBEAT,
    // It would subscribe again with the same variables, which is to say from the old cursor.
    retryAttempts: 0,
    keepAlive: HEARTBEAT,
    on: {
      opened: (opened) => {
        established = true;
        if (opened instanceof WebSocket) socket = opened;
      },
      message: ({ type }) => {
        if (type === 'complete') finish();
      },
      ping: (received) => {
        // A paused socket does not hear the answer.
        if (!received) overdue = setTimeout(() => socket?.isPaused || client.terminate(), HEARTBEAT);
      },
      pong: () => clearTimeout(overdue),
      error: (error) => finish(failed(connection, error, established)),
      closed: (event) => {
        finish(closed(connection, event, established));
        // Without this the client subscribes again by itself after a close with code 1000.
        unsubscribe();
      },
    },
  });
  const unsubscribe = client.subscribe<Result>(
    { query: document.toString(), variables },
    {
      next: ({ data, errors }) => {
        if (errors !== undefined) finish(serverError(connection, errors));
        else if (data) queue.push(data);
        socket?.pause();
        wake.resolve();
      },
      error: (error) => {
        finish(
          Array.isArray(error) ? serverError(connection, error) : failed(connection, error, established),
        );
      },
      complete: () => finish(),
    },
  );

  try {
    for (;;) {
      const item = queue.shift();
      if (item !== undefined) {
        yield item;
      } else if (end !== undefined) {
        if (end.error !== undefined) throw end.error;
        return;
      } else {
        wake = Promise.withResolvers();
        socket?.resume();
        await wake.promise;
      }
    }
  } finally {
    finish();
    unsubscribe();
    // The closing handshake needs the socket to be read.
    socket?.resume();
  }
}

/** `closeTimeout`, which the types do not know yet, keeps a server that does not answer from holding us up. */
const OPTIONS: ClientOptions & { readonly closeTimeout: number } = {
  perMessageDeflate: false,
  handshakeTimeout: HEARTBEAT,
  closeTimeout: 1000,
};

/** The class of sockets that lead to this server. */
const socketOf = ({ socketPath }: Connection): (new (url: string, protocols: string) => WebSocket) =>
  class extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, {
        ...OPTIONS,
        ...(socketPath !== undefined && { createConnection: () => connect(socketPath) }),
      });
      // graphql-ws listens through `onerror`, but takes that away before it closes a socket that is still connecting;
      // the error that follows must not end the process.
      this.on('error', () => undefined);
    }
  };

const failed = (connection: Connection, event: unknown, established: boolean): Error => {
  // From ws: an ErrorEvent that carries the error.
  const error = event instanceof Object && 'error' in event ? event.error : event;
  const message = error instanceof Error ? error.message : String(error);
  const answered = /^Unexpected server response: (\d{3})$/.exec(message);
  // Of a server that is shutting down, or a proxy that waits for one, another attempt gets more.
  return answered === null || /^50[0234]$/.test(answered[1] ?? '')
    ? unreachable(placeOf(connection), error, established)
    : new UpgradeRefused(
        `${placeOf(connection)} refuses WebSocket connections with HTTP status ${answered[1]}`,
      );
};

const closed = (connection: Connection, event: unknown, established: boolean): Error => {
  const code = event instanceof Object && 'code' in event ? Number(event.code) : 1006;
  const reason = event instanceof Object && 'reason' in event ? inert(String(event.reason)) : '';
  const told = `the server closed the connection: ${reason || 'no reason given'} (${code})`;
  if (code === 4401 || code === 4403) return new CliError(`${told}: ${connection.tokenNote}`);
  // The protocol's own codes tell of a mistake that would only be made again; 4408 and 4499 are time-outs.
  const final = code >= 4400 && code <= 4500 && code !== 4408 && code !== 4499;
  return final ? new CliError(told) : new ConnectionLost(told, established);
};
