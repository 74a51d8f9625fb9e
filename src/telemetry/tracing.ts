/** Traces of requests and jobs, for an OpenTelemetry SDK that the operator has loaded. Without one nothing is done. */

import type { Context, Span, SpanOptions, TimeInput } from '@opentelemetry/api';
import { isFinalStatus } from '../job-status.ts';
import { VERSION } from '../version.ts';

type Api = typeof import('@opentelemetry/api');

/** What is traced of a job: nothing that a client has given. */
interface TracedJob {
  readonly id: string;
  readonly owner: string;
  readonly createdAt: Date;
  readonly retriedBy: string | null;
  readonly spec: { readonly attempt: number };
}

/** How a job has ended. */
interface TracedEnd {
  readonly status: string;
  readonly finishedAt: Date;
  readonly startedAt?: Date | null;
}

/** A job that has not ended. */
interface LiveTrace {
  readonly span: Span;
  /** The context of its own spans. */
  readonly context: Context;
  /** The context of the request that submitted it. */
  readonly parent: Context;
}

/** The span of a request. */
export interface RequestSpan {
  /** Runs something as a part of the request: spans that begin meanwhile are its children. */
  run<T>(work: () => T): T;
  /**
   * Ends the span.
   *
   * @param code `OK`, or the code of the first error
   */
  end(code: string): void;
}

/** The trace that a request is part of, as its client says (W3C Trace Context). */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

// Where the API keeps what an SDK has registered. Without an SDK the API is not even loaded.
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

/**
 * Makes spans: of each operation; of each job from its submission to its end, as a child of the operation that submitted
 * it, with spans of its wait in the queue, its start, and the run of its command. It is a `JobObserver`.
 */
export class Tracing {
  readonly #api: Api;
  readonly #live = new Map<string, LiveTrace>();
  /** The parents of retries that are about to be submitted, by job id. */
  readonly #next = new Map<string, Context>();

  private constructor(api: Api) {
    this.#api = api;
  }

  /**
   * Loads the API, if an SDK was loaded before.
   *
   * @returns `undefined` without one
   */
  static async open(): Promise<Tracing | undefined> {
    const registered = (globalThis as { readonly [REGISTERED]?: { readonly trace?: unknown } })[REGISTERED];
    return registered?.trace === undefined ? undefined : new Tracing(await import('@opentelemetry/api'));
  }

  /**
   * Begins the span of an operation. Type and field are values of closed sets, and the ids are not chosen by clients.
   */
  request(
    { type, field }: { readonly type: string; readonly field: string },
    about: { readonly subject?: string | undefined; readonly requestId?: string | undefined },
    headers: TraceHeaders = {},
  ): RequestSpan {
    const { context, propagation, trace, SpanKind, SpanStatusCode } = this.#api;
    const outer = propagation.extract(context.active(), headers);
    const span = this.#start(
      `${type} ${field}`,
      {
        kind: SpanKind.SERVER,
        attributes: {
          'graphql.operation.type': type,
          'cloister.field': field,
          ...(about.subject !== undefined && { 'cloister.subject': about.subject }),
          ...(about.requestId !== undefined && { 'cloister.request_id': about.requestId }),
        },
      },
      outer,
    );
    const inner = trace.setSpan(outer, span);
    return {
      run: (work) => context.with(inner, work),
      end: (code) => {
        span.setAttribute('cloister.code', code);
        if (code !== 'OK') span.setStatus({ code: SpanStatusCode.ERROR, message: code });
        span.end();
      },
    };
  }

  /** As of `JobObserver`. */
  submitted(job: TracedJob, commitMs: number): void {
    const now = Date.now();
    const parent = this.#next.get(job.id) ?? this.#api.context.active();
    this.#next.delete(job.id);
    if (commitMs > 0) this.#past('commit', parent, now - commitMs, now);
    this.#track(job, parent);
  }

  /** As of `JobObserver`. */
  turn(id: string, waitedMs: number): void {
    const live = this.#live.get(id);
    if (live !== undefined) this.#past('queue', live.context, Date.now() - waitedMs, Date.now());
  }

  /** As of `JobObserver`. */
  started(id: string, latencyMs: number): void {
    const live = this.#live.get(id);
    if (live !== undefined) this.#past('launch', live.context, Date.now() - latencyMs, Date.now());
  }

  /** As of `JobObserver`. A job that an earlier server accepted has a trace of its own. */
  ended(job: TracedJob, end: TracedEnd): void {
    const { SpanStatusCode, ROOT_CONTEXT } = this.#api;
    const { span, context, parent } = this.#live.get(job.id) ?? this.#track(job, ROOT_CONTEXT);
    this.#live.delete(job.id);
    if (job.retriedBy !== null) this.#next.set(job.retriedBy, parent);
    if (end.startedAt) this.#past('run', context, end.startedAt, end.finishedAt);
    span.setAttribute('cloister.job.status', end.status);
    if (end.status !== 'COMPLETED' && isFinalStatus(end.status as never))
      span.setStatus({ code: SpanStatusCode.ERROR, message: end.status });
    span.end(end.finishedAt);
  }

  /** As of `JobObserver`: not traced. */
  delivered(_bytes: number): void {}

  #track(job: TracedJob, parent: Context): LiveTrace {
    const span = this.#start(
      'job',
      {
        startTime: job.createdAt,
        attributes: {
          'cloister.job.id': job.id,
          'cloister.job.attempt': job.spec.attempt,
          'cloister.subject': job.owner,
        },
      },
      parent,
    );
    const live = { span, context: this.#api.trace.setSpan(parent, span), parent };
    this.#live.set(job.id, live);
    return live;
  }

  /** Records a span of something that has already ended. */
  #past(name: string, parent: Context, startTime: TimeInput, endTime: TimeInput): void {
    this.#start(name, { startTime }, parent).end(endTime);
  }

  #start(name: string, options: SpanOptions, parent: Context): Span {
    return this.#api.trace.getTracer('cloister', VERSION).startSpan(name, options, parent);
  }
}
