/** What clients see of an error: its message, code and field, or a masked message. */
import { GraphQLError } from 'graphql';
import { ClientError } from '../jobs/errors.ts';
import type { ErrorCode } from './error-codes.ts';

/** An error that is about no field of the input. */
export const codedError = (
  code: ErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): GraphQLError => new GraphQLError(message, { extensions: { code, ...details } });

export const UNAUTHENTICATED = 'authorization: expected "Bearer <token>" with a token of this server';

/** The request had no token that is valid. */
export const unauthenticated = (): GraphQLError => codedError('UNAUTHENTICATED', UNAUTHENTICATED);

/**
 * For what is under way when its caller is no longer accepted.
 *
 * @param why a clause, such as `the token was revoked`
 */
export const noLongerAuthenticated = (why: string): GraphQLError =>
  codedError('UNAUTHENTICATED', `authorization: ${why}`);

/** Receives an error that no client may see, with the id under which an operator finds it in the log. */
export type Report = (error: unknown, id: string) => void;

/**
 * The error that a client sees: its own mistakes unchanged, with their code. Everything else is masked, and its details
 * go to `report`.
 */
export const presentError = (error: unknown, report: Report): GraphQLError => {
  const original = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  if (original instanceof ClientError) {
    const { message, code, field, details } = original;
    return located(
      error,
      message,
      field === undefined ? { code, ...details } : { code, field, faults: faultsOf(original) },
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

/** Adds the code of the phase in which it occurred to an error of graphql-js, which sets none. */
export const withCode = (error: GraphQLError, code: ErrorCode): GraphQLError =>
  error.extensions['code'] === undefined
    ? located(error, error.message, { ...error.extensions, code })
    : error;

/**
 * Whether an error that graphql-js itself raised during execution is the caller's mistake. Errors from before the first
 * resolver are about variables and have no path yet; of later ones, only those about an argument are the caller's.
 */
const isCallersMistake = ({ path, message }: GraphQLError): boolean =>
  path === undefined || message.startsWith('Argument "');

type Extensions = Readonly<Record<string, unknown>> & { readonly code: ErrorCode };

/** Keeps the location in the document and the path in the response that an error belongs to. */
const located = (error: unknown, message: string, extensions: Extensions): GraphQLError => {
  if (!(error instanceof GraphQLError)) return new GraphQLError(message, { extensions });
  const { nodes = null, source = null, positions = null, path = null } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
};
