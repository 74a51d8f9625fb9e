/** Lists of which the first is taken out. */

/** A list of which the first is taken out, in constant time on average: an array would move all others. */
export class Fifo<T> {
  #items: T[] = [];
  /** How many of the first have been taken out and are still in the array. */
  #taken = 0;

  /** How many are in it. */
  get size(): number {
    return this.#items.length - this.#taken;
  }

  /** Adds one at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes out the first; `undefined` if there is none. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const first = this.#items[this.#taken];
    this.#taken += 1;
    if (2 * this.#taken >= this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return first;
  }
}
