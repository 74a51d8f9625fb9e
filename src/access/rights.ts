/** Closes what was opened with a token or certificate once that is no longer accepted. */

import type { Identity } from '../jobs/service.ts';

/** Called with why, in a clause: `the token was revoked`. */
export type EndListener = (why: string) => void;

interface Held {
  readonly listeners: Set<EndListener>;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Milliseconds after which the clock is read again, however far off an expiry is: it may have been set, and a timer of
 * Node.js waits at most 2^31 - 1.
 */
const LONGEST_TIMER_MS = 60_000;

/** The credentials that connections are open with. Credentials that nobody waits for cost nothing. */
export class Rights {
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The number of listeners. */
  get size(): number {
    return [...this.#held.values()].reduce((sum, { listeners }) => sum + listeners.size, 0);
  }

  /**
   * Calls a listener once, when the credential of a caller has expired or was revoked; never for a caller without one.
   *
   * @returns ends the wait
   */
  onEnd({ credential, validUntil }: Identity, listener: EndListener): () => void {
    if (credential === undefined) return () => undefined;
    const held = this.#held.get(credential) ?? { listeners: new Set(), timer: undefined };
    this.#held.set(credential, held);
    // A wrapper, so that the same function can be registered twice.
    const own: EndListener = (why) => listener(why);
    held.listeners.add(own);
    if (validUntil !== undefined && held.timer === undefined) this.#watch(credential, held, validUntil);
    return () => {
      held.listeners.delete(own);
      if (held.listeners.size > 0 || this.#held.get(credential) !== held) return;
      clearTimeout(held.timer);
      this.#held.delete(credential);
    };
  }

  /** Ends what was opened with a credential. */
  end(credential: string, why: string): void {
    const held = this.#held.get(credential);
    if (held === undefined) return;
    this.#held.delete(credential);
    clearTimeout(held.timer);
    for (const listener of held.listeners) listener(why);
  }

  /** Ends what was opened with those credentials that `isEnded` gives a reason for. */
  endAll(isEnded: (credential: string) => string | undefined): void {
    for (const credential of [...this.#held.keys()]) {
      const why = isEnded(credential);
      if (why !== undefined) this.end(credential, why);
    }
  }

  #watch(credential: string, held: Held, validUntil: Date): void {
    const leftMs = validUntil.getTime() - this.#now();
    if (leftMs <= 0) this.end(credential, `the ${credential.split(' ')[0]} has expired`);
    else
      held.timer = setTimeout(
        () => this.#watch(credential, held, validUntil),
        Math.min(leftMs, LONGEST_TIMER_MS),
      ).unref();
  }
}
