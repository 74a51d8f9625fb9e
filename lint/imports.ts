/**
 * Checks which parts of the program import which others: `node lint/imports.ts`. The rules below are what the drawing in
 * the documentation shows. A type-only import is an import like any other: it is knowledge of the other part.
 *
 * This is a script of its own because a tool that reads types needs the compiler's programming interface, which the
 * native TypeScript compiler does not have; Biome knows neither cycles nor rules by folder.
 */

import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface Part {
  /** The files: folders end in a slash. Of two parts that fit, the one whose path is longer has the file. */
  readonly files: readonly string[];
  /** Parts that it may import besides itself. */
  readonly imports: readonly string[];
}

/** Every part of the program. What is not listed here is an error. */
export const PARTS: Readonly<Record<string, Part>> = {
  /** Leaves: units, names and numbers that everybody shares. */
  basics: {
    files: ['src/units.ts', 'src/signals.ts', 'src/version.ts', 'src/job-status.ts', 'src/cleanup.ts'],
    imports: [],
  },
  /** Unpacked images; a program of its own that the server also uses. */
  rootfs: { files: ['rootfs/'], imports: [] },
  async: { files: ['src/async/'], imports: [] },
  state: { files: ['src/state/'], imports: [] },
  config: { files: ['src/config/'], imports: ['basics', 'state'] },

  /** What of the runtime only names and computes, and touches no machine. */
  model: {
    files: [
      'src/runtime/cgroup/cpu-list.ts',
      'src/runtime/log/cursor.ts',
      'src/runtime/log/page.ts',
      'src/runtime/log/frame.ts',
      'src/runtime/log/utf8.ts',
      'src/runtime/capabilities.ts',
      'src/runtime/protocol/fields.ts',
      'src/runtime/protocol/id-map.ts',
      'src/runtime/protocol/isolation.ts',
    ],
    imports: ['basics'],
  },
  /** The mechanism: the launcher's counterpart, cgroups, ids, logs, the doctor. Knows nothing of jobs. */
  runtime: { files: ['src/runtime/'], imports: ['model', 'async', 'state', 'basics', 'rootfs'] },

  /** The policy: what a job is, the state machine, and the interfaces of a store and of cells. */
  jobs: { files: ['src/jobs/'], imports: ['model', 'async', 'basics'] },
  /** SQLite: implements jobs/store.ts. */
  store: { files: ['src/store/'], imports: ['jobs', 'basics'] },
  /** This machine: implements jobs/cells.ts. */
  cells: {
    files: ['src/cells/'],
    imports: ['jobs', 'runtime', 'model', 'rootfs', 'config', 'state', 'async', 'basics'],
  },

  /** GraphQL on the job service. */
  resolvers: { files: ['src/resolvers/'], imports: ['jobs', 'model', 'basics'] },
  /** HTTP, SSE and WebSocket. */
  server: { files: ['src/server/'], imports: ['resolvers', 'jobs', 'config', 'async', 'basics'] },
  /** The module `cloister/client`: runs in browsers, so that it imports nothing. */
  clientApi: { files: ['src/client-api/'], imports: [] },
  /** The command line, over the API. */
  client: { files: ['src/client/'], imports: ['clientApi', 'config', 'state', 'basics'] },
  /** Commands: wiring only. */
  commands: {
    files: ['src/main.ts', 'src/serve.ts', 'src/image.ts'],
    imports: [
      'server',
      'resolvers',
      'jobs',
      'store',
      'cells',
      'runtime',
      'rootfs',
      'client',
      'config',
      'state',
      'basics',
    ],
  },
};

/** The part that has a file, by the longest path that fits. */
const partOf = (file: string): string | undefined => {
  const fits = Object.entries(PARTS).flatMap(([part, { files }]) =>
    files
      .filter((path) => (path.endsWith('/') ? file.startsWith(path) : file === path))
      .map((path) => ({ part, length: path.length })),
  );
  return fits.toSorted((one, other) => other.length - one.length)[0]?.part;
};

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
const graph = new Map(
  globSync(['src/**/*.{ts,js}', 'rootfs/**/*.ts']).map((file) => [file, importsOf(file)] as const),
);
for (const [file, imported] of graph) {
  const part = partOf(file);
  if (part === undefined) errors.push(`${file}: belongs to no part of lint/imports.ts`);
  for (const other of imported) {
    const target = partOf(other);
    if (part === undefined || target === undefined || target === part) continue;
    if (!PARTS[part]?.imports.includes(target))
      errors.push(`${file}: ${part} may not import ${target} (${other})`);
  }
}
for (const cycle of cyclesOf(graph))
  errors.push(`these files import each other in a circle: ${cycle.join(', ')}`);
for (const error of errors) process.stderr.write(`${error}\n`);
if (errors.length > 0) process.exitCode = 1;
