/** What the server holds in memory of a job that has not ended. */

import type { CellConnection } from './cells.ts';
import type { FinalState, Job } from './job.ts';
import { payloadBytes } from './queue.ts';

// Of command, environment and standard input.
const MOST_HELD_BYTES = 4096;

/** A job that has not ended, as this server holds it. */
export class LiveJob {
  readonly id: string;
  #connection: CellConnection | undefined;
  #stop: number | undefined;
  /** When its turn had come, on the clock of `performance.now()`; unknown where an earlier server started it. */
  turnAtMs: number | undefined;
  /** When its command was executed, as its supervisor said; it may not be stored yet. */
  began: Date | undefined;
  /** Milliseconds that it was paused, as far as this server knows. */
  pausedMs = 0;
  /** The job as this server last stored it, if it is small: its supervisor reports several times. */
  #job: Job | undefined;
  /** How the job has ended, if its supervisor is killed without leaving a record. */
  verdict: ((job: Job) => FinalState) | undefined;
  #steps: Promise<void> = Promise.resolve();
  #postponed: { readonly step: () => void; readonly timer: NodeJS.Timeout } | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** The job as it was last stored; `undefined`: it has to be read. */
  get job(): Job | undefined {
    return this.#job;
  }

  /** The job as it has just been stored. */
  set job(job: Job | undefined) {
    this.#job = job !== undefined && payloadBytes(job.spec) <= MOST_HELD_BYTES ? job : undefined;
  }

  /** Sets the connection to its supervisor. A stop that was requested before is passed on. */
  attach(connection: CellConnection): void {
    this.#connection?.close();
    this.#connection = connection;
    if (this.#stop !== undefined) pass(connection.stop(this.#stop));
  }

  /** The connection to its supervisor, while there is one. */
  get connection(): CellConnection | undefined {
    return this.#connection;
  }

  /** Stops it, now or as soon as its supervisor can be reached. */
  stop(gracePeriodMs: number): void {
    this.#stop = Math.min(gracePeriodMs, this.#stop ?? gracePeriodMs);
    if (this.#connection !== undefined) pass(this.#connection.stop(gracePeriodMs));
  }

  /**
   * Runs a step soon, or when `settle` asks for it: what comes meanwhile may make it unnecessary.
   *
   * @param inMs milliseconds until then
   */
  postpone(step: () => void, inMs: number): void {
    this.cancel();
    const timer = setTimeout(() => this.settle(), inMs);
    this.#postponed = { step, timer };
  }

  /** Runs the step that was postponed now. */
  settle(): void {
    const postponed = this.#postponed;
    this.cancel();
    postponed?.step();
  }

  /** Forgets the step that was postponed. */
  cancel(): void {
    clearTimeout(this.#postponed?.timer);
    this.#postponed = undefined;
  }

  /** Runs steps one after the other, so that what a supervisor reported first is stored first. */
  inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#steps.then(step);
    this.#steps = done.catch(() => undefined);
    return done;
  }

  /** Closes the connection of a job that has ended, when what was asked of its supervisor has been answered. */
  leave(): void {
    this.#connection?.leave();
    this.#connection = undefined;
  }

  /** Closes the connection, and settles when the last step is done. The job continues. */
  async release(): Promise<void> {
    this.cancel();
    this.#connection?.close();
    this.#connection = undefined;
    await this.#steps;
  }
}

/** A supervisor that refuses because it is gone has ended its job, as it was asked to. */
const pass = (stop: Promise<void>): void => {
  stop.catch(() => undefined);
};
