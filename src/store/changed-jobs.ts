/** The jobs whose rows were written and are not on disk yet. */

/**
 * The ids of these jobs, from a commit until the sync after it has ended. The id of a write that was rolled back is
 * kept for as long, which only makes readers wait.
 */
export class ChangedJobs {
  /** Written since the last sync began; those that this sync covers are in `#syncing`. */
  #later = new Set<string>();
  #syncing: ReadonlySet<string> = new Set();

  /** A job is being inserted, changed or deleted. */
  note(id: string): void {
    this.#later.add(id);
  }

  /** Whether the row of a job, or its absence, may not be on disk yet. */
  has(id: string): boolean {
    return this.#syncing.has(id) || this.#later.has(id);
  }

  /** A sync begins, which covers everything noted so far. */
  begin(): void {
    this.#syncing = this.#later;
    this.#later = new Set();
  }

  /** The sync has succeeded. */
  end(): void {
    this.#syncing = new Set();
  }
}
