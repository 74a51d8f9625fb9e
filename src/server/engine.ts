/** The GraphQL engine that all transports share. */

import { type ExecutionResult, GraphQLError, parse, type Source } from 'graphql';
import {
  createYoga,
  isAsyncIterable,
  type Plugin,
  type YogaInitialContext,
  type YogaServerInstance,
} from 'graphql-yoga';
import type { ArtifactLinks } from '../access/artifact-links.ts';
import type { Audit, AuditSource } from '../access/audit.ts';
import { auditedImages, auditedJobs, auditedQuotas, auditedTokens } from '../access/audited.ts';
import type { AuthorizedFiles } from '../access/authorized-files.ts';
import { AuthorizedImages } from '../access/authorized-images.ts';
import { AuthorizedJobs } from '../access/authorized-jobs.ts';
import type { Quotas } from '../access/quotas.ts';
import type { Shares } from '../access/shares.ts';
import type { Tokens } from '../access/tokens.ts';
import type { ImageService } from '../jobs/images.ts';
import type { Identity, JobService } from '../jobs/service.ts';
import type { Log } from '../log.ts';
import { ANSWER_BYTES, AnswerBudget } from '../resolvers/answer-budget.ts';
import type { Context, Counts } from '../resolvers/context.ts';
import { presentError, withCode } from '../resolvers/errors.ts';
import { schema } from '../resolvers/schema.ts';
import { useCostLimit } from './cost-limit.ts';
import { DocumentCache, NO_CACHE } from './document-cache.ts';
import { checkText, DOCUMENT_LIMITS, documentLimits } from './document-limits.ts';
import { useHotQueries } from './hot-queries.ts';
import { useHotSubscriptions } from './hot-subscriptions.ts';
import { answerBudget, useLargeAnswers } from './large-answers.ts';
import { accepts, listed, mediaRanges, STREAM } from './media-types.ts';
import { Observer, type TraceHeaders } from './observer.ts';
import { useRequestBody } from './request-body.ts';
import { useRetryAfter } from './retry-after.ts';
import { guardStream } from './stream.ts';
import { STREAM_LIMITS, Streams } from './streams.ts';
import type { Hold } from './unread.ts';

/** What resolvers need to know from the transport. */
export interface Caller {
  readonly identity: Identity | null;
  /** Where the caller reaches the server, without a slash at its end. */
  readonly baseUrl: string;
  /** Aborted when the answer was sent or its client has gone. */
  readonly over: AbortSignal;
  /** Aborted, with a clause that says why, when the caller is no longer accepted. */
  readonly ended: AbortSignal;
  /** `Unread.hold` of the connection, where answers are made while they are sent. */
  readonly hold?: Hold;
  /** The id of the request in the log and in the response. */
  readonly requestId?: string;
  /** Where the request came from. */
  readonly source?: AuditSource;
  /** The trace that the request is part of. */
  readonly trace?: TraceHeaders;
  /** The answer is one result in JSON over HTTP, to a request that the engine has not seen. */
  readonly isJson?: true;
  /** Events of subscriptions may be texts (`textOf`). */
  readonly takesTexts?: true;
  /** The result of an operation that was executed already, or a promise of it. */
  readonly made?: unknown;
}

/** The GraphQL engine: it executes operations, whatever they came over. */
export type Engine = YogaServerInstance<Caller, Context>;

/** What the engine answers from, and its limits. */
export interface EngineOptions {
  readonly jobs: JobService;
  readonly images: ImageService;
  readonly artifactLinks: ArtifactLinks;
  readonly files: AuthorizedFiles;
  readonly tokens: Tokens;
  readonly quotas: Quotas;
  readonly audit: Audit;
  readonly shares: Shares;
  readonly log: Log;
  /** Counts the subscriptions. Default: bounded by `STREAM_LIMITS`. */
  readonly streams?: Streams;
  /** Of each subject. Default: nobody is counted. */
  readonly connections?: Counts;
  /** Sees every operation. Default: one that only logs. */
  readonly observer?: Observer;
  /** Keeps the documents that were parsed. Default: one of its own. */
  readonly documents?: DocumentCache;
}

/** Bytes of a request body. Large enough that a command of 10 MB is refused with an error that names the field. */
export const LARGEST_BODY_BYTES = 16 * 1024 * 1024;

/**
 * The GraphQL engine: parses, validates, executes, the same for every transport; answers over HTTP and SSE.
 * Authentication and the checks of Host and Origin come before.
 */
export const createEngine = ({
  jobs,
  images,
  artifactLinks,
  files,
  tokens,
  quotas,
  audit,
  shares,
  log,
  streams = new Streams(STREAM_LIMITS),
  connections = { of: () => 0, subjects: () => [] },
  observer = new Observer({ log, slowMs: null }),
  documents = new DocumentCache(),
}: EngineOptions): Engine => {
  const present = (error: unknown): GraphQLError =>
    presentError(withBound(error), (cause, id) => {
      const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
      log(`request ${id}: ${text}`, { level: 'error', code: 'INTERNAL_SERVER_ERROR', errorId: id });
    });
  const authorized = {
    jobs: auditedJobs(new AuthorizedJobs(jobs, images, shares), audit),
    images: auditedImages(new AuthorizedImages(images), audit),
  };
  const observing = observer.plugins();
  const recorded = { tokens: auditedTokens(tokens, audit), quotas: auditedQuotas(quotas, audit) };
  return createYoga<Caller, Context>({
    schema,
    context: ({ identity, baseUrl, over, ended, source, request, isJson }) => ({
      identity: identity && source ? { ...identity, source } : identity,
      ...authorized,
      files,
      ...recorded,
      audit,
      open: { subscriptions: streams, connections },
      artifactLinks,
      baseUrl,
      over,
      ended,
      budget: isJson ? new AnswerBudget(ANSWER_BYTES) : answerBudget(request),
    }),
    graphqlEndpoint: '/graphql',
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    batching: false,
    parserAndValidationCache: {
      documentCache: documents,
      errorCache: NO_CACHE,
      validationCache: true,
    },
    maxRequestBodySize: LARGEST_BODY_BYTES,
    logging: false,
    maskedErrors: { maskError: present },
    plugins: [
      observing.before,
      useRetryAfter(),
      useRequestBody(),
      useDocumentLimits(documents),
      observing.after,
      useMadeResults(),
      useHotQueries(),
      useHotSubscriptions(),
      useCostLimit(),
      useLargeAnswers(),
      useGuardedStreams(streams, present),
    ],
  });
};

/** Answers with results that were made outside of the engine. */
const useMadeResults = (): Plugin<Caller & YogaInitialContext> => ({
  onParams({ context, setParamsHandler }) {
    const { made } = context as Partial<Caller>;
    if (made !== undefined) setParamsHandler(async () => made as ExecutionResult);
  },
});

/** The engine's own error for a body that is too large does not name the limit. */
const withBound = (error: unknown): unknown =>
  error instanceof GraphQLError &&
  error.extensions['code'] === 'REQUEST_ENTITY_TOO_LARGE' &&
  !error.message.startsWith('body: ')
    ? new GraphQLError(`body: expected at most ${LARGEST_BODY_BYTES} bytes`, { extensions: error.extensions })
    : error;

const useDocumentLimits = (documents: DocumentCache): Plugin => ({
  onParse({ setParseFn }) {
    setParseFn((source: string | Source, options) => {
      checkText(typeof source === 'string' ? source : source.body);
      return parse(source, { ...options, maxTokens: DOCUMENT_LIMITS.tokens });
    });
    return ({ result, replaceParseResult }) => {
      if (result instanceof GraphQLError) replaceParseResult(withCode(result, 'GRAPHQL_PARSE_FAILED'));
    };
  },
  onValidate({ addValidationRule, params: { documentAST } }) {
    addValidationRule(documentLimits);
    return ({ valid, result, setResult }) => {
      if (valid) documents.approve(documentAST);
      else setResult(result.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED')));
    };
  },
});

const useGuardedStreams = (
  streams: Streams,
  present: (error: unknown) => GraphQLError,
): Plugin<Caller & YogaInitialContext> => ({
  onSubscribe: ({ args, setResultAndStopExecution }) => {
    const { request, identity, over, ended }: Partial<Caller & YogaInitialContext> = args.contextValue;
    const ranges = mediaRanges(request?.headers.get('accept'));
    // A response with a single result cannot carry a stream: no source may be opened that nothing would read or close.
    if (!accepts(ranges, STREAM)) return setResultAndStopExecution({ errors: [notAcceptable(ranges)] });
    const subject = identity?.subject ?? '';
    const refusal = streams.refusal(subject);
    if (refusal !== undefined) return setResultAndStopExecution({ errors: [refusal] });
    return {
      onSubscribeResult({ result, setResult }) {
        if (!isAsyncIterable(result)) return;
        const closed = streams.open(subject);
        // A WebSocket is closed instead.
        setResult(guardStream(result, { present, closed, over, ended: request && ended }));
      },
    };
  },
  onResponse({ response }) {
    const { headers } = response;
    if (!STREAM.includes(headers.get('content-type') ?? '')) return;
    // Otherwise a proxy delays a stream until its buffer is full (nginx: proxy_buffering).
    headers.set('X-Accel-Buffering', 'no');
    // Node.js knows: a stream to a client of HTTP/1.0 ends with its connection.
    headers.delete('Connection');
  },
});

const notAcceptable = (ranges: readonly string[]): GraphQLError =>
  new GraphQLError(`accept: expected ${listed(STREAM)} for a subscription, got ${ranges.join(', ')}`, {
    extensions: { code: 'NOT_ACCEPTABLE', http: { status: 406 } },
  });
