/** The times at which a replay shows the entries of a log. */

/** How a log is replayed. */
export interface Pace {
  /** How many times as fast as it was written; more than 0. */
  readonly speed: number;
  /** Milliseconds of the original pace that are left out at the beginning. */
  readonly fromMs: number;
  /** Milliseconds of the original pace between two entries at most. */
  readonly mostIdleMs: number;
}

/** Nanoseconds since 1970 of a time in RFC 3339 form, in UTC and with up to nine digits of a second. */
export const nanoseconds = (time: string): bigint => {
  const [, whole = '', fraction = ''] = /^(.{19})(?:\.(\d{1,9}))?Z$/.exec(time) ?? [];
  return BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
};

/** Assigns times to entries in order. A clock that was set back counts as no time. */
export class Timeline {
  readonly #pace: Pace;
  #lastNs: bigint | undefined;
  #elapsedMs = 0;

  /** @param beginning RFC 3339; left out: the time of the first entry */
  constructor(pace: Pace, beginning?: string) {
    this.#pace = pace;
    this.#lastNs = beginning === undefined ? undefined : nanoseconds(beginning);
  }

  /**
   * Milliseconds after the replay has begun at which an entry of this time is shown; below 0: before what is replayed.
   *
   * @param time RFC 3339
   */
  place(time: string): number {
    const { speed, fromMs, mostIdleMs } = this.#pace;
    const timeNs = nanoseconds(time);
    const gapMs = Number(timeNs - (this.#lastNs ?? timeNs)) / 1e6;
    this.#lastNs = timeNs;
    this.#elapsedMs += Math.min(Math.max(0, gapMs), mostIdleMs);
    return (this.#elapsedMs - fromMs) / speed;
  }
}
