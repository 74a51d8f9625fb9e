/** Counts what is under way, so that a server that closes can wait for it. */
export class Operations {
  #open = 0;
  #settled = Promise.withResolvers<void>();

  /** @returns what tells that it is over; called again, it does nothing */
  begin(): () => void {
    this.#open += 1;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#open -= 1;
      if (this.#open > 0) return;
      this.#settled.resolve();
      this.#settled = Promise.withResolvers();
    };
  }

  /** Settles once nothing is under way, after `atMost` milliseconds in any case. */
  async settled(atMost: number): Promise<void> {
    if (this.#open === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, atMost);
    });
    await Promise.race([this.#settled.promise, late]);
    clearTimeout(timer);
  }
}
