/** Every code that `extensions.code` of an error can be, whether a resolver or the transport reports it. */
import { JOB_ERROR_CODES } from '../jobs/error-codes.ts';

export const ERROR_CODES = {
  ...JOB_ERROR_CODES,
  ANSWER_TOO_LARGE:
    'The answer would hold more than 8 MiB of logs, commands and environments, or 2 MiB over WebSocket or SSE. Ask for fewer jobs at once or for smaller pages of log.',
  BAD_REQUEST:
    'The HTTP request is not a GraphQL request: no JSON, no query, several operations in one, or a wrong method.',
  DOCUMENT_TOO_LARGE:
    'The document is too long, or has too many or too deeply nested fields, or too many aliases. Pass long values as variables.',
  GRAPHQL_PARSE_FAILED: 'The document is not valid GraphQL syntax, or has more than 2000 tokens.',
  GRAPHQL_VALIDATION_FAILED: 'The document does not fit the schema.',
  INTERNAL_SERVER_ERROR:
    'A fault of the server. The details are in its log, under the id in `extensions.requestId`.',
  NOT_ACCEPTABLE:
    'None of the media types that the request accepts can carry the answer to this operation. Subscriptions need text/event-stream.',
  OPERATION_TOO_EXPENSIVE:
    'The operation may cost more than is allowed; `extensions.cost` has the numbers. Ask for fewer jobs at once, or for less of each.',
  OPERATION_RESOLUTION_FAILURE: 'The document has several operations, and `operationName` selects none.',
  REQUEST_ENTITY_TOO_LARGE:
    'The body of the HTTP request has more than 16 MiB, 110,000 elements of lists and fields of objects, or 12,000 objects.',
  SHUTTING_DOWN: 'The server is shutting down. Try again, or connect again.',
  TOO_MANY_BYTES:
    'What clients have sent and is not done yet takes all the memory there is for it, and the caller has sent most. Try again after `retryAfterMs`.',
  TOO_MANY_CONNECTIONS: 'Too many connections of one caller at once. Close some, or reuse them.',
  TOO_MANY_SUBSCRIPTIONS:
    'Too many subscriptions at the same time: of one caller, on this server, or too many operations on one WebSocket connection (100).',
  UNAUTHENTICATED:
    'The request carries no token, or one that this server does not know, that was revoked or has expired.',
  UNSUPPORTED_MEDIA_TYPE: 'The content type of the HTTP request is not application/json.',
} as const;

/** A value of the enum `ErrorCode` of the schema. */
export type ErrorCode = keyof typeof ERROR_CODES;
