/**
 * The guard of `make check`: `node test/bench/check.ts`. Fails where something takes about twice as long as it did,
 * compared with what else takes time on the same machine at the same moment. Each ratio is measured in rounds, and its
 * least value counts: what else happens there makes some rounds slow, and a loss makes all of them.
 */

import { Bench, PLACES } from './bench.ts';
import { BenchCells } from './cells.ts';
import { type Contender, type Figure, medianMs, preparedMedianMs } from './figure.ts';
import { deliveryRate } from './figures/delivery.ts';
import { jobQueries } from './figures/queries.ts';
import { Floor } from './floor.ts';
import { prefer } from './priority.ts';

interface Check {
  readonly name: string;
  /** About twice what it was, on two processors, when it was set. */
  readonly most: number;
  /** A ratio. */
  measure(): Promise<number>;
}

const ROUNDS = 5;
const LAUNCHES = 12;
const JOBS = 8;
const BURST = 200;
const RUNNING = 100;
const LABEL = { key: 'bench', value: 'running' };

if (process.geteuid?.() !== 0) {
  console.log('bench-check: not run, since only root may make cells as they are measured here');
  process.exit(0);
}
const bench = await Bench.open();
prefer(process.pid);
const floor = new Floor(bench);
const cells = await BenchCells.open(PLACES.memory, bench.image);
const server = await bench.server('memory');

const floorMs = (): Promise<number> => medianMs(LAUNCHES, () => floor.run());
const jobMs = (): Promise<number> => medianMs(JOBS, () => server.run());

/** p99 of the delay of the event loop while many jobs are submitted at once. */
const burstMs = async (): Promise<number> => {
  const loop = server.watchLoop();
  await Promise.all(Array.from({ length: BURST }, () => server.run()));
  return loop();
};

/** Jobs that wait until they are stopped. @returns a function that stops them */
const occupy = async (): Promise<() => Promise<void>> => {
  const input = { argv: ['sleep', '1000'], labels: [LABEL] };
  const ids = await Promise.all(Array.from({ length: RUNNING }, () => server.submit(input)));
  const query = '{ server { jobs { running } } }';
  for (let running = 0; running < RUNNING; ) {
    const found = await server.query<{ server: { jobs: { running: number } } }>(query);
    running = found.server.jobs.running;
  }
  return async () => {
    const stop = 'mutation ($id: ID!) { stopJob(input: { jobId: $id, gracePeriod: 0 }) { job { id } } }';
    await Promise.all(ids.map((id) => server.query(stop, { id })));
  };
};

const contenders: Contender[] = [];

/** The rate of the one with which a figure compares ours, divided by ours. */
const toOurs = (figure: Figure, ours: string): (() => Promise<number>) => {
  let opened: Promise<readonly Contender[]> | undefined;
  return async () => {
    opened ??= figure.open(bench).then((all) => {
      contenders.push(...all);
      return all;
    });
    const rates = new Map<string, number>();
    for (const { name, measure } of await opened)
      if (name === figure.base || name === ours) rates.set(name, await measure());
    return (rates.get(figure.base) ?? Number.NaN) / (rates.get(ours) ?? Number.NaN);
  };
};

const checks: readonly Check[] = [
  {
    name: 'a launch to the floor of a bare cell',
    most: 3.5,
    measure: async () => (await medianMs(LAUNCHES, () => cells.run())) / (await floorMs()),
  },
  {
    name: 'a launch in a prepared cell to the floor of a bare cell',
    most: 2,
    measure: async () => (await preparedMedianMs(LAUNCHES, () => cells.prepare())) / (await floorMs()),
  },
  {
    name: 'a whole job to the floor of a bare cell',
    most: 6,
    measure: async () => (await jobMs()) / (await floorMs()),
  },
  {
    name: `the delay of the event loop (p99) in a burst of ${BURST} jobs to one job`,
    most: 5,
    measure: async () => (await burstMs()) / (await jobMs()),
  },
  {
    name: `a job with ${RUNNING} others running to one alone`,
    most: 2,
    measure: async () => {
      const alone = await jobMs();
      const stop = await occupy();
      const loaded = await jobMs();
      await stop();
      return loaded / alone;
    },
  },
  {
    name: 'the rate of `job(id)` of graphql-yoga on the same rows to ours',
    most: 0.9,
    measure: toOurs(jobQueries({ connections: 16, warmUpMs: 800, ms: 500 }), 'Cloister'),
  },
  {
    name: 'the rate of delivery of a page in memory to one subscriber to ours of a log',
    most: 3,
    measure: toOurs(deliveryRate(1, 32 << 20), 'Cloister, a finished log'),
  },
  {
    name: 'the same to 100 subscribers',
    most: 0.7,
    measure: toOurs(deliveryRate(100, 1 << 20), 'Cloister, a finished log'),
  },
];

const failed: string[] = [];
try {
  for (const { name, most, measure } of checks) {
    let least = Number.POSITIVE_INFINITY;
    // A ratio that is as it should be needs no other round.
    for (let round = 0; round < ROUNDS && least > most / 1.5; round++)
      least = Math.min(least, await measure());
    console.log(`${least <= most ? 'ok    ' : 'FAILED'} ${name}: ${least.toFixed(2)}, at most ${most}`);
    if (!(least <= most)) failed.push(name);
  }
} finally {
  for (const contender of contenders) await contender.close?.();
  floor.close();
  await cells.close();
  await bench.close();
}
if (failed.length > 0) console.error(`slower than it was: ${failed.join('; ')}`);
process.exit(failed.length > 0 ? 1 : 0);
