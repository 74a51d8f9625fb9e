/** What the server holds in memory of a job that has not ended. */

import type { CellConnection } from './cells.ts';

/** A job that has not ended, as this server holds it. */
export class LiveJob {
  readonly id: string;
  #connection: CellConnection | undefined;
  #stop: number | undefined;
  #steps: Promise<void> = Promise.resolve();

  constructor(id: string) {
    this.id = id;
  }

  /** Takes the connection to its supervisor. A stop that was asked for before is passed on. */
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

  /** Does one thing after the other: what a supervisor told first is written first. */
  inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#steps.then(step);
    this.#steps = done.catch(() => undefined);
    return done;
  }

  /** Lets go of the connection. */
  detach(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Lets go of the connection, and settles when nothing is under way any more. The job goes on. */
  async release(): Promise<void> {
    this.detach();
    await this.#steps;
  }
}

/** A supervisor that is gone has ended its job: what it was asked for is done. */
const pass = (stop: Promise<void>): void => {
  stop.catch(() => undefined);
};
