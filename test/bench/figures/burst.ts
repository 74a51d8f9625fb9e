/** What a burst of submissions does to a server. */

import { type Figure, median } from '../figure.ts';
import type { BenchServer } from '../server.ts';
import { goJudge, servers } from './server.ts';

const JOBS = 1000;
const BASE = 'Cloister, state in memory';
const PAUSE_MS = 20;

interface Burst {
  readonly doneMs: number;
  readonly loopMs: number;
  readonly queryMs: number;
}

/** Submits all jobs at once and waits for their ends, and asks for one of them meanwhile. */
const burst = async (server: BenchServer): Promise<Burst> => {
  const loop = server.watchLoop();
  const began = performance.now();
  let done = false;
  const all = Promise.all(Array.from({ length: JOBS }, () => server.run())).then(() => {
    done = true;
  });
  const times: number[] = [];
  const id = await server.submit();
  while (!done) {
    const asked = performance.now();
    await server.query('query ($id: ID!) { job(id: $id) { id status } }', { id });
    times.push(performance.now() - asked);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await all;
  const doneMs = performance.now() - began;
  return { doneMs, loopMs: await loop(), queryMs: median(times) };
};

// One burst gives all three figures: those after the first take what it found.
const found = new WeakMap<BenchServer, Burst[]>();

const figure = (name: string, how: string, part: keyof Burst, first: boolean): Figure => ({
  name,
  unit: 'ms',
  how,
  less: true,
  base: BASE,
  open: async (bench) => {
    const turns = new Map<BenchServer, number>();
    const ours = await servers(bench, async (server) => {
      const known = found.get(server) ?? [];
      found.set(server, known);
      const turn = turns.get(server) ?? 0;
      turns.set(server, turn + 1);
      if (first || known[turn] === undefined) known.push(await burst(server));
      return known[turn]?.[part] ?? Number.NaN;
    });
    if (!first) return ours;
    const runAll = async (run: () => Promise<void>): Promise<number> => {
      const began = performance.now();
      await Promise.all(Array.from({ length: JOBS }, run));
      return performance.now() - began;
    };
    return [...ours, ...(await goJudge(bench, (judge) => runAll(() => judge.run())))];
  },
});

export const bursts: readonly Figure[] = [
  figure('1,000 jobs at once: all have ended', '`runJob` with `true`, all sent at once', 'doneMs', true),
  figure('1,000 jobs at once: delay of the event loop, p99', 'in the server, meanwhile', 'loopMs', false),
  figure(
    '1,000 jobs at once: `job(id)` is answered',
    'another request every 20 ms, median',
    'queryMs',
    false,
  ),
];
