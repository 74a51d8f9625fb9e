/** How often each subject submits jobs. */

/** How many submissions a subject had left at a time. */
interface Budget {
  left: number;
  atMs: number;
}

const MINUTE_MS = 60_000;
/** Subjects after which those that have submitted nothing for a minute are forgotten. */
const MANY = 1000;

/** A token bucket for each subject: a minute's submissions at once, or spread over it. */
export class SubmissionRate {
  readonly #budgets = new Map<string, Budget>();
  readonly #now: () => number;

  /** @param now milliseconds on a clock that is never set back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Counts a submission.
   *
   * @returns `undefined`, or milliseconds until the next one is accepted; then nothing was counted
   */
  take(subject: string, perMinute: number): number | undefined {
    if (perMinute === 0) return MINUTE_MS;
    const now = this.#now();
    const { left, atMs } = this.#budgets.get(subject) ?? { left: perMinute, atMs: now };
    const filled = Math.min(perMinute, left + ((now - atMs) * perMinute) / MINUTE_MS);
    const isTaken = filled >= 1;
    this.#budgets.set(subject, { left: isTaken ? filled - 1 : filled, atMs: now });
    if (this.#budgets.size > MANY) this.#forgetIdle(now);
    return isTaken ? undefined : Math.ceil(((1 - filled) * MINUTE_MS) / perMinute);
  }

  /** How many of a minute's submissions are used up, as `take` counts them. */
  used(subject: string, perMinute: number): number {
    const { left, atMs } = this.#budgets.get(subject) ?? { left: perMinute, atMs: 0 };
    const filled = left + ((this.#now() - atMs) * perMinute) / MINUTE_MS;
    return Math.max(0, Math.ceil(perMinute - filled));
  }

  #forgetIdle(nowMs: number): void {
    for (const [subject, { atMs }] of this.#budgets)
      if (nowMs - atMs > MINUTE_MS) this.#budgets.delete(subject);
  }
}
