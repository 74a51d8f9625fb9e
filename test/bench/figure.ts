/** What a benchmark measures: figures, and those who are compared in each. */

import type { Bench } from './bench.ts';

/** One who is measured: a way to do the work of a figure. */
export interface Contender {
  readonly name: string;
  /** Does the work once more and returns the value of this round. */
  measure(): Promise<number>;
  /** Undoes what it was opened with. */
  close?(): Promise<unknown> | unknown;
}

/** One line of the report. To add one: a file in `figures/`, and its entry in `figures/index.ts`. */
export interface Figure {
  readonly name: string;
  readonly unit: 'ms' | 'per second' | 'MB per second';
  /** How it is measured, in a sentence. */
  readonly how: string;
  /** Whether less is better. */
  readonly less: boolean;
  /** The name of the contender that the others are compared with. */
  readonly base: string;
  /** Those that are on this machine. They are measured in turns, so that what else happens there meets all alike. */
  open(bench: Bench): Promise<readonly Contender[]>;
}

/** The middle one of some numbers; with `share`, the one that this share of them is below. */
export const median = (values: readonly number[], share = 0.5): number => {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
};

/** Does something `count` times, one after the other, and returns the median of the milliseconds that each took. */
export const medianMs = (count: number, work: () => Promise<unknown>): Promise<number> =>
  preparedMedianMs(count, () => Promise.resolve(work));

/** The same of what `prepare` returns; to prepare it does not count. */
export const preparedMedianMs = async (
  count: number,
  prepare: () => Promise<() => Promise<unknown>>,
): Promise<number> => {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const work = await prepare();
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return median(times);
};
