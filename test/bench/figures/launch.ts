/** How long one cell takes, without a server. */

import { type Bench, PLACES } from '../bench.ts';
import { BenchCells } from '../cells.ts';
import { type Contender, type Figure, medianMs, preparedMedianMs } from '../figure.ts';
import { Floor } from '../floor.ts';
import { bwrapArguments, nsjailArguments, runcBundle, runProgram } from '../peers.ts';

const LAUNCHES = 30;

const program = (
  name: string,
  path: string | undefined,
  args: (path: string) => readonly string[],
): Contender[] => {
  if (path === undefined) return [];
  const all = args(path);
  return [{ name, measure: () => medianMs(LAUNCHES / 3, () => runProgram(path, all)) }];
};

const runc = (bench: Bench): Contender[] => {
  const path = bench.peer('runc');
  if (path === undefined) return [];
  const bundle = runcBundle(bench, path);
  let next = 0;
  const run = () => {
    const id = `cloister-bench-${process.pid}-${next++}`;
    // It joins cgroups that may give real-time processes no time (sched-rt-group.rst).
    return runProgram('nice', ['-n', '-20', 'chrt', '--other', '0', path, 'run', '--bundle', bundle, id]);
  };
  return [{ name: 'runc', measure: () => medianMs(5, run) }];
};

export const launch: Figure = {
  name: 'Launch of `true`',
  unit: 'ms',
  how: 'the spawner alone, from the launch plan to the exit record, in a cell that was prepared without making it; others: the whole command',
  less: true,
  base: 'floor',
  open: async (bench) => {
    const floor = new Floor(bench);
    const cells = async (place: keyof typeof PLACES): Promise<Contender[]> => {
      const opened = await BenchCells.open(PLACES[place], bench.image);
      const name = `Cloister, state in ${place === 'disk' ? 'files on a disk' : 'memory'}`;
      return [
        { name, measure: () => medianMs(LAUNCHES, () => opened.run()), close: () => opened.close() },
        {
          name: `${name}, prepared cell`,
          measure: () => preparedMedianMs(LAUNCHES, () => opened.prepare()),
        },
      ];
    };
    return [
      { name: 'floor', measure: () => medianMs(LAUNCHES, () => floor.run()), close: () => floor.close() },
      ...(await cells('memory')),
      ...(await cells('disk')),
      ...program('bubblewrap', bench.peer('bwrap'), () => bwrapArguments(bench.image)),
      ...program('nsjail', bench.peer('nsjail'), () => nsjailArguments(bench.image)),
      ...runc(bench),
    ];
  },
};
