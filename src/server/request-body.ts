/** Parses the bodies of HTTP requests. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { GraphQLError } from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import { hasErrno } from '../errno.ts';
import type { ErrorCode } from '../resolvers/error-codes.ts';
import { excessValues } from './json-bounds.ts';

/** A body with more characters than this is parsed, and its operation started, in a separate turn of the event loop. */
const LARGE_CHARACTERS = 64 * 1024;

/** In place of the parsers of the engine, which would parse whatever comes. */
export const useRequestBody = (): Plugin => {
  let turn: Promise<void> = Promise.resolve();
  // The turn before it is for others: a new connection is accepted in one, and what it brings is read in the next.
  const ownTurn = (): Promise<void> => {
    turn = turn.then(() => nextTurn()).then(() => nextTurn());
    return turn;
  };
  return {
    onRequestParse({ request, setRequestParser }) {
      if (request.method !== 'POST') return;
      setRequestParser(async (given) => {
        const text = await textOf(given);
        if (text.length >= LARGE_CHARACTERS) await ownTurn();
        return parseBody(text);
      });
    },
  };
};

/** @throws GraphQLError `BAD_REQUEST` for a body that was cut off, which is no fault of the server */
const textOf = async (given: Request): Promise<string> => {
  try {
    return await given.text();
  } catch (error) {
    if (hasErrno(error, 'ECONNRESET'))
      throw refused('BAD_REQUEST', 400, 'body: expected all of it, but it was cut off');
    throw error;
  }
};

/** @throws GraphQLError `BAD_REQUEST` or `REQUEST_ENTITY_TOO_LARGE` */
const parseBody = (text: string): GraphQLParams => {
  const excess = excessValues(text);
  if (excess !== undefined) throw refused('REQUEST_ENTITY_TOO_LARGE', 413, `body: ${excess}`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw refused('BAD_REQUEST', 400, 'body: expected JSON');
  }
  // What it has to contain is checked by the engine.
  if (typeof body === 'object' && body !== null) return body;
  throw refused('BAD_REQUEST', 400, `body: expected an object, got ${JSON.stringify(body).slice(0, 100)}`);
};

const refused = (code: ErrorCode, status: number, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code, http: { status } } });
