/**
 * The benchmark: `node test/bench/run.ts [--rounds N] [--only TEXT] [--write FOLDER]`. Measures all figures, or those
 * whose names contain a text, prints them, and writes the report.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench, PLACES } from './bench.ts';
import { median } from './figure.ts';
import { FIGURES } from './figures/index.ts';
import { measure } from './measure.ts';
import { prefer } from './priority.ts';
import { drawing, markdown, type Result, ratio } from './results.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    write: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new RangeError(`--rounds: a number from 1 on, got ${values.rounds}`);

prefer(process.pid);
const bench = await Bench.open();
const results: Result[] = [];
try {
  for (const figure of FIGURES.filter(({ name }) => name.includes(values.only))) {
    const result = await measure(bench, figure, rounds);
    results.push(result);
    console.log(`${figure.name} (${figure.unit})`);
    for (const row of result.rows)
      console.log(
        `  ${row.name.padEnd(36)} ${median(row.values).toFixed(2).padStart(9)}  x ${ratio(result, row).toFixed(2)}`,
      );
  }
} finally {
  await bench.close();
}
if (values.write !== undefined) {
  mkdirSync(values.write, { recursive: true });
  writeFileSync(join(values.write, 'RESULTS.md'), markdown(bench, results, rounds, PLACES.disk));
  writeFileSync(join(values.write, 'results.svg'), drawing(results));
}
process.exit(0);
