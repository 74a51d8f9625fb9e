/** Starts the cells that attempts to escape run in. */

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Step } from '../../../src/runtime/protocol/plan.ts';
import { type Argv, CellBench, type Finished, LAUNCHER, type StartedCell } from '../../support/cell.ts';
import { editedLauncher, program } from '../../support/programs.ts';
import { type Making, NEGLECTED, STEPS } from './making.ts';

export const PROBE = join(import.meta.dirname, 'probe.c');
export const HOARD = join(import.meta.dirname, 'hoard.c');

/** The input of a cell, as environment variables. */
export type Facts = Readonly<Record<string, string>>;

/** A folder of the host that a careless parent of the spawner has open, and a key that it has. */
export const LEAKED_FILE = 'leaked';
export const LEAKED_KEY = 'cloister-leaked';

/** The outcome of a command. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly failure: Finished['record']['failure'];
}

/** Benches whose spawners have a careless parent: see `careless` in probe.c. */
export class Cells {
  readonly #benches = new Map<string, CellBench>();

  /** Runs a command in a cell, where $PROBE and $HOARD are programs and $CGROUP is its cgroup. */
  async run(argv: Argv, making: Making, facts: Facts = {}): Promise<Finished> {
    return (await this.start(argv, making, facts)).finished;
  }

  /** Starts a command in such a cell. */
  start(argv: Argv, { plan = {}, launcher }: Making, facts: Facts = {}): Promise<StartedCell> {
    const steps = [...(plan.steps ?? STEPS), ...tool('/probe', PROBE), ...tool('/hoard', HOARD)];
    const given = { PROBE: '/probe', HOARD: '/hoard', CGROUP: '/sys/fs/cgroup', PATH: '/usr/bin:/bin:/sbin' };
    const env = Object.entries({ ...given, ...facts }).map(([name, value]) => ({ name, value }));
    return this.bench(launcher).start(argv, { env, ...plan, steps });
  }

  /** Runs a line of shell in a cell, or outside of all. */
  async sh(line: string, making: Making, facts: Facts): Promise<Outcome> {
    const argv = ['/bin/sh', '-c', line] as const;
    if (making.outside === undefined) {
      const { stdout, stderr, record } = await this.run(argv, making, facts);
      return { stdout, stderr, failure: record.failure };
    }
    const given = { PROBE: program(PROBE), HOARD: program(HOARD), CGROUP: this.bench().cgroups };
    const env = { PATH: process.env['PATH'], ...given, ...facts };
    const { stdout, stderr } = spawnSync(argv[0], argv.slice(1), { env, encoding: 'utf8' });
    return { stdout, stderr, failure: null };
  }

  /** Runs a line of shell as a further command in a cell that runs, which `execInJob` does. */
  async shInRunning(line: string, making: Making, facts: Facts): Promise<Outcome> {
    const parent = await this.start(['/bin/sleep', '1000'], making, facts);
    await parent.running;
    const cgroup = { path: join(parent.cgroup, 'exec-1'), settings: [], collect: [] };
    const plan = { ...making.plan, join: parent.id, cgroup };
    const { stdout, stderr, record } = await this.run(['/bin/sh', '-c', line], { ...making, plan }, facts);
    await parent.control.stop(0);
    await parent.finished;
    return { stdout, stderr, failure: record.failure };
  }

  /** The bench of the launcher, or of the negligent one. */
  bench(launcher?: Making['launcher']): CellBench {
    const path = launcher === undefined ? LAUNCHER : editedLauncher(launcher, NEGLECTED);
    const bench = this.#benches.get(path) ?? carelessBench(path);
    this.#benches.set(path, bench);
    return bench;
  }

  async close(): Promise<void> {
    for (const bench of this.#benches.values()) await bench.close();
  }
}

const carelessBench = (launcher: string): CellBench =>
  new CellBench((state) => {
    const folder = join(state, 'open');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    chmodSync(state, 0o755);
    writeFileSync(join(folder, LEAKED_FILE), '');
    const script = join(state, 'launcher');
    const command = [program(PROBE), 'careless', folder, LEAKED_KEY, launcher];
    writeFileSync(script, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(' ')} "$@"\n`, {
      mode: 0o755,
    });
    return script;
  });

const tool = (path: string, source: string): Step[] => [
  { kind: 'file', path, mode: 0o755, text: '' },
  { kind: 'bind', source: program(source), path, attributes: 0 },
];
