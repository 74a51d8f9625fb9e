/** Notices supervisors that do not enforce a deadline or a stop. */

import type { Log } from '../log.ts';

/** The kind of deadline: the timeout of the job, or the grace period of a stop. */
export type Due = 'TIMEOUT' | 'STOP';

/** What deadlines are enforced with that a supervisor has missed. */
export interface KeeperOptions {
  /** Milliseconds after a deadline that a supervisor has to end the job itself. */
  readonly graceMs: number;
  /** Whether the supervisor of a job responds. One that does keeps its deadlines, of which it knows more. */
  readonly responds: (id: string) => Promise<boolean>;
  /** Called when a deadline has passed and the supervisor does not respond; it is asked again when that throws. */
  readonly overdue: (id: string, due: Due) => Promise<void>;
  readonly log: Log;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;
const AGAIN_MS = 30_000;

/** Checks each deadline once it has passed, and reports supervisors that are stopped or stuck and do not enforce it. */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #timers = new Map<string, Map<Due, NodeJS.Timeout>>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /**
   * Sets the deadline of a job, in place of an earlier one of the same kind.
   *
   * @param inMs milliseconds from now
   */
  expect(id: string, due: Due, inMs: number): void {
    this.#arm(id, due, performance.now() + Math.max(0, inMs) + this.#options.graceMs);
  }

  /** The job has ended. */
  forget(id: string): void {
    for (const timer of this.#timers.get(id)?.values() ?? []) clearTimeout(timer);
    this.#timers.delete(id);
  }

  /** Forgets all jobs. */
  close(): void {
    for (const id of [...this.#timers.keys()]) this.forget(id);
  }

  /** @param atMs on the clock of `performance.now()` */
  #arm(id: string, due: Due, atMs: number): void {
    const timers = this.#timers.get(id) ?? new Map<Due, NodeJS.Timeout>();
    this.#timers.set(id, timers);
    clearTimeout(timers.get(due));
    const leftMs = Math.max(0, atMs - performance.now());
    const timer = setTimeout(
      () => (leftMs > LONGEST_TIMER_MS ? this.#arm(id, due, atMs) : this.#look(id, due, timer)),
      Math.min(leftMs, LONGEST_TIMER_MS),
    ).unref();
    timers.set(due, timer);
  }

  #look(id: string, due: Due, timer: NodeJS.Timeout): void {
    const { responds, overdue, log } = this.#options;
    // The job may have ended, or got another deadline, while its supervisor was asked.
    const isDue = (): boolean => this.#timers.get(id)?.get(due) === timer;
    const step = async (): Promise<void> => {
      if (!(await responds(id)) && isDue()) await overdue(id, due);
    };
    step()
      .catch((error: unknown) =>
        log(`its supervisor does not respond: ${error}`, { level: 'error', jobId: id }),
      )
      .finally(() => {
        if (isDue()) this.#arm(id, due, performance.now() + AGAIN_MS);
      });
  }
}
