import { GraphQLError, parse } from 'graphql';
import { createYoga, isAsyncIterable, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Identity, JobService } from '../jobs/service.ts';
import type { Context } from '../resolvers/context.ts';
import { presentError, withCode } from '../resolvers/errors.ts';
import { schema } from '../resolvers/schema.ts';
import { DOCUMENT_LIMITS, documentLimits } from './document-limits.ts';
import { guardStream } from './stream.ts';

/** What the transport knows and resolvers need. */
export interface Caller {
  readonly identity: Identity | null;
}

export type Engine = YogaServerInstance<Caller, Context>;

export interface EngineOptions {
  readonly jobs: JobService;
  readonly log: (line: string) => void;
}

/** Bytes of a request's body. A command of 10 MB, far too long, is to be refused by name and not by size. */
export const LARGEST_BODY = 16 * 1024 * 1024;

/**
 * The GraphQL engine: parses, validates, executes, the same for every transport; answers over HTTP and SSE.
 * Who may ask, and from where, is decided before.
 */
export const createEngine = ({ jobs, log }: EngineOptions): Engine => {
  const present = (error: unknown): GraphQLError =>
    presentError(error, (cause, id) => {
      const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
      log(`request ${id}: ${text}`);
    });
  return createYoga<Caller, Context>({
    schema,
    context: ({ identity }) => ({ identity, jobs }),
    graphqlEndpoint: '/graphql',
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: LARGEST_BODY,
    logging: false,
    maskedErrors: { maskError: present },
    plugins: [useDocumentLimits(), useGuardedStreams(present)],
  });
};

const useDocumentLimits = (): Plugin => ({
  onParse({ setParseFn }) {
    setParseFn((source, options) => parse(source, { ...options, maxTokens: DOCUMENT_LIMITS.tokens }));
    return ({ result, replaceParseResult }) => {
      if (result instanceof GraphQLError) replaceParseResult(withCode(result, 'GRAPHQL_PARSE_FAILED'));
    };
  },
  onValidate({ addValidationRule }) {
    addValidationRule(documentLimits);
    return ({ valid, result, setResult }) => {
      if (!valid) setResult(result.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED')));
    };
  },
});

const useGuardedStreams = (present: (error: unknown) => GraphQLError): Plugin => ({
  onSubscribe: ({ args }) => {
    // Of an HTTP request; graphql-ws looks after its own clients.
    const request: Request | undefined = args.contextValue.request;
    return {
      onSubscribeResult({ result, setResult }) {
        if (isAsyncIterable(result)) setResult(guardStream(result, present, request?.signal));
      },
    };
  },
});
