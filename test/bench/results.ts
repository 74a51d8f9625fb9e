/** What was measured, as a table in Markdown and as a drawing. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, release, totalmem } from 'node:os';
import type { Bench } from './bench.ts';
import { type Figure, median } from './figure.ts';

/** The values of one contender, one for each round. */
export interface Row {
  readonly name: string;
  readonly values: readonly number[];
}

/** A figure that was measured. */
export interface Result {
  readonly figure: Figure;
  readonly rows: readonly Row[];
}

/** The median of a contender divided by that of the one it is compared with. */
export const ratio = ({ figure, rows }: Result, row: Row): number => {
  const base = rows.find(({ name }) => name === figure.base);
  return median(row.values) / median(base?.values ?? []);
};

const digits = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

const UNITS = {
  ms: 'Milliseconds',
  'per second': 'Per second',
  'MB per second': 'Megabytes per second',
} as const;

const table = (result: Result): string[] => {
  const { figure, rows } = result;
  return [
    `## ${figure.name}`,
    '',
    `${UNITS[figure.unit]}, ${figure.less ? 'less' : 'more'} is better: ${figure.how}.`,
    '',
    '| | median | least | most | ratio |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows.map((row) => {
      const numbers = [median(row.values), Math.min(...row.values), Math.max(...row.values)].map(digits);
      return `| ${row.name} | ${numbers.join(' | ')} | ${ratio(result, row).toFixed(2)} |`;
    }),
    '',
  ];
};

const processor = (): string =>
  /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'an unknown processor';

const load = (): string => readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 2).join(' and ');

const fileSystem = (path: string): string =>
  execFileSync('stat', ['--file-system', '--format=%T', path], { encoding: 'utf8' }).trim();

/** The machine, as items of a list. @param disk the folder of the state that is in files on a disk */
export const machine = (disk: string): readonly string[] => [
  `- ${availableParallelism()} processors (${processor()}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
  `- Node.js ${process.version}; the disk: ${fileSystem(disk)}; load while it ran: ${load()} (1 and 5 minutes)`,
];

/** The report. @param disk the folder of the state that is in files on a disk */
export const markdown = (bench: Bench, results: readonly Result[], rounds: number, disk: string): string => {
  const versions = bench.peers.map((peer) => `- ${peer}: ${bench.version(peer) ?? 'not on this machine'}`);
  return `${[
    '# Results of the benchmark',
    '',
    'Written by `make bench`; what it measures and how to add to it is in [README.md](README.md).',
    '',
    '![The same as a drawing](results.svg)',
    '',
    `Medians of ${rounds} rounds in which all took turns. A ratio is that to the first line.`,
    '',
    ...machine(disk),
    ...versions,
    `- mercurius: ${bench.mercurius ?? 'not on this machine (make bench-peers)'}`,
    '',
    ...results.flatMap(table),
  ]
    .join('\n')
    .trimEnd()}\n`;
};

const WIDTH = 760;
const LABEL = 250;
const BAR = 380;
const LINE = 20;

const plain = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('`', '');

/** The medians as bars. @returns an SVG */
export const drawing = (results: readonly Result[]): string => {
  const parts: string[] = [];
  let y = 10;
  for (const { figure, rows } of results) {
    y += LINE;
    parts.push(`<text class="title" x="10" y="${y}">${plain(figure.name)}</text>`);
    const note = `${figure.unit}, ${figure.less ? 'less' : 'more'} is better`;
    parts.push(`<text class="note" x="${WIDTH - 10}" y="${y}" text-anchor="end">${note}</text>`);
    const most = Math.max(...rows.map(({ values }) => median(values)));
    for (const { name, values } of rows) {
      const value = median(values);
      const length = Math.max(1, (value / most) * BAR);
      const kind = name.startsWith('Cloister') ? 'ours' : 'other';
      parts.push(
        `<text x="10" y="${y + LINE}">${plain(name)}</text>`,
        `<rect class="${kind}" x="${LABEL}" y="${y + 8}" width="${length.toFixed(1)}" height="14"/>`,
        `<text x="${(LABEL + length + 6).toFixed(1)}" y="${y + LINE}">${digits(value)}</text>`,
      );
      y += LINE;
    }
    y += LINE / 2;
  }
  const style =
    'text{font:13px sans-serif;fill:#888}.title{font-weight:bold}.note{font-size:11px}.ours{fill:#2f81f7}.other{fill:#9aa4ae}';
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 10}" role="img" aria-label="Results of the benchmark">`;
  return `${[head, `<style>${style}</style>`, ...parts, '</svg>'].join('\n')}\n`;
};
