/** Sees every operation and every refused request: what the log says of them. */

import type { IncomingMessage } from 'node:http';
import {
  type ExecutionResult,
  type GraphQLError,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { isAsyncIterable, type Plugin, type YogaInitialContext } from 'graphql-yoga';
import type { AuditSource } from '../access/audit.ts';
import type { Identity } from '../jobs/service.ts';
import type { Log } from '../log.ts';
import type { ErrorCode } from '../resolvers/error-codes.ts';
import { presentError } from '../resolvers/errors.ts';
import { limitedLog } from './limited-log.ts';

/** What an operation was, and what became of it. Every text is one of a closed set. */
export interface Outcome {
  /** `none`: the request was refused before there was an operation. */
  readonly type: 'query' | 'mutation' | 'subscription' | 'none';
  /** The root field of the schema; `several` of an operation with more than one, `none` without one. */
  readonly field: string;
  /** The code of its first error. */
  readonly code: ErrorCode | 'OK';
  /** Until its answer was made; of a subscription until it was open. */
  readonly durationMs: number;
}

/** What operations are reported to. */
export interface ObserverOptions {
  readonly log: Log;
  /** Milliseconds from which on an operation is logged as slow; `null`: none is. */
  readonly slowMs: number | null;
  readonly onOutcome?: (outcome: Outcome) => void;
  /** Traces operations. */
  readonly tracer?: Tracer | undefined;
  /** Called for each request whose caller could not be authenticated. */
  readonly signInFailed?: (source: AuditSource) => void;
}

/** The trace that the client says an operation is part of (W3C Trace Context). */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

/** Makes spans of operations. */
export interface Tracer {
  /** Begins the span of an operation. */
  request(
    operation: Pick<Outcome, 'type' | 'field'>,
    about: { readonly subject?: string | undefined; readonly requestId?: string | undefined },
    headers?: TraceHeaders,
  ): {
    /** Runs a function as a part of the operation. */
    run<T>(work: () => T): T;
    /** The operation is over, with the code of its first error or OK. */
    end(code: Outcome['code']): void;
  };
}

/** Where an operation came from. */
interface Origin {
  readonly identity?: Identity | null;
  readonly requestId?: string;
  readonly trace?: TraceHeaders;
}

/** Lines in ten seconds: a client that makes mistakes is seen, and one that makes nothing else does not fill the disk. */
const REFUSALS = 100;
/** These wait for jobs as long as the caller asks them to. */
const WAITING = ['runJob', 'stopJob', 'pauseJob', 'resumeJob'];

/** Logs what is refused and what is slow; passes on what became of each operation. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #refusals: Log;
  /** Operations whose outcome is known. */
  readonly #seen = new WeakSet<object>();

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#refusals = limitedLog(options.log, { lines: REFUSALS });
  }

  /** A request that did not reach the engine. */
  refused(code: ErrorCode, status: number, request: IncomingMessage, requestId?: string): void {
    this.#options.onOutcome?.({ type: 'none', field: 'none', code, durationMs: 0 });
    if (code === 'UNAUTHENTICATED') this.signInFailed(request);
    this.#refusals('a request was refused', {
      code,
      status,
      ...(requestId !== undefined && { requestId }),
      ...(request.socket.remoteAddress !== undefined && { address: request.socket.remoteAddress }),
    });
  }

  /** A sign-in failed. */
  signInFailed(request: IncomingMessage): void {
    this.#options.signInFailed?.(sourceOf(request));
  }

  /** The plugins of an engine, to be put before and after its others. */
  plugins(): { readonly before: Plugin<Origin & YogaInitialContext>; readonly after: Plugin<Origin> } {
    return {
      before: {
        onExecute: ({ args, executeFn, setExecuteFn }) => {
          const started = performance.now();
          const origin = args.contextValue as Origin & Partial<YogaInitialContext>;
          this.#note(origin);
          const operation = operationOf(getOperationAST(args.document, args.operationName));
          const span = this.#begin(operation, origin);
          if (span !== undefined) setExecuteFn((given) => span.run(() => executeFn(given)));
          return {
            onExecuteDone: ({ result }) => {
              if (isAsyncIterable(result)) return;
              const code = this.#over(operation, result.errors, performance.now() - started, origin);
              span?.end(code);
            },
          };
        },
        onSubscribe: ({ args, subscribeFn, setSubscribeFn }) => {
          const started = performance.now();
          const origin = args.contextValue as Origin & Partial<YogaInitialContext>;
          this.#note(origin);
          const operation = operationOf(getOperationAST(args.document, args.operationName));
          const span = this.#begin(operation, origin);
          if (span !== undefined) setSubscribeFn((given) => span.run(() => subscribeFn(given)));
          return {
            onSubscribeResult: ({ result }) => {
              const errors = isAsyncIterable(result) ? undefined : (result as ExecutionResult).errors;
              const code = this.#over(operation, errors, performance.now() - started, origin);
              span?.end(code);
            },
          };
        },
        // Of HTTP alone: what failed outside of all phases, such as a body that is no JSON.
        onResultProcess: ({ request, result, serverContext }) => {
          // An operation that was executed before has been observed already.
          if ('made' in serverContext) return;
          if (this.#seen.has(request) || isAsyncIterable(result) || Array.isArray(result)) return;
          const { errors } = result as ExecutionResult;
          if (errors !== undefined) this.#over(NONE, errors, 0, serverContext as Origin);
        },
      },
      after: {
        onParse: ({ context }) => {
          return ({ result }) => {
            if (result instanceof Error) this.#failedEarly([result as GraphQLError], context);
          };
        },
        onValidate: ({ context }) => {
          return ({ valid, result }) => {
            if (!valid) this.#failedEarly(result as readonly GraphQLError[], context);
          };
        },
      },
    };
  }

  #begin(operation: Pick<Outcome, 'type' | 'field'>, { identity, requestId, trace }: Origin) {
    return this.#options.tracer?.request(operation, { subject: identity?.subject, requestId }, trace);
  }

  #failedEarly(errors: readonly GraphQLError[], origin: Origin & Partial<YogaInitialContext>): void {
    this.#note(origin);
    this.#over(NONE, errors, 0, origin);
  }

  #note({ request }: Partial<YogaInitialContext>): void {
    if (request !== undefined) this.#seen.add(request);
  }

  #over(
    { type, field }: Pick<Outcome, 'type' | 'field'>,
    errors: readonly GraphQLError[] = [],
    durationMs: number,
    { identity, requestId }: Origin,
  ): Outcome['code'] {
    const { log, slowMs, onOutcome } = this.#options;
    const [first] = errors;
    const { extensions } = first === undefined ? {} : presentError(first, () => undefined);
    const code = (extensions?.['code'] ?? 'OK') as Outcome['code'];
    onOutcome?.({ type, field, code, durationMs });
    const about = {
      operation: type,
      field,
      ...(requestId !== undefined && { requestId }),
      ...(identity && { subject: identity.subject }),
    };
    // What is the server's own fault was logged where it was masked.
    if (code !== 'OK' && code !== 'INTERNAL_SERVER_ERROR')
      // Not the message: it repeats what the client sent.
      this.#refusals('an operation was refused', {
        code,
        ...(typeof extensions?.['field'] === 'string' && { input: extensions['field'] }),
        ...about,
      });
    if (slowMs !== null && durationMs >= slowMs && !WAITING.includes(field))
      log('an operation was slow', { level: 'warn', durationMs: Math.round(durationMs), ...about });
    return code;
  }
}

/** Where a request came from. */
export const sourceOf = ({ socket, headers }: IncomingMessage): AuditSource => ({
  address: socket.remoteAddress,
  userAgent: headers['user-agent'],
});

/** The trace of a request, from its headers or another object with the same names. */
export const traceOf = ({ traceparent, tracestate }: Readonly<Record<string, unknown>>): TraceHeaders => ({
  ...(typeof traceparent === 'string' && { traceparent }),
  ...(typeof tracestate === 'string' && { tracestate }),
});

const NONE = { type: 'none', field: 'none' } as const;

const operationOf = (
  operation: OperationDefinitionNode | null | undefined,
): Pick<Outcome, 'type' | 'field'> => {
  if (!operation) return NONE;
  const [first, ...rest] = operation.selectionSet.selections;
  // The document is valid, so a field name is one of the schema.
  const field = first?.kind === Kind.FIELD && rest.length === 0 ? first.name.value : 'several';
  return { type: operation.operation, field };
};
