/** Closes what a program has opened, also when it fails half-way. */

/** Undoes what was done, last first. */
export class Cleanup {
  readonly #steps: (() => unknown)[] = [];

  /** Call it as soon as there is something to undo: nothing may fail between the two. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /**
   * Runs every step, also after one has failed.
   *
   * @param failed is given what a step throws
   */
  async run(failed: (error: unknown) => void): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failed(error);
      }
    }
  }
}
