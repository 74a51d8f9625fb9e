/** Requests for what GraphQL does not carry: archives, files and artifacts. */

import type { ClientRequest } from 'node:http';
import type { RequestOptions } from 'node:https';
import { type Connection, placeOf, tokenOf, USER_AGENT } from './connection.ts';
import { CliError, ServerError } from './errors.ts';
import { inert } from './inert.ts';

/** What a server has answered. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Begins a request, with the token and the certificates of a connection.
 *
 * @param target relative to the API
 * @throws CliError when the listener must not receive the token
 */
export const openRequest = async (
  connection: Connection,
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<ClientRequest> => {
  const { url, socketPath } = connection;
  await connection.verifyServer?.();
  const token = await tokenOf(connection);
  const http = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const options: RequestOptions = {
    method,
    agent: false,
    ...(await connection.readTls?.()),
    ...(socketPath !== undefined && { socketPath }),
    headers: {
      'user-agent': USER_AGENT,
      ...headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  };
  return http.request(new URL(target, url), options);
};

/**
 * The content of a JSON answer.
 *
 * @throws ServerError for the error that it reports, CliError when it is not an answer of a Cloister server
 */
export const readAnswer = <T>(connection: Connection, { status, body }: Answer): T => {
  let answer: T & { errors?: { message: string; extensions?: { code?: string } }[] };
  try {
    answer = JSON.parse(body) as typeof answer;
  } catch {
    throw notOurs(connection, status);
  }
  const [error] = answer.errors ?? [];
  if (error === undefined) return answer;
  const { code } = error.extensions ?? {};
  const note = code === 'UNAUTHENTICATED' ? `: ${connection.tokenNote}` : '';
  throw new ServerError(inert(error.message) + note, code);
};

/** The error for an answer that does not come from a Cloister server. */
export const notOurs = (connection: Connection, status: number): CliError =>
  new CliError(`${placeOf(connection)} answered "${status}", and not as Cloister does. Is --url right?`);
