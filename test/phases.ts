// All of "make test": says what comes and how long it takes, runs it, and closes with the time of each part.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, constants } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { inWords, readCosts, secondsFor } from './support/costs.ts';
import { mostMachines } from './vm/kinds.ts';

interface Phase {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** What it takes on a quiet machine. */
  readonly seconds: number;
}

const FUZZ_SECONDS = 25;

const estimate = (costs: string, workers: number): number => {
  const known = readCosts(join(import.meta.dirname, costs));
  return secondsFor(Object.keys(known), known, workers);
};

const phases = (make: string): readonly Phase[] => [
  {
    name: 'this machine',
    command: ['vitest', 'run'],
    seconds: estimate('costs.json', availableParallelism()),
  },
  { name: 'fuzzers', command: [make, 'test-fuzz'], seconds: FUZZ_SECONDS },
  {
    name: 'cgroup v2',
    command: [process.execPath, join(import.meta.dirname, 'vm', 'run.ts')],
    seconds: estimate('vm/costs.json', mostMachines()),
  },
];

const say = (text: string): void => {
  process.stderr.write(`test: ${text}\n`);
};

/** Runs it in this terminal and gives its exit code. */
const run = async ([program, ...parameters]: Phase['command']): Promise<number> => {
  const child = spawn(program, parameters, { stdio: 'inherit' });
  // SIGINT of a terminal reaches the child by itself.
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => child.kill(signal));
  process.once('SIGINT', () => undefined);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
};

const [make = 'make'] = process.argv.slice(2);
const all = phases(make);
const total = all.reduce((sum, { seconds }) => sum + seconds, 0);
const parts = all.map(({ name, seconds }) => `${name} ${inWords(seconds)}`).join(', ');
say(`about ${inWords(total)} on a quiet machine: ${parts}`);
const times: string[] = [];
for (const { name, command } of all) {
  say(`${name} begins`);
  const began = performance.now();
  process.exitCode = await run(command);
  times.push(`${name} ${inWords((performance.now() - began) / 1000)}`);
  if (process.exitCode !== 0) break;
}
say(`${process.exitCode === 0 ? 'all passed' : 'FAILED'} after ${times.join(', ')}`);
