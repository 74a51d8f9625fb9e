/** Keeps a stream going over connections that are lost. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { ConnectionLost } from './errors.ts';

/**
 * Opens a stream again whenever its connection is lost, after the delays of the connection; an item that arrives
 * begins the delays anew. A server that was never reached is not waited for.
 *
 * @param open must continue after the last item it gave out
 * @param reached the server has answered before
 */
export async function* reconnecting<T>(
  connection: Connection,
  open: () => AsyncIterable<T>,
  reached = false,
): AsyncGenerator<T, void, void> {
  let established = reached;
  let failures = 0;
  for (;;) {
    try {
      for await (const item of open()) {
        established = true;
        failures = 0;
        yield item;
      }
      return;
    } catch (error) {
      const wait = connection.retryDelays[failures];
      established ||= error instanceof ConnectionLost && error.established;
      if (!(error instanceof ConnectionLost) || !established || wait === undefined) throw error;
      failures += 1;
      await delay(wait);
    }
  }
}
