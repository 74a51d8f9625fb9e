/** Measures a figure in rounds. */

import type { Bench } from './bench.ts';
import type { Figure } from './figure.ts';
import type { Result } from './results.ts';

/** Has all contenders of a figure take turns, in another order in every other round. */
export const measure = async (bench: Bench, figure: Figure, rounds: number): Promise<Result> => {
  const contenders = await figure.open(bench);
  const values = contenders.map((): number[] => []);
  try {
    for (let round = 0; round < rounds; round++) {
      const turns = [...contenders.entries()];
      for (const [index, contender] of round % 2 === 0 ? turns : turns.reverse())
        values[index]?.push(await contender.measure());
    }
  } finally {
    for (const contender of contenders) await contender.close?.();
  }
  return { figure, rows: contenders.map(({ name }, index) => ({ name, values: values[index] ?? [] })) };
};
