/** The jobs whose rows were written and are not on disk yet. */

/** Between a commit and the end of the sync that follows it; an id of a write that was undone is among them for as long. */
export class ChangedJobs {
  /** Written since the last sync began, and before that. */
  #later = new Set<string>();
  #syncing: ReadonlySet<string> = new Set();

  /** A job is being inserted, changed or deleted. */
  note(id: string): void {
    this.#later.add(id);
  }

  /** Whether what the row of a job says, or that there is none, may not be on disk. */
  has(id: string): boolean {
    return this.#syncing.has(id) || this.#later.has(id);
  }

  /** A sync begins, of everything so far. */
  begin(): void {
    this.#syncing = this.#later;
    this.#later = new Set();
  }

  /** It has succeeded. */
  end(): void {
    this.#syncing = new Set();
  }
}
