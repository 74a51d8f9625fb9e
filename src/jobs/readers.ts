/** Counts the readers of each log, so that none is removed while it is read. */
export class LogReaders {
  readonly #counts = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Counts one reader of a job's log until the returned function is called. */
  enter(id: string): () => void {
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    let inside = true;
    return () => {
      if (inside) this.#leave(id);
      inside = false;
    };
  }

  #leave(id: string): void {
    const left = (this.#counts.get(id) ?? 1) - 1;
    if (left > 0) {
      this.#counts.set(id, left);
      return;
    }
    this.#counts.delete(id);
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const resolve of waiting) resolve();
  }

  /** Settles when nobody reads the log of a job; at once if nobody does now. */
  async none(id: string): Promise<void> {
    while (this.#counts.has(id))
      await new Promise<void>((resolve) => {
        this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]);
      });
  }
}
