// The known cost of each test file, for dividing files among workers and for estimating the time of a run.
import { readFileSync } from 'node:fs';

/** Seconds of each test file, by its path from the project folder. */
export type Costs = Readonly<Record<string, number>>;

export const readCosts = (path: string): Costs => JSON.parse(readFileSync(path, 'utf8')) as Costs;

/** The cost of any file: one that is not known counts as the mean of those that are. */
export const costOf = (costs: Costs): ((file: string) => number) => {
  const known = Object.values(costs);
  const mean = known.length === 0 ? 1 : known.reduce((sum, cost) => sum + cost, 0) / known.length;
  return (file) => costs[file] ?? mean;
};

/**
 * Divides files into groups whose costs are about equal: the longest first, each to the group that has least by then
 * (the rule LPT of R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969).
 *
 * @returns at most `count` groups, none of them empty; in each the files in the order of their cost
 */
export const splitByCost = (files: readonly string[], costs: Costs, count: number): string[][] => {
  const cost = costOf(costs);
  const groups = Array.from({ length: count }, (): { seconds: number; files: string[] } => ({
    seconds: 0,
    files: [],
  }));
  for (const file of longestFirst(files, costs)) {
    const least = groups.reduce((one, other) => (other.seconds < one.seconds ? other : one));
    least.files.push(file);
    least.seconds += cost(file);
  }
  return groups.map((group) => group.files).filter((group) => group.length > 0);
};

export const longestFirst = (files: readonly string[], costs: Costs): string[] => {
  const cost = costOf(costs);
  return files.toSorted((one, other) => cost(other) - cost(one));
};

/** Seconds that `count` workers need for files that are given out longest first, as far as their costs are known. */
export const secondsFor = (files: readonly string[], costs: Costs, count: number): number => {
  const cost = costOf(costs);
  const groups = splitByCost(files, costs, count);
  return Math.max(0, ...groups.map((group) => group.reduce((sum, file) => sum + cost(file), 0)));
};

/** Seconds in words: "40 s", "5 min". */
export const inWords = (seconds: number): string =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
