/** Counts open subscriptions, so that no caller can use up all of them. */
import type { GraphQLError } from 'graphql';
import { codedError } from '../resolvers/errors.ts';

/** How many subscriptions there may be. */
export interface StreamLimits {
  /** Subscriptions of one subject, over all of its connections. */
  readonly perSubject: number;
  /** Subscriptions of all subjects together. */
  readonly all: number;
}

/** The default limits. */
export const STREAM_LIMITS: StreamLimits = { perSubject: 15_000, all: 20_000 };

/** When clients should retry by default. */
export const RETRY_AFTER_MS = 1000;

/** Counts subscriptions over SSE and WebSocket. */
export class Streams {
  readonly #limits: StreamLimits;
  readonly #most: (subject: string) => number | null;
  readonly #bySubject = new Map<string, number>();
  #all = 0;

  /** @param most the limit of a subject, where subjects differ; `null`: that of `limits` */
  constructor(limits: StreamLimits, most: (subject: string) => number | null = () => null) {
    this.#limits = limits;
    this.#most = most;
  }

  /** The number of open subscriptions. */
  get size(): number {
    return this.#all;
  }

  /** Open subscriptions of a subject. */
  of(subject: string): number {
    return this.#bySubject.get(subject) ?? 0;
  }

  /** The subjects that have subscriptions. */
  subjects(): Iterable<string> {
    return this.#bySubject.keys();
  }

  /** Why a subject cannot open another one now, or `undefined`. */
  refusal(subject: string): GraphQLError | undefined {
    const { all } = this.#limits;
    const perSubject = this.#most(subject) ?? this.#limits.perSubject;
    const own = this.#bySubject.get(subject) ?? 0;
    if (own >= perSubject)
      return tooMany(`${perSubject} of one caller`, { quota: 'subscriptions', value: perSubject });
    return this.#all >= all ? tooMany(`${all} on this server`) : undefined;
  }

  /** @returns a function to call when the subscription is over; further calls do nothing */
  open(subject: string): () => void {
    this.#change(subject, 1);
    let over = false;
    return () => {
      if (!over) this.#change(subject, -1);
      over = true;
    };
  }

  #change(subject: string, by: 1 | -1): void {
    this.#all += by;
    const own = (this.#bySubject.get(subject) ?? 0) + by;
    if (own > 0) this.#bySubject.set(subject, own);
    else this.#bySubject.delete(subject);
  }
}

const tooMany = (most: string, quota: { quota?: string; value?: number } = {}): GraphQLError =>
  codedError(
    'TOO_MANY_SUBSCRIPTIONS',
    `subscriptions: expected at most ${most} at the same time: end some first`,
    { ...quota, retryAfterMs: RETRY_AFTER_MS },
  );
