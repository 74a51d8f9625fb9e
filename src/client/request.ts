/** Queries and mutations over HTTP. */

import type { IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import { type Connection, placeOf, tokenOf, USER_AGENT } from './connection.ts';
import { CliError, ServerError, unreachable } from './errors.ts';
import { namingFlag } from './field-flags.ts';
import type { TypedDocumentString } from './generated/operations.ts';
import { inert } from './inert.ts';

/**
 * Sends one query or mutation and waits for its answer, however long it takes: `stopJob` returns when the job has
 * ended. (That is why this is not `fetch`, which gives up after five minutes without a header, and takes 20 ms longer
 * to start.)
 *
 * @throws ConnectionLost when the server cannot be reached, ServerError for what it refuses
 */
export const request = async <Result, Variables>(
  connection: Connection,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> => {
  const { data, errors } = await execute(connection, document, variables);
  if (errors !== undefined) throw serverError(connection, errors);
  // The document was checked against the schema when its types were generated from it.
  return data as Result;
};

const ACCEPT = 'application/graphql-response+json, application/json';

/**
 * As `request`, but returns the whole answer, errors included.
 *
 * @throws ConnectionLost when the server cannot be reached, CliError when the answer is not GraphQL
 */
export const execute = async <Result, Variables>(
  connection: Connection,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<{ readonly data: unknown; readonly errors: readonly unknown[] | undefined }> =>
  readAnswer(connection, await openAnswer(connection, { query: document.toString(), variables }, ACCEPT));

/**
 * Joins the errors of an answer into the one error that a person is shown.
 *
 * @param withFlags show the flag of a field instead of its path in the document
 */
export const serverError = (
  connection: Connection,
  errors: readonly unknown[],
  withFlags = true,
): ServerError => {
  const presented = errors.map((error) => {
    const { message, extensions } = fields(error);
    const { code, field } = fields(extensions);
    const text = String(message ?? 'no message');
    return {
      message: inert(withFlags && typeof field === 'string' ? namingFlag(text, field) : text),
      code,
      field,
    };
  });
  const { code, field } = presented[0] ?? {};
  const message = presented.map((error) => error.message).join('; ') || 'the server failed without a message';
  const note = code === 'UNAUTHENTICATED' ? `: ${connection.tokenNote}` : '';
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return new ServerError(message + note, text(code), text(field));
};

interface Answer {
  readonly status: string;
  readonly body: string;
}

/**
 * Sends a document in a POST request.
 *
 * @param accept the media types of the answer
 * @returns the answer as soon as it begins
 * @throws ConnectionLost when the server cannot be reached
 */
export const openAnswer = async (
  connection: Connection,
  payload: { readonly query: string; readonly variables: unknown },
  accept: string,
): Promise<IncomingMessage> => {
  const { url, socketPath } = connection;
  await connection.verifyServer?.();
  const token = await tokenOf(connection);
  const http = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const body = JSON.stringify(payload);
  const options: RequestOptions = {
    method: 'POST',
    agent: false,
    ...(await connection.readTls?.()),
    ...(socketPath !== undefined && { socketPath }),
    headers: {
      'user-agent': USER_AGENT,
      accept,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  };
  try {
    return await new Promise<IncomingMessage>((resolve, reject) => {
      http.request(url, options, resolve).on('error', reject).end(body);
    });
  } catch (error) {
    throw unreachable(placeOf(connection), error, false);
  }
};

/**
 * Reads an answer that is one JSON document.
 *
 * @throws CliError when it is not GraphQL, ConnectionLost when the connection breaks
 */
export const readAnswer = async (
  connection: Connection,
  response: IncomingMessage,
): Promise<{ readonly data: unknown; readonly errors: readonly unknown[] | undefined }> => {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return parse(connection, {
      status: `${response.statusCode} ${inert(response.statusMessage ?? '')}`.trim(),
      body: Buffer.concat(chunks).toString('utf8'),
    });
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw unreachable(placeOf(connection), error, false);
  }
};

const parse = (
  connection: Connection,
  { status, body }: Answer,
): { data: unknown; errors: readonly unknown[] | undefined } => {
  const { data, errors } = fields(json(body));
  if (Array.isArray(errors)) return { data, errors };
  if (typeof data === 'object' && data !== null) return { data, errors: undefined };
  throw new CliError(`${placeOf(connection)} answered "${status}", and not with GraphQL. Is --url right?`);
};

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const fields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {};
