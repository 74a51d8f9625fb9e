/**
 * Checks which parts of the program import which others: `node lint/imports.ts`, by the rules of `parts.ts`. A type-only
 * import is an import like any other: it is knowledge of the other part. What a part may import and does not is an error
 * too, so that the rules say what is so; `--incomplete` is for programs of which only some files are there.
 *
 * This is a script of its own because a tool that reads types needs the compiler's programming interface, which the
 * native TypeScript compiler does not have; Biome knows neither cycles nor rules by folder.
 */

import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { PARTS, partOf } from './parts.ts';

// Biome has formatted them, so that each begins a line and has one form.
const IMPORTS =
  /^(?:import|export)\b[^'"`;]*?\bfrom\s+'(\.[^']+)'|^import\s+'(\.[^']+)'|\bimport\(\s*'(\.[^']+)'/gm;

/** The files of this project that a file imports. */
const importsOf = (file: string): readonly string[] =>
  [...readFileSync(file, 'utf8').matchAll(IMPORTS)].map(([, from, bare, dynamic]) =>
    normalize(join(dirname(file), from ?? bare ?? dynamic ?? '')),
  );

/** Files along each cycle of imports: the strongly connected components of more than one file (Tarjan). */
const cyclesOf = (graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] => {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (file: string): number => {
    const number = index.size;
    index.set(file, number);
    stack.push(file);
    let lowest = number;
    for (const next of graph.get(file) ?? [])
      if (!index.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, index.get(next) ?? number);
    low.set(file, lowest);
    if (lowest === number) {
      const cycle = stack.splice(stack.indexOf(file));
      if (cycle.length > 1) cycles.push(cycle.sort());
    }
    return lowest;
  };
  for (const file of graph.keys()) if (!index.has(file)) visit(file);
  return cycles;
};

const errors: string[] = [];
const used = new Set<string>();
const graph = new Map(
  globSync(['src/**/*.{ts,js}', 'rootfs/**/*.ts']).map((file) => [file, importsOf(file)] as const),
);
for (const [file, imported] of graph) {
  const part = partOf(file);
  if (part === undefined) errors.push(`${file}: belongs to no part of lint/imports.ts`);
  for (const other of imported) {
    const target = partOf(other);
    if (part === undefined || target === undefined || target === part) continue;
    used.add(`${part} ${target}`);
    if (!PARTS[part]?.imports.includes(target))
      errors.push(`${file}: ${part} may not import ${target} (${other})`);
  }
}
for (const cycle of cyclesOf(graph))
  errors.push(`these files import each other in a circle: ${cycle.join(', ')}`);
if (!process.argv.includes('--incomplete'))
  for (const [part, { imports }] of Object.entries(PARTS))
    for (const target of imports)
      if (!used.has(`${part} ${target}`)) errors.push(`${part} may import ${target}, but does not`);
for (const error of errors) process.stderr.write(`${error}\n`);
if (errors.length > 0) process.exitCode = 1;
