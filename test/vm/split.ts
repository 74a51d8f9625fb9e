// Which test files run in which machine.

/** Seconds that each file is known to take; the unit cancels out, since only sums are compared. */
export type Costs = Readonly<Record<string, number>>;

/**
 * Divides files into groups whose costs are about equal: the longest first, each to the group that has least by then
 * (the rule LPT of R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", 1969). A file without a known cost
 * counts as the mean of those that have one.
 *
 * @returns at most `count` groups, none of them empty; in each the files in the order of their cost
 */
export const splitByCost = (files: readonly string[], costs: Costs, count: number): string[][] => {
  const known = files.map((file) => costs[file]).filter((cost) => cost !== undefined);
  const mean = known.length === 0 ? 1 : known.reduce((sum, cost) => sum + cost, 0) / known.length;
  const costOf = (file: string): number => costs[file] ?? mean;
  const groups = Array.from({ length: count }, (): { cost: number; files: string[] } => ({
    cost: 0,
    files: [],
  }));
  for (const file of files.toSorted((one, other) => costOf(other) - costOf(one))) {
    const least = groups.reduce((one, other) => (other.cost < one.cost ? other : one));
    least.files.push(file);
    least.cost += costOf(file);
  }
  return groups.map((group) => group.files).filter((group) => group.length > 0);
};
