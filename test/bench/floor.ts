/** Runs `floor.c` again and again. */

import { type ChildProcess, spawn } from 'node:child_process';
import type { Bench } from './bench.ts';
import { prefer } from './priority.ts';

/** A process that makes one bare cell for each request. */
export class Floor {
  readonly #child: ChildProcess;

  constructor(bench: Bench) {
    this.#child = spawn(bench.floor, ['--serve', bench.image, '/bin/true'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    prefer(this.#child.pid ?? -1);
  }

  /** Runs `true` in a bare cell. */
  run(): Promise<void> {
    const { stdin, stdout } = this.#child;
    return new Promise((resolve, reject) => {
      const died = (): void => reject(new Error('the floor program has ended'));
      this.#child.once('exit', died);
      stdout?.once('data', () => {
        this.#child.off('exit', died);
        resolve();
      });
      stdin?.write('x');
    });
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
