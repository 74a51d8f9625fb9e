/** The queue of jobs that wait to start. */

import { queueFull } from './errors.ts';
import type { Job } from './job.ts';

export interface QueueOptions {
  /** Jobs that run at once. */
  readonly maxRunning: number;
  /** Jobs that wait, for a slot or for their `startAfter`. */
  readonly maxWaiting: number;
  /** What the limits of all running jobs may add up to: bytes and CPUs; `null`: not bounded. */
  readonly memoryBytes: number | null;
  readonly cpus: number | null;
  /** Called once for each job, when its turn has come. */
  readonly start: (job: Job) => void;
}

/** Where a job waits. */
export interface QueuePlace {
  /** 1 is the next to start; `null` before its `startAfter`. */
  readonly position: number | null;
  /** What it waits for, in a sentence. */
  readonly reason: string;
}

// A timer does not notice that the clock is set forward, so the clock is read at least this often.
const LONGEST_TIMER_MS = 15_000;

/**
 * Jobs that wait for their turn: the higher priority first, then in order of submission. No job overtakes the first
 * because it would fit sooner, so that a large job does not wait for ever. All of this is in the store as well: after a
 * restart the queue is filled from there.
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #waiting: Job[] = [];
  readonly #later = new Map<string, { readonly job: Job; timer: NodeJS.Timeout }>();
  readonly #running = new Map<string, Job>();
  #reserved = 0;
  #halted = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /**
   * Reserves a place for a job that is about to be stored.
   *
   * @returns a function that gives it back; to be called when the job was added, or will not be
   * @throws ClientError `QUEUE_FULL`
   */
  reserve(): () => void {
    const { maxWaiting } = this.#options;
    if (this.size + this.#reserved >= maxWaiting) throw queueFull(maxWaiting);
    this.#reserved += 1;
    let held = true;
    return () => {
      if (held) this.#reserved -= 1;
      held = false;
    };
  }

  /** Jobs that wait. */
  get size(): number {
    return this.#waiting.length + this.#later.size;
  }

  /** Adds a job, and starts it at once if nothing prevents that. */
  add(job: Job): void {
    const startMs = job.spec.startAfter?.getTime() ?? 0;
    if (startMs > Date.now()) this.#postpone(job, startMs);
    else this.#insert(job);
    this.#advance();
  }

  /** Counts a job that runs already. */
  occupy(job: Job): void {
    this.#running.set(job.id, job);
  }

  /** A job has ended: what it occupied is free. */
  release(id: string): void {
    if (this.#running.delete(id)) this.#advance();
  }

  /** Removes a waiting job, so that it never starts; false when it does not wait. */
  remove(id: string): boolean {
    const later = this.#later.get(id);
    clearTimeout(later?.timer);
    if (this.#later.delete(id)) return true;
    const index = this.#waiting.findIndex((job) => job.id === id);
    if (index < 0) return false;
    this.#waiting.splice(index, 1);
    this.#advance();
    return true;
  }

  /** Where a job waits; `undefined` when it does not. */
  place(id: string): QueuePlace | undefined {
    const later = this.#later.get(id);
    if (later !== undefined) {
      return {
        position: null,
        reason: `it waits for startAfter, ${later.job.spec.startAfter?.toISOString()}`,
      };
    }
    const index = this.#waiting.findIndex((job) => job.id === id);
    const [first] = this.#waiting;
    if (index < 0 || first === undefined) return undefined;
    const reason = this.#obstacle(first) ?? 'it is about to start';
    return {
      position: index + 1,
      reason: index === 0 ? reason : `${index} jobs are ahead of it; for the first: ${reason}`,
    };
  }

  /**
   * Starts no more jobs; what waits stays where it is.
   *
   * @returns the ids of the jobs that were started and have not ended
   */
  halt(): readonly string[] {
    this.#halted = true;
    return [...this.#running.keys()];
  }

  /** Starts no more jobs, and forgets what waits. */
  close(): void {
    this.#halted = true;
    for (const { timer } of this.#later.values()) clearTimeout(timer);
    this.#later.clear();
    this.#waiting.length = 0;
  }

  #insert(job: Job): void {
    let low = 0;
    for (let high = this.#waiting.length; low < high; ) {
      const middle = (low + high) >>> 1;
      const other = this.#waiting[middle];
      if (other !== undefined && isBefore(other, job)) low = middle + 1;
      else high = middle;
    }
    this.#waiting.splice(low, 0, job);
  }

  /** Waits by the wall clock, which may be set meanwhile: it is read again when the timer fires. */
  #postpone(job: Job, untilMs: number): void {
    const wait = (): NodeJS.Timeout =>
      setTimeout(
        () => {
          const entry = this.#later.get(job.id);
          if (entry === undefined) return;
          if (untilMs > Date.now()) {
            entry.timer = wait();
            return;
          }
          this.#later.delete(job.id);
          this.#insert(job);
          this.#advance();
        },
        Math.min(Math.max(untilMs - Date.now(), 1), LONGEST_TIMER_MS),
      );
    this.#later.set(job.id, { job, timer: wait() });
  }

  #advance(): void {
    for (
      let [first] = this.#waiting;
      first !== undefined && this.#obstacle(first) === undefined;
      [first] = this.#waiting
    ) {
      this.#waiting.shift();
      this.occupy(first);
      this.#options.start(first);
    }
  }

  /** Why a job cannot start now. */
  #obstacle({ spec }: Job): string | undefined {
    if (this.#halted) return 'the server is about to end: the next one starts it';
    const { maxRunning, memoryBytes: memory, cpus } = this.#options;
    if (this.#running.size >= maxRunning) return `${maxRunning} jobs are running, the most at a time`;
    const memoryLeft = memory === null ? Number.POSITIVE_INFINITY : memory - this.#held('memoryBytes');
    if ((spec.limits.memoryBytes ?? 0) > memoryLeft)
      return `it needs ${spec.limits.memoryBytes} bytes of memory, and ${memoryLeft} are free`;
    const cpusLeft = cpus === null ? Number.POSITIVE_INFINITY : cpus - this.#held('cpus');
    // CPUs are requested in hundredths, which do not add up exactly in binary.
    if ((spec.limits.cpus ?? 0) > cpusLeft + 1e-9)
      return `it needs ${spec.limits.cpus} CPUs, and ${Math.max(0, Math.round(cpusLeft * 100) / 100)} are free`;
    return undefined;
  }

  #held(limit: 'memoryBytes' | 'cpus'): number {
    let sum = 0;
    for (const { spec } of this.#running.values()) sum += spec.limits[limit] ?? 0;
    return sum;
  }
}

const isBefore = (one: Job, other: Job): boolean => {
  const difference = one.spec.priority - other.spec.priority;
  return difference === 0 ? one.id < other.id : difference > 0;
};
