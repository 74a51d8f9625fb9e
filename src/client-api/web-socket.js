/** `cloister/client/web-socket`: subscriptions over WebSocket (graphql-transport-ws), with the package graphql-ws. */

import { createClient } from 'graphql-ws/client';
import { ConnectionLost, errorOf } from './errors.js';

/** Milliseconds between two pings, and how long the server may take to answer one. */
export const HEARTBEAT_MS = 15_000;

/**
 * What is said of a connection that ended, and of what the server refused.
 *
 * @typedef {object} Words
 * @property {(errors: readonly any[]) => Error} refused the errors of an answer
 * @property {(event: unknown, established: boolean) => Error} failed an error of the socket
 * @property {(event: unknown, established: boolean, known: boolean) => Error} closed the close of the socket; `known`: the
 *   server had accepted us before
 */

/**
 * @typedef {object} Endpoint
 * @property {string} url of HTTP or WebSocket
 * @property {string | undefined} token
 * @property {unknown} webSocketImpl
 * @property {AbortSignal | undefined} [signal]
 * @property {string | undefined} [operationName]
 * @property {Words} words
 */

/**
 * One subscription over one connection of its own, which it closes at the end. Pulled where the socket can be paused
 * (`ws`; not in browsers): while the caller is busy with an item nothing is read from it, so that a slow caller slows
 * the server down and nobody's memory fills.
 *
 * @param {Endpoint} endpoint
 * @param {string} document
 * @param {object} variables
 * @returns {AsyncGenerator<any, void, void>}
 * @throws what `words` say
 */
export async function* subscribeOnSocket(
  { url, token, webSocketImpl, signal, operationName, words },
  document,
  variables,
) {
  /** @type {unknown[]} */
  const queue = [];
  /** @type {{ readonly error: unknown } | undefined} */
  let end;
  let wake = Promise.withResolvers();
  /** @type {any} */
  let socket;
  // The server has accepted the socket; it may still turn us away before we have signed in, by a time-out for one.
  let established = false;
  let known = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let overdue;

  /** @param {unknown} [error] */
  const finish = (error) => {
    end ??= { error };
    clearTimeout(overdue);
    wake.resolve(undefined);
  };

  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl,
    connectionParams: token === undefined ? {} : { authorization: `Bearer ${token}` },
    connectionAckWaitTimeout: HEARTBEAT_MS,
    // It would subscribe again with the same variables, which is to say from the old cursor.
    retryAttempts: 0,
    keepAlive: HEARTBEAT_MS,
    on: {
      opened: (opened) => {
        established = true;
        socket = opened;
      },
      connected: () => {
        known = true;
      },
      message: ({ type }) => {
        if (type === 'complete') finish();
      },
      ping: (received) => {
        // A paused socket does not hear the answer.
        if (!received) overdue = setTimeout(() => socket?.isPaused || client.terminate(), HEARTBEAT_MS);
      },
      pong: () => clearTimeout(overdue),
      error: (error) => finish(words.failed(error, established)),
      closed: (event) => {
        finish(words.closed(event, established, known));
        // Without this the client subscribes again by itself after a close with code 1000.
        unsubscribe();
      },
    },
  });
  const unsubscribe = client.subscribe(
    { query: document, variables: { ...variables }, ...(operationName !== undefined && { operationName }) },
    {
      next: ({ data, errors }) => {
        if (errors !== undefined) finish(words.refused(errors));
        else if (data) queue.push(data);
        socket?.pause?.();
        wake.resolve(undefined);
      },
      error: (error) => {
        finish(Array.isArray(error) ? words.refused(error) : words.failed(error, established));
      },
      complete: () => finish(),
    },
  );
  const stop = () => finish(signal?.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });

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
        socket?.resume?.();
        await wake.promise;
      }
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    finish();
    unsubscribe();
    // The closing handshake needs the socket to be read.
    socket?.resume?.();
  }
}

/**
 * Whether a client whose connection was closed with this code would make the same mistake again: the codes of the
 * protocol, except the time-outs 4408 and 4499, and 4403 once the server had accepted us: the token was revoked or has
 * expired since, and there may be a new one.
 *
 * @param {number} code
 * @param {boolean} known
 */
export const isFinalClose = (code, known) =>
  code >= 4400 && code <= 4500 && code !== 4408 && code !== 4499 && !(code === 4403 && known);

/** @type {Words} */
const WORDS = {
  refused: errorOf,
  failed: (event, established) => {
    const { error = event, message } = /** @type {any} */ (event) ?? {};
    const reason = message || (error instanceof Error ? error.message : 'the connection failed');
    return new ConnectionLost(`cannot reach the server: ${reason}`, established, { cause: error });
  },
  closed: (event, established, known) => {
    const { code = 1006, reason } = /** @type {any} */ (event) ?? {};
    const message = `the server closed the connection: ${reason || 'no reason given'} (${code})`;
    return isFinalClose(code, known) ? new Error(message) : new ConnectionLost(message, established);
  },
};

/** @type {typeof import('./types.d.ts').overWebSocket} */
export const overWebSocket =
  (webSocketImpl = globalThis.WebSocket) =>
  ({ url, token, signal, operationName }, document, variables) =>
    subscribeOnSocket(
      { url, token, signal, operationName, webSocketImpl, words: WORDS },
      document,
      variables,
    );
