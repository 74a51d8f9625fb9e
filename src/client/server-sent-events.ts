/** Subscriptions over server-sent events: the distinct connections mode of the graphql-sse protocol. */

import type { IncomingMessage } from 'node:http';
import { eventsOf } from '../client-api/event-stream.js';
import { type Connection, placeOf } from './connection.ts';
import { CliError, ConnectionLost, unreachable } from './errors.ts';
import type { TypedDocumentString } from './generated/operations.ts';
import { openAnswer, readAnswer, serverError } from './request.ts';

/** Milliseconds without a byte after which the connection counts as lost; the server sends a comment every 12 s. */
const SILENCE_MS = 45_000;

/**
 * One subscription over a request of its own. Pulled: nothing is read while the caller is busy.
 *
 * @throws ConnectionLost when the connection breaks, ServerError for what the server refuses
 */
export async function* subscribeByEvents<Result, Variables extends Record<string, unknown>>(
  connection: Connection,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): AsyncGenerator<Result, void, void> {
  const payload = { query: document.toString(), variables };
  const response = await openAnswer(connection, payload, 'text/event-stream, application/json;q=0.5');
  try {
    if (!/^text\/event-stream\b/i.test(response.headers['content-type'] ?? '')) {
      const { errors } = await readAnswer(connection, response);
      if (errors !== undefined) throw serverError(connection, errors);
      throw new CliError(`${placeOf(connection)} answered a subscription with a single result`);
    }
    response.setTimeout(SILENCE_MS, () => {
      // While there is something left to read, the caller is slow, not the server.
      if (response.readableLength === 0) response.destroy(new Error('the server has gone silent'));
    });
    for await (const { event, data } of eventsOf(chunks(connection, response))) {
      if (event === 'complete') return;
      if (event !== 'next') continue;
      // The document was checked against the schema when its types were generated from it.
      const message = JSON.parse(data) as { readonly data?: Result; readonly errors?: readonly unknown[] };
      if (message.errors !== undefined) throw errorWithin(connection, message.errors);
      if (message.data != null) yield message.data;
    }
    throw new ConnectionLost('the server ended the stream without completing it', true);
  } finally {
    response.destroy();
  }
}

/** An error of a stream that has begun: there may be a new token since the old one was revoked or has expired. */
const errorWithin = (connection: Connection, errors: readonly unknown[]): Error => {
  const error = serverError(connection, errors);
  return error.code === 'UNAUTHENTICATED' ? new ConnectionLost(error.message, true) : error;
};

/** The body of a response as text. */
async function* chunks(
  connection: Connection,
  response: IncomingMessage,
): AsyncGenerator<string, void, void> {
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) yield chunk;
  } catch (error) {
    throw unreachable(placeOf(connection), error, true);
  }
}
