/** Measures how the cost of a step grows with the size of its input. */

const ROUNDS = 3;
/** Rounds at most, while what is measured looks worse than linear. */
const MOST_ROUNDS = 12;
const LINEAR = 6;
/** Microseconds of CPU time that a round takes at least: the kernel counts in ticks of some milliseconds. */
const LEAST_US = 40_000;

/**
 * How many times as much CPU time a step takes when its input is four times as large: about 4 for one that is linear,
 * 16 for one that is quadratic. CPU time and the best of some rounds, those of both sizes in turns, so that a busy machine,
 * whose caches others use, makes no difference.
 *
 * @param make the step for an input of a size, its input made before it is measured
 */
export const growth = (size: number, make: (size: number) => () => unknown): number => {
  const [small, large] = [make(size), make(4 * size)];
  let [smallUs, largeUs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS || (round < MOST_ROUNDS && largeUs / smallUs > LINEAR); round++) {
    smallUs = Math.min(smallUs, roundUs(small));
    largeUs = Math.min(largeUs, roundUs(large));
  }
  return largeUs / smallUs;
};

/** Microseconds of CPU time that a step takes, in the best of some rounds. */
export const costUs = (step: () => unknown): number =>
  Math.min(...Array.from({ length: ROUNDS }, () => roundUs(step)));

const roundUs = (step: () => unknown): number => {
  const start = process.threadCpuUsage();
  for (let steps = 1; ; steps++) {
    step();
    const { user, system } = process.threadCpuUsage(start);
    if (user + system >= LEAST_US) return (user + system) / steps;
  }
};
