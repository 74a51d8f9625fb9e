/** Spreads work over turns of the event loop. */

interface Work {
  readonly weight: number;
  readonly run: () => void;
}

/**
 * Starts some work in each turn of the event loop, and the rest in the following ones, in order: what else comes in
 * meanwhile does not wait until all of it is done.
 */
export class Turns {
  readonly #mostWeight: number;
  #usedWeight = 0;
  #isScheduled = false;
  readonly #waiting: Work[] = [];

  /** @param mostWeight what is started in one turn, together; a single work may have more */
  constructor(mostWeight: number) {
    this.#mostWeight = mostWeight;
  }

  /** Starts work at once if this turn has room for it and nothing else waits, otherwise in a later turn. */
  start(weight: number, run: () => void): void {
    if (this.#waiting.length === 0 && this.#usedWeight < this.#mostWeight) this.#begin({ weight, run });
    else this.#waiting.push({ weight, run });
  }

  #begin({ weight, run }: Work): void {
    this.#usedWeight += weight;
    this.#schedule();
    run();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isScheduled = false;
    this.#usedWeight = 0;
    const waiting = this.#waiting;
    let begun = 0;
    for (
      let work = waiting[begun];
      work !== undefined && this.#usedWeight < this.#mostWeight;
      work = waiting[begun]
    ) {
      begun += 1;
      this.#begin(work);
    }
    waiting.splice(0, begun);
  }
}
