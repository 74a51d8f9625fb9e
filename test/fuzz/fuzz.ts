/** Tests of many random rounds that a seed repeats. */

import { expect, it } from 'vitest';
import { type Random, randomFrom } from '../support/random.ts';
import { Watchdog } from './watchdog.ts';

const number = (name: string): number | undefined => {
  const text = process.env[name];
  return text === undefined ? undefined : Number(text);
};

const MOST_SEED = 2_147_000_000;
const first = number('CLOISTER_FUZZ_SEED') ?? 1 + (Date.now() % MOST_SEED);
const times = number('CLOISTER_FUZZ_TIMES') ?? 1;

/**
 * A test of many rounds, each on random numbers of its own. A failure reports the seed of its round: with
 * `CLOISTER_FUZZ_SEED` set to that, the first round is that one. `CLOISTER_FUZZ_TIMES` multiplies the rounds.
 */
export const fuzz = (
  title: string,
  rounds: number,
  round: (random: Random) => Promise<void> | void,
): void => {
  it(`${title} (${rounds * times} rounds from seed ${first} on)`, { timeout: 60_000 * times }, async () => {
    // One that checks nothing is noticed here.
    expect.hasAssertions();
    const watchdog = new Watchdog();
    try {
      for (let seed = first; seed < first + rounds * times; seed++) {
        watchdog.feed(seed);
        await named(seed, () => round(randomFrom(1 + (seed % MOST_SEED))));
      }
    } finally {
      await watchdog.end();
    }
  });
};

const named = async (seed: number, round: () => Promise<void> | void): Promise<void> => {
  try {
    await round();
  } catch (error) {
    throw new Error(`in the round of CLOISTER_FUZZ_SEED=${seed}`, { cause: error });
  }
};
