/** Spreads work over turns of the event loop, in turns among those who cause it. */

import { Fifo } from './fifo.ts';

/** Whose work something is: a group takes turns with others, and within it each of its members. */
export interface Whose {
  readonly group: string;
  readonly member: string;
}

/** What is begun in one turn of the event loop. A single work may have more. */
export interface TurnLimits {
  readonly weight: number;
  /** Milliseconds since the first work of the turn. */
  readonly ms: number;
}

interface Work {
  readonly weight: number;
  readonly run: () => void;
}

/**
 * Starts some work in each turn of the event loop, and the rest in the following ones: what else comes in meanwhile does
 * not wait until all of it is done. What waits is begun in turns, so that nobody waits for all that somebody else has
 * asked for.
 */
export class Turns {
  readonly #limits: TurnLimits;
  readonly #now: () => number;
  #usedWeight = 0;
  #begunMs = 0;
  #isScheduled = false;
  #hasArrived = false;
  #hadArrived = false;
  /** When work was begun last that had waited. */
  #continuedMs = 0;
  readonly #waiting = new Map<string, Map<string, Fifo<Work>>>();

  /** @param now milliseconds on any clock */
  constructor(limits: TurnLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Starts work at once if this turn has room for it and nothing else waits, otherwise in a later turn. */
  start(whose: Whose, weight: number, run: () => void): void {
    const isAccepting = this.#hasArrived || this.#hadArrived;
    if (this.#waiting.size === 0 && !isAccepting && this.#hasRoom()) this.#begin({ weight, run });
    else this.#add(whose, { weight, run });
  }

  /** Settles when work of this weight may be begun. */
  next(whose: Whose, weight: number): Promise<void> {
    return new Promise((resolve) => this.start(whose, weight, resolve));
  }

  /**
   * Somebody has connected. Others may have done so too, and the event loop accepts one of them each turn: what waits is
   * left to further turns then, for as long as it is worked on in one. Else the newest would wait for all that came before
   * them, whose it may be.
   */
  arrived(): void {
    this.#hasArrived = true;
    this.#schedule();
  }

  #hasRoom(): boolean {
    const { weight, ms } = this.#limits;
    return this.#usedWeight === 0 || (this.#usedWeight < weight && this.#now() - this.#begunMs < ms);
  }

  #begin({ weight, run }: Work): void {
    if (this.#usedWeight === 0) this.#begunMs = this.#now();
    this.#usedWeight += weight;
    this.#schedule();
    run();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#usedWeight = 0;
      const isAccepting = this.#hasArrived && this.#now() - this.#continuedMs < this.#limits.ms;
      this.#hadArrived = this.#hasArrived;
      this.#hasArrived = false;
      if (!isAccepting) this.#continue();
      if (this.#waiting.size > 0 || this.#hadArrived) this.#schedule();
    });
  }

  #continue(): void {
    const work = this.#hasRoom() ? this.#take() : undefined;
    if (work === undefined) return;
    this.#begin(work);
    this.#continuedMs = this.#now();
    // After all that it does without waiting for anything, promises included: only then is known how long it took.
    queueMicrotask(() => process.nextTick(() => this.#continue()));
  }

  #add({ group, member }: Whose, work: Work): void {
    const members = this.#waiting.get(group) ?? new Map<string, Fifo<Work>>();
    this.#waiting.set(group, members);
    const own = members.get(member) ?? new Fifo();
    members.set(member, own);
    own.push(work);
    this.#schedule();
  }

  /** The next work of those whose turn it is, who then come last. */
  #take(): Work | undefined {
    for (const [group, members] of this.#waiting) {
      this.#waiting.delete(group);
      for (const [member, own] of members) {
        members.delete(member);
        const work = own.shift();
        if (own.size > 0) members.set(member, own);
        if (members.size > 0) this.#waiting.set(group, members);
        return work;
      }
    }
    return undefined;
  }
}
