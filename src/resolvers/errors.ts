import { GraphQLError } from 'graphql';
import { ClientError } from '../jobs/errors.ts';

export const unauthenticated = (): GraphQLError =>
  new GraphQLError('authorization: expected "Bearer <token>" with a token of this server', {
    extensions: { code: 'UNAUTHENTICATED' },
  });

/**
 * The error that a client sees: its own mistakes as they are, with their code; everything else without a word
 * of what went wrong inside, which is for `report`.
 *
 * @param report takes the error and the id by which a person can find it again
 */
export const presentError = (error: unknown, report: (error: unknown, id: string) => void): Error => {
  const original = error instanceof GraphQLError ? error.originalError : error;
  if (original instanceof ClientError) {
    const { message, code, field } = original;
    return located(error, message, field === undefined ? { code } : { code, field });
  }
  if (error instanceof GraphQLError && (original === undefined || original instanceof GraphQLError))
    return withCode(error);
  const requestId = crypto.randomUUID();
  report(original, requestId);
  return located(error, 'Unexpected error.', { code: 'INTERNAL_SERVER_ERROR', requestId });
};

const located = (error: unknown, message: string, extensions: Record<string, unknown>): GraphQLError =>
  error instanceof GraphQLError
    ? new GraphQLError(message, { ...place(error), extensions })
    : new GraphQLError(message, { extensions });

/** graphql-js gives its own errors no code. */
const withCode = (error: GraphQLError): GraphQLError => {
  if (error.extensions['code'] !== undefined) return error;
  const code = error.message.startsWith('Variable "$')
    ? 'BAD_USER_INPUT'
    : error.message.startsWith('Syntax Error')
      ? 'GRAPHQL_PARSE_FAILED'
      : 'GRAPHQL_VALIDATION_FAILED';
  return new GraphQLError(error.message, { ...place(error), extensions: { ...error.extensions, code } });
};

/** Where in the document and in the answer an error belongs. */
const place = ({ nodes, source, positions, path }: GraphQLError) => ({
  nodes: nodes ?? null,
  source: source ?? null,
  positions: positions ?? null,
  path: path ?? null,
});
