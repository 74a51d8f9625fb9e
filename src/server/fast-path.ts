/**
 * Answers small requests in JSON without the Fetch API, whose requests and responses take longer to make than most
 * answers. A document is executed here only after the engine has parsed, checked and answered it before, and what is not a
 * plain answer is given to the engine: every refusal has one origin.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ExecutionResult, getOperationAST, OperationTypeNode } from 'graphql';
import type { GraphQLParams } from 'graphql-yoga';
import type { DocumentCache } from './document-cache.ts';
import type { Caller, Engine } from './engine.ts';
import { excessValues } from './json-bounds.ts';
import { accepts, JSON_ANSWERS } from './media-types.ts';
import { beginEarly, type SlowAnswerOptions, sendSlowly } from './slow-answer.ts';

/** Bytes of a body; those of consoles, of scripts and of the command line have a few thousand. */
const LARGEST_BYTES = 16 * 1024;

/** What the fast path answers requests with. */
export interface FastPathOptions extends SlowAnswerOptions {
  readonly engine: Engine;
  /** Documents that the engine has found valid. */
  readonly documents: DocumentCache;
  readonly caller: Caller;
  /** Called with why an answer could not be sent. */
  readonly failed: (error: Error) => void;
}

/** Whether a request may be answered here: it is small, has a known length, and asks for one result in JSON. */
export const isFast = ({ method, headers }: IncomingMessage, ranges: readonly string[]): boolean => {
  const length = Number(headers['content-length']);
  return (
    method === 'POST' &&
    length > 0 &&
    length <= LARGEST_BYTES &&
    headers['content-encoding'] === undefined &&
    accepts(ranges, JSON_ANSWERS)
  );
};

/** Reads a request for which `isFast` holds, and answers it. */
export const answerFast = (
  request: IncomingMessage,
  response: ServerResponse,
  options: FastPathOptions,
): void => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.once('end', () => {
    const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
    const operation = operationOf(body.toString(), options.documents);
    if (operation === undefined) answerAsBefore(request, response, body, options);
    else execute(operation, { request, response, body }, options);
  });
};

/** A request as its client sent it. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
}

interface Operation {
  readonly params: GraphQLParams;
  readonly document: ReturnType<DocumentCache['get']> & object;
}

/** What a body asks for; `undefined` of anything that is not known to be valid. */
const operationOf = (text: string, documents: DocumentCache): Operation | undefined => {
  if (excessValues(text) !== undefined) return undefined;
  let params: unknown;
  try {
    params = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isParams(params)) return undefined;
  const document = documents.valid(params.query);
  const operation = document && getOperationAST(document, params.operationName);
  return document && operation && operation.operation !== OperationTypeNode.SUBSCRIPTION
    ? { params, document }
    : undefined;
};

type Params = GraphQLParams & { readonly query: string };

/** Whether the engine would take this for a request, with no other parameters than those of GraphQL over HTTP. */
const isParams = (value: unknown): value is Params => {
  if (!isObject(value)) return false;
  for (const name in value) if (!PARAMETERS.includes(name)) return false;
  const { query, operationName = null, variables = null, extensions = null } = value;
  return (
    typeof query === 'string' &&
    (operationName === null || typeof operationName === 'string') &&
    (variables === null || isObject(variables)) &&
    (extensions === null || isObject(extensions))
  );
};

const PARAMETERS: readonly string[] = ['query', 'operationName', 'variables', 'extensions'];

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const execute = ({ params, document }: Operation, exchange: Exchange, options: FastPathOptions): void => {
  const { response } = exchange;
  const { engine, caller, ranges, failed } = options;
  const { schema, contextFactory, execute: run } = engine.getEnveloped({ ...caller, params, isJson: true });
  const made: unknown = run({
    schema,
    document,
    contextValue: contextFactory(),
    variableValues: params.variables,
    operationName: params.operationName,
  });
  if (!isPromise(made)) {
    send(made as Result, exchange, options);
    return;
  }
  const stop = beginEarly(response, { ranges, intervalMs: options.intervalMs });
  made
    .then(
      (result) => {
        stop();
        send(result as Result, exchange, options);
      },
      (error: unknown) => {
        stop();
        answerAsBefore(exchange.request, response, exchange.body, options, Promise.reject(error));
      },
    )
    .catch(failed);
};

/** A result, which a plugin may have given a way to write it. */
type Result = ExecutionResult & { readonly stringify?: unknown };

const isPromise = (value: unknown): value is Promise<unknown> => value instanceof Promise;

/** Sends a result with nothing but data; what else there is decides about status and headers, which the engine knows. */
const send = (result: Result, exchange: Exchange, options: FastPathOptions): void => {
  const { request, response, body } = exchange;
  if (
    result.errors !== undefined ||
    result.stringify !== undefined ||
    result.extensions?.['http'] !== undefined
  )
    answerAsBefore(request, response, body, options, result);
  // Otherwise it was refused meanwhile, or its client has gone.
  else if (!response.writableEnded && !response.destroyed) sendData(result, response, options.ranges);
};

const sendData = (result: Result, response: ServerResponse, ranges: readonly string[]): void => {
  const text = JSON.stringify(result);
  if (!response.headersSent)
    response.writeHead(200, {
      'Content-Type': `${jsonType(ranges)}; charset=utf-8`,
      'Content-Length': Buffer.byteLength(text),
    });
  response.end(text);
};

/** Chosen as the engine does: the type named by the first range that covers one, otherwise `application/json`. */
const jsonType = (ranges: readonly string[]): string => {
  const first = ranges.find((range) => accepts([range], JSON_ANSWERS)) ?? '';
  return JSON_ANSWERS.includes(first) ? first : 'application/json';
};

/**
 * Passes a request whose body was read already to the engine.
 *
 * @param made the result, if the operation was executed
 */
const answerAsBefore = (
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  { engine, caller, ranges, intervalMs, failed }: FastPathOptions,
  made?: unknown,
): void => {
  // The engine looks here for a body that was read before.
  Object.assign(request, { body });
  const answer = engine.handleNodeRequestAndResponse(
    request,
    response,
    made === undefined ? caller : { ...caller, made },
  );
  sendSlowly(answer, request, response, { ranges, intervalMs }).catch(failed);
};
