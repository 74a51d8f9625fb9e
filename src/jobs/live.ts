import type { Control } from '../runtime/protocol/control.ts';

/** A job that has not ended, as this server holds it. */
export class LiveJob {
  readonly id: string;
  #control: Control | undefined;
  #stop: number | undefined;
  #steps: Promise<void> = Promise.resolve();

  constructor(id: string) {
    this.id = id;
  }

  /** Takes the connection to its supervisor. A stop that was asked for before is passed on. */
  attach(control: Control): void {
    this.#control?.close();
    this.#control = control;
    if (this.#stop !== undefined) pass(control.stop(this.#stop));
  }

  /** The connection to its supervisor, while there is one. */
  get control(): Control | undefined {
    return this.#control;
  }

  /** Stops it, now or as soon as its supervisor can be reached. */
  stop(gracePeriodMs: number): void {
    this.#stop = Math.min(gracePeriodMs, this.#stop ?? gracePeriodMs);
    if (this.#control !== undefined) pass(this.#control.stop(gracePeriodMs));
  }

  /** Does one thing after the other: what a supervisor told first is written first. */
  inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#steps.then(step);
    this.#steps = done.catch(() => undefined);
    return done;
  }

  /** Lets go of the connection. */
  detach(): void {
    this.#control?.close();
    this.#control = undefined;
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
