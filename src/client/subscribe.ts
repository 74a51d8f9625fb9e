/** Subscriptions, over WebSocket or server-sent events. */

import type { Connection } from './connection.ts';
import type { TypedDocumentString } from './generated/operations.ts';
import { subscribeByEvents } from './server-sent-events.ts';
import { subscribeByWebSocket, UpgradeRefused } from './web-socket.ts';

/** Connections over which an upgrade to WebSocket was refused, and would be again. */
const withoutWebSocket = new WeakSet<Connection>();

/**
 * One subscription, over WebSocket or, if a proxy refuses that, over server-sent events. If these are refused as well,
 * their answer says why. Pulled: a slow caller slows the server down.
 *
 * @throws ConnectionLost when the connection breaks, ServerError for what the server refuses
 */
export async function* subscribe<Result, Variables extends Record<string, unknown>>(
  connection: Connection,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): AsyncGenerator<Result, void, void> {
  if (!withoutWebSocket.has(connection)) {
    try {
      // A refusal comes before the first item.
      yield* subscribeByWebSocket(connection, document, variables);
      return;
    } catch (error) {
      if (!(error instanceof UpgradeRefused)) throw error;
      withoutWebSocket.add(connection);
    }
  }
  yield* subscribeByEvents(connection, document, variables);
}
