/** Streams of the command line that resume when their connection is lost. */

import { reopening } from '../client-api/resume.js';
import type { Connection } from './connection.ts';

/**
 * Reopens a stream whenever its connection is lost, after the delays of the connection, which start over after an item.
 * A server that was never reached is not waited for.
 *
 * @param open must continue after the last item that it returned
 * @param reached the server has answered before
 */
export const reconnecting = <T>(
  connection: Connection,
  open: () => AsyncIterable<T>,
  reached = false,
): AsyncGenerator<T, void, void> => reopening(open, { delaysMs: connection.retryDelays, reached });
