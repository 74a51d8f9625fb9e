/** Makes system calls fail, or kills a process there, with strace(1). */

import { randomFrom } from './random.ts';
import type { Call, Fault } from './strace.ts';

/** The effect of a fault on a system call. */
export type Effect = Pick<Fault, 'error' | 'signal'>;

// One in this many of the calls that could meet a fault does, unless all are to.
const SHARE = process.env['CLOISTER_FAULTS'] === 'all' ? 1 : 3;

/** Which calls meet a fault, chosen by a seed that CLOISTER_FAULTS_SEED repeats. */
export class FaultPlan {
  readonly seed = Number(process.env['CLOISTER_FAULTS_SEED'] ?? 1 + (Date.now() % 1_000_000));
  /** How often one process makes each call, at most. */
  readonly #calls = new Map<string, number>();

  /** Takes the calls of a run without a fault. */
  learn(calls: readonly Call[]): void {
    for (const [name, some] of Map.groupBy(calls, (call) => call.name)) {
      const each = [...Map.groupBy(some, ({ pid }) => pid).values()].map(({ length }) => length);
      this.#calls.set(name, Math.max(...each));
    }
  }

  /**
   * Faults for the calls whose name has an effect.
   *
   * @param part one in this many of them, unless all are to be chosen
   */
  choose(effect: (name: string) => Effect | undefined, part = 1): readonly Fault[] {
    const random = randomFrom(this.seed);
    return [...this.#calls].flatMap(([syscall, most]) => {
      const what = effect(syscall);
      if (what === undefined) return [];
      const each = Array.from({ length: most }, (_, index) => ({ syscall, when: index + 1, ...what }));
      return each.filter(() => random(SHARE === 1 ? 1 : SHARE * part) === 0);
    });
  }
}
