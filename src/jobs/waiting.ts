/** The jobs that wait for their turn, shared fairly between subjects. */

/** What the queue has to know of a job, and all that it holds of it. */
export interface QueueEntry {
  readonly id: string;
  /** Its subject. */
  readonly owner: string;
  readonly priority: number;
  readonly startAfter: Date | null;
  readonly memoryBytes: number | null;
  readonly cpus: number | null;
  /** Bytes of its command, environment and standard input: kept until it has ended, and in memory while it starts. */
  readonly payloadBytes: number;
}

/** The jobs of one priority: a line for each subject, in the order in which subjects have their turns. */
type Level = Map<string, QueueEntry[]>;

/**
 * Jobs in the order of their turns: the higher priority first; of one priority one job of each subject after the other
 * (round robin), so that a subject with thousands of jobs delays another by no more than one job at a time; of one
 * subject in order of submission.
 */
export class Waiting {
  /** By priority, the highest first. */
  readonly #levels = new Map<number, Level>();
  #priorities: number[] = [];
  readonly #byId = new Map<string, QueueEntry>();

  /** How many wait. */
  get size(): number {
    return this.#byId.size;
  }

  /** Adds a job, behind those of its subject that were submitted before it. */
  add(job: QueueEntry): void {
    let level = this.#levels.get(job.priority);
    if (level === undefined) {
      level = new Map();
      this.#levels.set(job.priority, level);
      this.#priorities = [...this.#levels.keys()].sort((one, other) => other - one);
    }
    const line = level.get(job.owner) ?? [];
    // A subject that joins has its turn after those that wait already.
    level.set(job.owner, line);
    line.splice(placeIn(line, job.id), 0, job);
    this.#byId.set(job.id, job);
  }

  /**
   * The job whose turn it is.
   *
   * @param passes whether a job's subject is passed over now: its jobs wait for each other
   */
  first(passes: (job: QueueEntry) => boolean): QueueEntry | undefined {
    for (const priority of this.#priorities)
      for (const [job] of this.#levels.get(priority)?.values() ?? [])
        if (job !== undefined && !passes(job)) return job;
    return undefined;
  }

  /** Removes a job whose turn has come: its subject has the next one after all others. */
  take(job: QueueEntry): void {
    const level = this.#levels.get(job.priority);
    const line = level?.get(job.owner);
    if (level === undefined || line === undefined || !this.#remove(job)) return;
    if (!level.delete(job.owner) || line.length === 0) return;
    level.set(job.owner, line);
  }

  /** Removes a job that will not have its turn; `undefined` when it does not wait. */
  remove(id: string): QueueEntry | undefined {
    const job = this.#byId.get(id);
    if (job !== undefined) this.#remove(job);
    return job;
  }

  #remove(job: QueueEntry): boolean {
    const level = this.#levels.get(job.priority);
    const line = level?.get(job.owner);
    if (level === undefined || line === undefined || !this.#byId.delete(job.id)) return false;
    line.splice(placeIn(line, job.id), 1);
    if (line.length === 0) level.delete(job.owner);
    if (level.size === 0) {
      this.#levels.delete(job.priority);
      this.#priorities = this.#priorities.filter((priority) => priority !== job.priority);
    }
    return true;
  }

  /** A job that waits. */
  get(id: string): QueueEntry | undefined {
    return this.#byId.get(id);
  }

  /** How many jobs have their turns before one that waits, if none is added and no subject is passed over. */
  ahead({ id, owner, priority }: QueueEntry): number {
    let count = 0;
    for (const higher of this.#priorities) {
      if (higher <= priority) break;
      for (const line of this.#levels.get(higher)?.values() ?? []) count += line.length;
    }
    const level: Level = this.#levels.get(priority) ?? new Map();
    const own = placeIn(level.get(owner) ?? [], id);
    let isBefore = true;
    for (const [subject, line] of level) {
      if (subject === owner) {
        isBefore = false;
        count += own;
      } else count += Math.min(line.length, isBefore ? own + 1 : own);
    }
    return count;
  }

  /** Forgets all jobs. */
  clear(): void {
    this.#levels.clear();
    this.#priorities = [];
    this.#byId.clear();
  }
}

/** The place of a job in the line of its subject, or where it belongs. Ids sort by submission. */
const placeIn = (line: readonly QueueEntry[], id: string): number => {
  let low = 0;
  for (let high = line.length; low < high; ) {
    const middle = (low + high) >>> 1;
    const other = line[middle];
    if (other !== undefined && other.id < id) low = middle + 1;
    else high = middle;
  }
  return low;
};
