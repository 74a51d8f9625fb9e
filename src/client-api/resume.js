/** Streams that resume where they were when their connection is lost. */

import { ConnectionLost } from './errors.js';

/** About a minute in milliseconds: time for a server to restart. */
export const RETRY_DELAYS_MS = [100, 200, 400, 800, 1600, 3000, ...Array.from({ length: 11 }, () => 5000)];

/**
 * @typedef {object} Patience
 * @property {readonly number[]} delaysMs milliseconds to wait before each further attempt
 * @property {boolean | undefined} [reached] the server has answered before
 * @property {AbortSignal | undefined} [signal] ends the wait
 */

/**
 * Reopens a stream whenever its connection is lost; after an item the delays start over. A server that was never reached
 * is not waited for.
 *
 * @template T
 * @param {() => AsyncIterable<T>} open continues after the last item it gave out
 * @param {Patience} patience
 * @returns {AsyncGenerator<T, void, void>}
 */
export async function* reopening(open, { delaysMs, reached = false, signal }) {
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
      const waitMs = delaysMs[failures];
      established ||= error instanceof ConnectionLost && error.established;
      if (!(error instanceof ConnectionLost) || !established || waitMs === undefined) throw error;
      failures += 1;
      await delay(waitMs, signal);
    }
  }
}

/**
 * @template T
 * @typedef {object} Stream
 * @property {(after: string | undefined) => AsyncIterable<T>} open begins after a cursor, or where the stream begins
 * @property {(item: T) => string} cursorOf
 * @property {(item: T) => boolean} isLast
 * @property {boolean} mayEnd the server may complete the stream before its last item
 */

/**
 * A stream with cursors, each item once and in order. A server that shuts down completes its subscriptions: where
 * nothing else explains it, the end of a stream is the loss of its connection.
 *
 * @template T
 * @param {Stream<T>} stream
 * @param {Patience} patience
 * @returns {AsyncGenerator<T, void, void>}
 */
export const resuming = ({ open, cursorOf, isLast, mayEnd }, patience) => {
  /** @type {string | undefined} */
  let after;
  return reopening(async function* () {
    for await (const item of open(after)) {
      after = cursorOf(item);
      yield item;
      if (isLast(item)) return;
    }
    if (!mayEnd) throw new ConnectionLost('the server ended the stream before its last item', true);
  }, patience);
};

/** @type {(ms: number, signal: AbortSignal | undefined) => Promise<void>} */
const delay = (ms, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
