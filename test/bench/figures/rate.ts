/** How many jobs a server completes in a second. */

import type { Bench } from '../bench.ts';
import type { Contender, Figure } from '../figure.ts';
import { Floor } from '../floor.ts';
import { goJudge, servers } from './server.ts';

const LEAST_JOBS = 60;
const JOBS_OF_CLIENT = 4;

/** Runs jobs from several clients at once. @returns jobs in a second */
const rateOf = async (clients: number, runs: readonly (() => Promise<unknown>)[]): Promise<number> => {
  const jobs = Math.max(LEAST_JOBS, clients * JOBS_OF_CLIENT);
  let left = jobs;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (left-- > 0) await runs[client % runs.length]?.();
    }),
  );
  return (jobs * 1000) / (performance.now() - began);
};

/** As many bare cells at once as there are processors, or clients if these are fewer. */
const floor = (bench: Bench, clients: number): Contender => {
  const floors = Array.from({ length: Math.min(clients, 2) }, () => new Floor(bench));
  const runs = floors.map((one) => () => one.run());
  return {
    name: 'floor',
    measure: () => rateOf(floors.length, runs),
    close: () => {
      for (const one of floors) one.close();
    },
  };
};

const rate = (clients: number): Figure => ({
  name: `Jobs per second, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
  unit: 'per second',
  how: '`runJob` with `true`, each client one after the other; each job is durable',
  less: false,
  base: 'floor',
  open: async (bench) => [
    floor(bench, clients),
    ...(await servers(bench, (server) => rateOf(clients, [() => server.run()]))),
    ...(await goJudge(bench, (judge) => rateOf(clients, [() => judge.run()]))),
  ],
});

export const rates: readonly Figure[] = [1, 8, 64].map(rate);
