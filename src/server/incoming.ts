/** What clients send: bounded for all that is being received, or is kept until what it asks for is done. */
import type { GraphQLError } from 'graphql';
import type { Log } from '../log.ts';
import { codedError } from '../resolvers/errors.ts';
import { RETRY_AFTER_MS } from './streams.ts';

/** Bytes of requests and messages, over all connections. In memory each takes up to four times as many. */
export const MOST_INCOMING_BYTES = 256 * 1024 * 1024;

/** How much there may be. */
export interface IncomingOptions {
  readonly mostBytes: number;
  /** Bounded in its lines. */
  readonly log: Log;
}

/** What one connection has sent. */
export interface Sent {
  /** Who has sent it. */
  readonly subject: string;
  /** Breaks the connection. */
  readonly close: () => void;
}

/**
 * Adds up what has been sent and is not done yet. Where that is more than there may be, the caller of whom there is most
 * gives way: what it sends next is refused, and its connections are broken for what others send, those with most first.
 * So nobody is refused for what others have sent.
 */
export class Incoming {
  readonly #options: IncomingOptions;
  readonly #bytes = new Map<Sent, number>();
  readonly #bySubject = new Map<string, number>();
  #allBytes = 0;

  constructor(options: IncomingOptions) {
    this.#options = options;
  }

  /** Bytes that are counted. */
  get bytes(): number {
    return this.#allBytes;
  }

  /** Why nothing of this size can be taken from a caller now, or `undefined`. Nothing is counted. */
  refusal(subject: string, bytes: number): GraphQLError | undefined {
    const { mostBytes } = this.#options;
    if (this.#allBytes + bytes <= mostBytes) return undefined;
    const own = (this.#bySubject.get(subject) ?? 0) + bytes;
    for (const [other, others] of this.#bySubject) if (other !== subject && others > own) return undefined;
    return codedError(
      'TOO_MANY_BYTES',
      `requests: expected at most ${mostBytes} bytes at the same time, of all callers: wait until others are done`,
      { retryAfterMs: RETRY_AFTER_MS },
    );
  }

  /** Counts bytes, or with a negative number those that are done; breaks connections if there are too many. */
  count(sent: Sent, bytes: number): void {
    this.#change(sent, (this.#bytes.get(sent) ?? 0) + bytes);
    const { mostBytes, log } = this.#options;
    while (bytes > 0 && this.#allBytes > mostBytes) {
      const [subject] = [...this.#bySubject].reduce((one, other) => (other[1] > one[1] ? other : one));
      const [most] = [...this.#bytes]
        .filter(([each]) => each.subject === subject)
        .reduce((one, other) => (other[1] > one[1] ? other : one));
      log(`a connection was broken: what clients have sent takes ${this.#allBytes} bytes`, {
        level: 'warn',
        code: 'TOO_MANY_BYTES',
        subject,
      });
      this.end(most);
      most.close();
    }
  }

  /** Counts nothing of it any more. */
  end(sent: Sent): void {
    this.#change(sent, 0);
  }

  #change(sent: Sent, bytes: number): void {
    const { subject } = sent;
    const change = Math.max(0, bytes) - (this.#bytes.get(sent) ?? 0);
    if (bytes > 0) this.#bytes.set(sent, bytes);
    else this.#bytes.delete(sent);
    this.#allBytes += change;
    const own = (this.#bySubject.get(subject) ?? 0) + change;
    if (own > 0) this.#bySubject.set(subject, own);
    else this.#bySubject.delete(subject);
  }
}
