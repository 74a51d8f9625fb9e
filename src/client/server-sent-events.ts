/** Subscriptions over server-sent events: the distinct connections mode of the graphql-sse protocol. */

import type { IncomingMessage } from 'node:http';
import { type Connection, placeOf } from './connection.ts';
import { CliError, ConnectionLost, unreachable } from './errors.ts';
import type { TypedDocumentString } from './generated/operations.ts';
import { openAnswer, readAnswer, serverError } from './request.ts';

/** Milliseconds without a byte after which the server is given up; it sends a comment at least every 12 s. */
const SILENCE_MS = 45_000;

/**
 * One subscription over a request of its own. Pulled: nothing is read while the caller is busy.
 *
 * @throws ConnectionLost when the stream breaks off, ServerError for what the server refuses
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
      // With something left to read it is the caller who takes the time.
      if (response.readableLength === 0) response.destroy(new Error('the server has gone silent'));
    });
    for await (const { event, data } of events(connection, response)) {
      if (event === 'complete') return;
      if (event !== 'next') continue;
      // The document was checked against the schema when its types were generated from it.
      const message = JSON.parse(data) as { readonly data?: Result; readonly errors?: readonly unknown[] };
      if (message.errors !== undefined) throw serverError(connection, message.errors);
      if (message.data != null) yield message.data;
    }
    throw new ConnectionLost('the server ended the stream without completing it', true);
  } finally {
    response.destroy();
  }
}

interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/** The events of a stream (WHATWG HTML, 9.2.6), as far as this protocol has them: `event` and `data` fields. */
async function* events(
  connection: Connection,
  response: IncomingMessage,
): AsyncGenerator<StreamEvent, void, void> {
  let text = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) {
      const blocks = (text + chunk).split(/\r?\n\r?\n/);
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = block.split(/\r?\n/).map((line) => /^(event|data)(?:: ?(.*))?$/s.exec(line));
        const values = (name: string): string[] =>
          fields.filter((field) => field?.[1] === name).map((field) => field?.[2] ?? '');
        yield { event: values('event').at(-1) ?? '', data: values('data').join('\n') };
      }
    }
  } catch (error) {
    throw unreachable(placeOf(connection), error, true);
  }
}
