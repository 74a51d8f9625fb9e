/** Callers that send wrong tokens: after a few they are answered slowly, so that guessing is slow and costs little. */

import { networkOf } from './network.ts';

/** Wrong tokens from one address in ten seconds that are answered without delay, since people mistype. */
const FREE = 10;
const WINDOW_MS = 10_000;
/** Milliseconds by which further answers are delayed. Answers to valid tokens from the same address are not delayed. */
const DELAY_MS = 1000;
/** Addresses that are counted separately; all others count as one. */
const MOST_ADDRESSES = 10_000;

/** Counts wrong tokens by the address they come from. */
export class WrongTokens {
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  #start = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds on any clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Counts one.
   *
   * @param address `undefined`: the Unix socket, whose users could read the right one
   * @returns the milliseconds after which it is to be answered
   */
  delayMs(address: string | undefined): number {
    if (address === undefined) return 0;
    if (this.#now() - this.#start >= WINDOW_MS) {
      this.#counts.clear();
      this.#start = this.#now();
    }
    const known = networkOf(address);
    const network = this.#counts.has(known) || this.#counts.size < MOST_ADDRESSES ? known : '';
    const count = (this.#counts.get(network) ?? 0) + 1;
    this.#counts.set(network, count);
    return count <= FREE ? 0 : DELAY_MS;
  }
}
