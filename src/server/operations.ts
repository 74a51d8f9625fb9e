/** Counts the operations in progress, so that a server that is closing can wait for them. */
export class Operations {
  #open = 0;
  #settled = Promise.withResolvers<void>();

  /** @returns a function to call when the operation has ended; further calls do nothing */
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

  /** Settles once no operation is in progress, or after `atMost` milliseconds. */
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
