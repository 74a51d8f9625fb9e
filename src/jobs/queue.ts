/** The queue of jobs that wait to start. */

import { queueFull } from './errors.ts';
import { isApart, type Job, type JobSpec } from './job.ts';
import { commandBytes, envBytes } from './payload.ts';

export interface QueueOptions {
  /** Jobs that run at once. */
  readonly maxRunning: number;
  /** Jobs that wait, for a slot or for their `startAfter`. */
  readonly maxWaiting: number;
  /** Bytes of command, environment and standard input of all waiting jobs together. */
  readonly maxWaitingBytes: number;
  /** What the limits of all running jobs may add up to: bytes and CPUs; `null`: not bounded. */
  readonly memoryBytes: number | null;
  readonly cpus: number | null;
  /** Called once for each job, when its turn has come. */
  readonly start: (entry: QueueEntry) => void;
}

/** What the queue has to know of a job, and all that it holds of it. */
export interface QueueEntry {
  readonly id: string;
  readonly priority: number;
  readonly startAfter: Date | null;
  readonly memoryBytes: number | null;
  readonly cpus: number | null;
  /** Bytes of its command, environment and standard input: kept until it has ended, and in memory while it starts. */
  readonly payloadBytes: number;
}

/** What the queue has to know of a job. */
export const queueEntry = ({ id, spec }: Job): QueueEntry => ({
  id,
  priority: spec.priority,
  startAfter: spec.startAfter,
  memoryBytes: spec.limits.memoryBytes,
  cpus: spec.limits.cpus,
  payloadBytes: payloadBytes(spec),
});

/** Bytes of command, environment and standard input. */
export const payloadBytes = ({ command, env, stdinBytes }: JobSpec): number =>
  (stdinBytes ?? 0) +
  (command.kind === 'apart' ? command.bytes : commandBytes(command)) +
  (isApart(env) ? env.bytes : envBytes(env));

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
 * because it would fit sooner, so that a large job does not wait forever. All of this is in the store as well: after a
 * restart the queue is filled from there.
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #waiting: QueueEntry[] = [];
  readonly #later = new Map<string, { readonly job: QueueEntry; timer: NodeJS.Timeout }>();
  readonly #running = new Map<string, QueueEntry>();
  #reserved = 0;
  #halted = false;
  /** Bytes of waiting jobs, and of those that places are reserved for. */
  #bytes = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /**
   * Reserves a place for a job that is about to be stored.
   *
   * @param bytes of command, environment and standard input
   * @returns a function that gives it back; to be called when the job was added, or will not be
   * @throws ClientError `QUEUE_FULL`
   */
  reserve(bytes: number): () => void {
    const { maxWaiting, maxWaitingBytes } = this.#options;
    if (this.size + this.#reserved >= maxWaiting) throw queueFull(`${maxWaiting} jobs are waiting`);
    if (this.#bytes + bytes > maxWaitingBytes)
      throw queueFull(`the jobs that wait were given ${this.#bytes} bytes of ${maxWaitingBytes}`);
    this.#reserved += 1;
    this.#bytes += bytes;
    let held = true;
    return () => {
      if (!held) return;
      this.#reserved -= 1;
      this.#bytes -= bytes;
      held = false;
    };
  }

  /** Jobs that wait. */
  get size(): number {
    return this.#waiting.length + this.#later.size;
  }

  /** Jobs that were started and have not ended. */
  get running(): number {
    return this.#running.size;
  }

  /** Adds a job, and starts it at once if nothing prevents that. */
  add(job: QueueEntry): void {
    this.#bytes += job.payloadBytes;
    const startMs = job.startAfter?.getTime() ?? 0;
    if (startMs > Date.now()) this.#postpone(job, startMs);
    else this.#insert(job);
    this.#advance();
  }

  /** Counts a job that runs already. */
  occupy(job: QueueEntry): void {
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
    if (later !== undefined) {
      this.#later.delete(id);
      this.#bytes -= later.job.payloadBytes;
      return true;
    }
    const index = this.#waiting.findIndex((job) => job.id === id);
    const [waiting] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (waiting === undefined) return false;
    this.#bytes -= waiting.payloadBytes;
    this.#advance();
    return true;
  }

  /** Where a job waits; `undefined` when it does not. */
  place(id: string): QueuePlace | undefined {
    const later = this.#later.get(id);
    if (later !== undefined) {
      return {
        position: null,
        reason: `it waits for startAfter, ${later.job.startAfter?.toISOString()}`,
      };
    }
    const index = this.#waiting.findIndex((job) => job.id === id);
    const [first] = this.#waiting;
    if (index < 0 || first === undefined) return undefined;
    const reason = this.#obstacle(first) ?? 'it is about to start';
    return {
      position: index + 1,
      reason: index === 0 ? reason : `${jobsAhead(index)}; for the first: ${reason}`,
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

  #insert(job: QueueEntry): void {
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
  #postpone(job: QueueEntry, untilMs: number): void {
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
      this.#bytes -= first.payloadBytes;
      this.occupy(first);
      this.#options.start(first);
    }
  }

  /** Why a job cannot start now. */
  #obstacle(job: QueueEntry): string | undefined {
    if (this.#halted) return 'the server is about to end: the next one starts it';
    const { maxRunning, memoryBytes: memory, cpus } = this.#options;
    if (this.#running.size >= maxRunning) return `the maximum number of jobs is running (${maxRunning})`;
    const memoryLeft = memory === null ? Number.POSITIVE_INFINITY : memory - this.#held('memoryBytes');
    if ((job.memoryBytes ?? 0) > memoryLeft)
      return `it needs ${job.memoryBytes} bytes of memory, and ${memoryLeft} are free`;
    const cpusLeft = cpus === null ? Number.POSITIVE_INFINITY : cpus - this.#held('cpus');
    // CPUs are requested in hundredths, which do not add up exactly in binary.
    if ((job.cpus ?? 0) > cpusLeft + 1e-9)
      return `it needs ${job.cpus} CPUs, and ${Math.max(0, Math.round(cpusLeft * 100) / 100)} are free`;
    return undefined;
  }

  #held(limit: 'memoryBytes' | 'cpus'): number {
    let sum = 0;
    for (const job of this.#running.values()) sum += job[limit] ?? 0;
    return sum;
  }
}

/** How many jobs are ahead of one, for people. */
export const jobsAhead = (count: number): string =>
  `${count} ${count === 1 ? 'job is' : 'jobs are'} ahead of it`;

const isBefore = (one: QueueEntry, other: QueueEntry): boolean => {
  const difference = one.priority - other.priority;
  return difference === 0 ? one.id < other.id : difference > 0;
};
