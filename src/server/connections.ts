/** Counts the open connections of each caller, so that none can take all of them. */
import type { Duplex } from 'node:stream';
import type { GraphQLError } from 'graphql';
import { codedError } from '../resolvers/errors.ts';
import { RETRY_AFTER_MS } from './streams.ts';
import type { UnauthenticatedConnections } from './unauthenticated.ts';

/** How many connections there may be. */
export interface ConnectionLimits {
  /** Connections of one subject that has authenticated on them. */
  readonly perSubject: number;
  /** Connections in total: over TCP, and as many again over the Unix socket. */
  readonly all: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = { perSubject: 15_000, all: 20_000 };

/** Counts connections by the subject that was the first to authenticate on them. */
export class Connections {
  readonly #most: (subject: string) => number;
  readonly #unauthenticated: UnauthenticatedConnections | undefined;
  readonly #claimed = new Map<Duplex, string>();
  readonly #counts = new Map<string, number>();

  /**
   * @param most connections of one subject
   * @param unauthenticated holds the connections that nobody has claimed
   */
  constructor(most: (subject: string) => number, unauthenticated?: UnauthenticatedConnections) {
    this.#most = most;
    this.#unauthenticated = unauthenticated;
  }

  /** Connections that are open and were claimed. */
  get size(): number {
    return this.#claimed.size;
  }

  /** Open connections of a subject. */
  of(subject: string): number {
    return this.#counts.get(subject) ?? 0;
  }

  /** The subjects that have connections. */
  subjects(): Iterable<string> {
    return this.#counts.keys();
  }

  /** The subject that has claimed a connection; `undefined`: none. */
  subject(connection: Duplex): string | undefined {
    return this.#claimed.get(connection);
  }

  /** Counts a connection, once, until it is closed; or says why its caller cannot have it. */
  claim(connection: Duplex, subject: string): GraphQLError | undefined {
    if (this.#claimed.has(connection) || connection.destroyed) return undefined;
    const count = this.#counts.get(subject) ?? 0;
    const most = this.#most(subject);
    if (count >= most) return tooMany(most);
    this.#counts.set(subject, count + 1);
    this.#claimed.set(connection, subject);
    this.#unauthenticated?.remove(connection);
    connection.once('close', () => this.#release(connection, subject));
    return undefined;
  }

  #release(connection: Duplex, subject: string): void {
    this.#claimed.delete(connection);
    const count = (this.#counts.get(subject) ?? 0) - 1;
    if (count > 0) this.#counts.set(subject, count);
    else this.#counts.delete(subject);
  }
}

const tooMany = (most: number): GraphQLError =>
  codedError(
    'TOO_MANY_CONNECTIONS',
    `connections: expected at most ${most} of one caller: close some first`,
    {
      quota: 'connections',
      value: most,
      retryAfterMs: RETRY_AFTER_MS,
    },
  );
