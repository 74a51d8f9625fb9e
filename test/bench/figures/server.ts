/** What figures about whole jobs are compared in: servers with their state in memory and on a disk, and go-judge. */

import type { Bench, Place } from '../bench.ts';
import type { Contender } from '../figure.ts';
import { GoJudge } from '../peers.ts';
import type { BenchServer } from '../server.ts';

const NAMES: Readonly<Record<Place, string>> = {
  memory: 'Cloister, state in memory',
  disk: 'Cloister, state in files on a disk',
};

/** A contender for each place of the state. */
export const servers = (
  bench: Bench,
  measure: (server: BenchServer) => Promise<number>,
): Promise<Contender[]> =>
  Promise.all(
    (['memory', 'disk'] as const).map(async (place) => {
      const server = await bench.server(place);
      return { name: NAMES[place], measure: () => measure(server) };
    }),
  );

const PORT = 5050;

/** go-judge, where it is installed. */
export const goJudge = async (
  bench: Bench,
  measure: (judge: GoJudge) => Promise<number>,
): Promise<Contender[]> => {
  const path = bench.peer('go-judge');
  if (path === undefined) return [];
  const judge = await GoJudge.start(path, PORT);
  return [{ name: 'go-judge', measure: () => measure(judge), close: () => judge.close() }];
};
