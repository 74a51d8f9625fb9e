/** Subscriptions over WebSocket: the graphql-transport-ws protocol. */

import { connect } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { HEARTBEAT_MS, isFinalClose, subscribeOnSocket } from '../client-api/web-socket.js';
import { type Connection, placeOf, type TlsTexts, tokenOf, USER_AGENT } from './connection.ts';
import { CliError, ConnectionLost, unreachable } from './errors.ts';
import type { TypedDocumentString } from './generated/operations.ts';
import { inert } from './inert.ts';
import { serverError } from './request.ts';

/** The other end, such as a proxy, supports only HTTP. */
export class UpgradeRefused extends CliError {
  override readonly name = 'UpgradeRefused';
}

/**
 * One subscription over one connection of its own, which it closes at the end. Pulled: while the caller is busy with
 * an item nothing is read from the socket.
 *
 * @throws ConnectionLost when the connection breaks, ServerError for what the server refuses, UpgradeRefused when the
 *   other end does not support WebSocket
 */
export async function* subscribeByWebSocket<Result, Variables extends Record<string, unknown>>(
  connection: Connection,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): AsyncGenerator<Result, void, void> {
  await connection.verifyServer?.();
  const endpoint = {
    url: connection.url.href,
    token: await tokenOf(connection),
    webSocketImpl: socketOf(connection, await connection.readTls?.()),
    words: {
      refused: (errors: readonly unknown[]) => serverError(connection, errors),
      failed: (event: unknown, established: boolean) => failed(connection, event, established),
      closed: (event: unknown, established: boolean, known: boolean) =>
        closed(connection, event, established, known),
    },
  };
  yield* subscribeOnSocket(endpoint, document.toString(), variables);
}

/** `closeTimeout`, which is not in the types yet, bounds how long we wait for a server that does not answer. */
const OPTIONS: ClientOptions & { readonly closeTimeout: number } = {
  perMessageDeflate: false,
  handshakeTimeout: HEARTBEAT_MS,
  closeTimeout: 1000,
};

/** The class of sockets that connect to this server. */
const socketOf = (
  { socketPath }: Connection,
  tls: TlsTexts | undefined,
): (new (
  url: string,
  protocols: string,
) => WebSocket) =>
  class extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, {
        ...OPTIONS,
        headers: { 'user-agent': USER_AGENT },
        ...tls,
        ...(socketPath !== undefined && { createConnection: () => connect(socketPath) }),
      });
      // graphql-ws listens through `onerror`, but removes that before it closes a socket that is still connecting; the
      // error that follows must not end the process.
      this.on('error', () => undefined);
    }
  };

const failed = (connection: Connection, event: unknown, established: boolean): Error => {
  // From ws: an ErrorEvent with the error.
  const error = event instanceof Object && 'error' in event ? event.error : event;
  const message = error instanceof Error ? error.message : String(error);
  const answered = /^Unexpected server response: (\d{3})$/.exec(message);
  // A server that is shutting down, or a proxy without its server, may accept a later attempt.
  return answered === null || /^50[0234]$/.test(answered[1] ?? '')
    ? unreachable(placeOf(connection), error, established)
    : new UpgradeRefused(
        `${placeOf(connection)} refuses WebSocket connections with HTTP status ${answered[1]}`,
      );
};

const closed = (connection: Connection, event: unknown, established: boolean, known: boolean): Error => {
  const code = event instanceof Object && 'code' in event ? Number(event.code) : 1006;
  const reason = event instanceof Object && 'reason' in event ? inert(String(event.reason)) : '';
  const message = `the server closed the connection: ${reason || 'no reason given'} (${code})`;
  if (!isFinalClose(code, known)) return new ConnectionLost(message, established);
  return new CliError(code === 4401 || code === 4403 ? `${message}: ${connection.tokenNote}` : message);
};
