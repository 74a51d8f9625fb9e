/** What clients see of an error: its message, code and field, or a masked message. */
import { GraphQLError } from 'graphql';
import { ClientError } from '../jobs/errors.ts';
import type { ErrorCode } from './error-codes.ts';

/** An error that is about no field of the input. */
export const codedError = (code: ErrorCode, message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code } });

export const UNAUTHENTICATED = 'authorization: expected "Bearer <token>" with a token of this server';

export const unauthenticated = (): GraphQLError => codedError('UNAUTHENTICATED', UNAUTHENTICATED);

/** Takes an error that no client may see, and the id by which a person can find it again. */
export type Report = (error: unknown, id: string) => void;

/**
 * The error that a client sees: its own mistakes as they are, with their code; everything else without a word
 * of what went wrong inside, which is for `report`.
 */
export const presentError = (error: unknown, report: Report): GraphQLError => {
  const original = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  if (original instanceof ClientError) {
    const { message, code, field } = original;
    return located(
      error,
      message,
      field === undefined ? { code } : { code, field, faults: faultsOf(original) },
    );
  }
  if (error instanceof GraphQLError && original instanceof GraphQLError) {
    if (error.extensions['code'] !== undefined) return error;
    if (isCallersMistake(error)) return withCode(error, 'BAD_USER_INPUT');
  }
  const requestId = crypto.randomUUID();
  report(original, requestId);
  return located(error, 'Unexpected error.', { code: 'INTERNAL_SERVER_ERROR', requestId });
};

const faultsOf = ({ faults }: ClientError): readonly object[] =>
  faults.map(({ code, field, message }) => ({ code, field, message }));

/** An error of graphql-js, which gives its own no code, with the code of the phase that found it. */
export const withCode = (error: GraphQLError, code: ErrorCode): GraphQLError =>
  error.extensions['code'] === undefined
    ? located(error, error.message, { ...error.extensions, code })
    : error;

/**
 * Of the errors that graphql-js itself makes while it executes: those from before the first resolver are about
 * variables, and have no path yet; later, only those about an argument are not the resolver's fault.
 */
const isCallersMistake = ({ path, message }: GraphQLError): boolean =>
  path === undefined || message.startsWith('Argument "');

type Extensions = Readonly<Record<string, unknown>> & { readonly code: ErrorCode };

/** Keeps the place in the document and in the answer to which an error belongs. */
const located = (error: unknown, message: string, extensions: Extensions): GraphQLError => {
  if (!(error instanceof GraphQLError)) return new GraphQLError(message, { extensions });
  const { nodes = null, source = null, positions = null, path = null } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
};
