/** Requests and subscriptions over HTTP: `fetch` and server-sent events (the distinct connections mode of graphql-sse). */

import { ConnectionLost, errorOf, errorWithin } from './errors.js';
import { eventsOf } from './event-stream.js';

/** @import { Transport, TransportRequest } from './types.d.ts' */

/** The server sends a comment every 12 s; after this many milliseconds of silence the connection counts as lost. */
const SILENCE_MS = 45_000;

/**
 * Sends a query or a mutation and returns its data.
 *
 * @param {TransportRequest} request
 * @param {string} document
 * @param {object} variables
 * @returns {Promise<unknown>}
 * @throws RequestRefused for what the server refuses, ConnectionLost when it cannot be reached
 */
export const request = async (request, document, variables) => {
  const accept = 'application/graphql-response+json, application/json';
  const { data, errors } = await answerOf(await post(request, accept, document, variables), request.signal);
  if (errors !== undefined) throw errorOf(errors);
  return data;
};

/**
 * Pulled: nothing is read from the connection while the caller is busy with an item, so that a slow reader slows the
 * server down.
 *
 * @type {Transport}
 */
export async function* overSse(request, document, variables) {
  const { signal } = request;
  const connection = new AbortController();
  const end = () => connection.abort(signal?.reason);
  signal?.addEventListener('abort', end, { once: true });
  try {
    const both = { ...request, signal: connection.signal };
    signal?.throwIfAborted();
    const response = await post(both, 'text/event-stream', document, variables);
    if (!isType(response, 'text/event-stream')) {
      const { errors } = await answerOf(response, signal);
      throw errors === undefined ? notGraphql(response) : errorOf(errors);
    }
    for await (const { event, data } of eventsOf(chunks(response, connection))) {
      if (event === 'complete') return;
      if (event !== 'next' || data === '') continue;
      const message = JSON.parse(data);
      if (message.errors !== undefined) throw errorWithin(message.errors);
      yield message.data;
    }
    throw new ConnectionLost('the server ended the stream', true);
  } finally {
    signal?.removeEventListener('abort', end);
    connection.abort();
  }
}

/** @type {(request: TransportRequest, accept: string, document: string, variables: object) => Promise<Response>} */
const post = async ({ url, token, fetch, signal, operationName }, accept, document, variables) => {
  try {
    return await fetch(url, {
      method: 'POST',
      headers: {
        accept,
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query: document, variables, operationName }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    throw lost(error, signal, false);
  }
};

/** @type {(response: Response, signal: AbortSignal | undefined) => Promise<{ data?: unknown, errors?: any[] }>} */
const answerOf = async (response, signal) => {
  const text = await response.text().catch((error) => {
    throw lost(error, signal, true);
  });
  try {
    const answer = JSON.parse(text);
    if (Array.isArray(answer.errors) || 'data' in answer) return answer;
  } catch {
    // Not ours: that of a proxy, say.
  }
  throw notGraphql(response);
};

/** @type {(response: Response) => Error} */
const notGraphql = ({ url, status, statusText }) => {
  const message = `${url} answered "${`${status} ${statusText}`.trim()}", and not with GraphQL`;
  // A proxy whose server is away (RFC 9110, section 15.6).
  return status >= 502 && status <= 504 ? new ConnectionLost(message, true) : new Error(message);
};

/** @type {(error: unknown, signal: AbortSignal | undefined, established: boolean) => unknown} */
const lost = (error, signal, established) => {
  if (signal?.aborted) return signal.reason;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConnectionLost(`cannot reach the server: ${reason}`, established, { cause: error });
};

/** @type {(response: Response, type: string) => boolean} */
const isType = ({ headers }, type) => (headers.get('content-type') ?? '').toLowerCase().startsWith(type);

/** @type {(response: Response, connection: AbortController) => AsyncGenerator<string, void, void>} */
async function* chunks({ body }, connection) {
  if (body === null) return;
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await chunk(reader, connection);
    if (done) return;
    yield value;
  }
}

/** @type {(reader: ReadableStreamDefaultReader<string>, connection: AbortController) => Promise<{ done: boolean, value?: any }>} */
const chunk = async (reader, connection) => {
  const silent = new ConnectionLost(`nothing came from the server for ${SILENCE_MS / 1000} s`, true);
  const timer = setTimeout(() => connection.abort(silent), SILENCE_MS);
  try {
    return await reader.read();
  } catch (error) {
    throw lost(error, connection.signal.aborted ? connection.signal : undefined, true);
  } finally {
    clearTimeout(timer);
  }
};
