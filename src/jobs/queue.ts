/** The queue of jobs that wait to start. */

import { QueueFullError } from './errors.ts';
import { isApart, type Job, type JobSpec } from './job.ts';
import { commandBytes, envBytes, inlineBytes } from './payload.ts';
import { AFTER_A_JOB_MS, type JobsInUse, QuotaError, type SubjectQuotas } from './quota.ts';
import { type QueueEntry, Waiting } from './waiting.ts';

export type { QueueEntry };

/** How many jobs may run and wait. */
export interface QueueOptions {
  /** Jobs that run at once. */
  readonly maxRunning: number;
  /** Jobs whose cells are made at once: more would only delay each other, and all else that the server does. */
  readonly maxStarting?: number;
  /**
   * The same of one subject, while others submit jobs as well: each job that is being started delays all that are. Default:
   * no bound.
   */
  readonly maxStartingOfOne?: number;
  /** Jobs that wait, for a slot or for their `startAfter`. */
  readonly maxWaiting: number;
  /** Bytes of command, environment and standard input of all waiting jobs together. */
  readonly maxWaitingBytes: number;
  /** What the limits of all running jobs may add up to: bytes and CPUs; `null`: not bounded. */
  readonly memoryBytes: number | null;
  readonly cpus: number | null;
  /** What each subject may have. Default: nothing bounds one more than all of them. */
  readonly quotas?: SubjectQuotas;
  /** Called once for each job, when its turn has come. */
  readonly start: (entry: QueueEntry) => void;
}

/** What the queue has to know of a job. */
export const queueEntry = ({ id, owner, spec }: Job): QueueEntry => ({
  id,
  owner,
  priority: spec.priority,
  startAfter: spec.startAfter,
  memoryBytes: spec.limits.memoryBytes,
  cpus: spec.limits.cpus,
  payloadBytes: payloadBytes(spec),
});

/** Bytes of command, environment, standard input, and the files that came with a job. */
export const payloadBytes = ({ command, env, stdinBytes, files }: JobSpec): number =>
  (stdinBytes ?? 0) +
  inlineBytes(files) +
  (command.kind === 'apart' ? command.bytes : commandBytes(command)) +
  (isApart(env) ? env.bytes : envBytes(env));

/** Where a job waits. */
export interface QueuePlace {
  /** 1 is the next to start; `null` before its `startAfter`. */
  readonly position: number | null;
  /** What it waits for, in a sentence. */
  readonly reason: string;
  /** The reason concerns only its own subject. */
  readonly ofOwner?: true;
}

/** What a subject uses at the moment. */
export type Held = Omit<JobsInUse, 'submissionsPerMinute'>;

/** What running jobs use together. */
type Tally = Omit<Held, 'queuedJobs'>;

const NOTHING: Tally = { runningJobs: 0, cpus: 0, memoryBytes: 0 };
/** A key that is not the name of a subject. */
const ALL = '';
/** CPUs are requested in hundredths, which do not add up exactly in binary. */
const ROUNDING = 1e-9;
const inHundredths = (cpus: number): number => Math.round(cpus * 100) / 100;

/** The waiting jobs of one subject, including those that places are reserved for. */
interface Share {
  readonly jobs: number;
  readonly bytes: number;
}

const NO_SHARE: Share = { jobs: 0, bytes: 0 };
/** The share of the places, and of the bytes, left by others that one subject may use. */
const MOST_OF_ONE = 0.9;

/** For how long after a submission its subject is expected to submit more. */
const RECENT_MS = 10_000;

/** When a subject has submitted a job, in milliseconds of `performance.now()`. */
interface Submitted {
  readonly owner: string;
  readonly atMs: number;
}

// A timer does not notice that the clock is set forward, so the clock is read at least this often.
const LONGEST_TIMER_MS = 15_000;

/**
 * Jobs that wait for their turn: the higher priority first, of one priority a job of each subject after the other, of one
 * subject in order of submission. No job overtakes the first because it would fit sooner, so that a large job does not wait
 * forever; only a subject that has what its quotas allow is passed over. All of this is in the store as well: after a
 * restart the queue is filled from there.
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #waiting = new Waiting();
  readonly #later = new Map<string, { readonly job: QueueEntry; timer: NodeJS.Timeout }>();
  readonly #running = new Map<string, QueueEntry>();
  /** Owners of the jobs that are being started, by the ids of these. */
  readonly #starting = new Map<string, string>();
  /** The last submission, and the last of another subject. */
  #last: Submitted | undefined;
  #lastOther: Submitted | undefined;
  /** What runs, of each subject and of all together under ''. */
  readonly #held = new Map<string, Tally>();
  /** What waits, of each subject and of all together under ''. */
  readonly #queued = new Map<string, Share>();
  #halted = false;
  #closed = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /**
   * Reserves a place for a job that is about to be stored.
   *
   * @param owner whose job it is
   * @param bytes of command, environment and standard input
   * @returns a function that gives it back; to be called when the job was added, or will not be
   * @throws ClientError `QUEUE_FULL`, `QUOTA_EXCEEDED`
   */
  reserve(owner: string, bytes: number): () => void {
    this.#checkRoom(owner, bytes);
    const most = this.#options.quotas?.of(owner).queuedJobs ?? null;
    if (most !== null && this.#share(owner).jobs >= most)
      throw new QuotaError('queuedJobs', most, 'waiting jobs', AFTER_A_JOB_MS);
    this.#count(owner, 1, bytes);
    let held = true;
    return () => {
      if (!held) return;
      this.#count(owner, -1, bytes);
      held = false;
    };
  }

  /**
   * Nobody fills the queue alone, so that there is a place for those who come later; nor do several: what each may have
   * is of what the others leave.
   */
  #checkRoom(owner: string, bytes: number): void {
    const { maxWaiting, maxWaitingBytes } = this.#options;
    const all = this.#share(ALL);
    const own = this.#share(owner);
    const full = (why: string): QueueFullError => new QueueFullError(why, AFTER_A_JOB_MS);
    if (all.jobs >= maxWaiting) throw full(`${maxWaiting} jobs are waiting`);
    if (all.bytes + bytes > maxWaitingBytes)
      throw full(`the jobs that wait were given ${all.bytes} bytes of ${maxWaitingBytes}`);
    const mostJobs = shareOf(maxWaiting - (all.jobs - own.jobs));
    if (own.jobs >= mostJobs)
      throw full(`${own.jobs} jobs of its owner are waiting, and the other places are for others`);
    if (own.bytes + bytes > shareOf(maxWaitingBytes - (all.bytes - own.bytes)))
      throw full(
        `the jobs of its owner that wait were given ${own.bytes} bytes of ${maxWaitingBytes}, and the rest is for others`,
      );
  }

  /** Jobs that wait. */
  get size(): number {
    return this.#waiting.size + this.#later.size;
  }

  /** Jobs that were started and have not ended. */
  get running(): number {
    return this.#running.size;
  }

  /** Adds a job, and starts it at once if nothing prevents that. A queue that is closed leaves it to the next server. */
  add(job: QueueEntry): void {
    // Of a request that the server still completes: a timer for it would keep the process alive.
    if (this.#closed) return;
    this.#count(job.owner, 1, job.payloadBytes);
    if (this.#last?.owner !== job.owner) this.#lastOther = this.#last;
    this.#last = { owner: job.owner, atMs: performance.now() };
    const startMs = job.startAfter?.getTime() ?? 0;
    if (startMs > Date.now()) this.#postpone(job, startMs);
    else this.#waiting.add(job);
    this.advance();
  }

  /** Counts a job that runs already. */
  occupy(job: QueueEntry): void {
    if (this.#running.has(job.id)) return;
    this.#running.set(job.id, job);
    for (const key of [job.owner, ALL]) this.#tally(key, job, 1);
  }

  /** The command of a job has been executed: another can be started. */
  started(id: string): void {
    if (this.#starting.delete(id)) this.advance();
  }

  /** A job has ended: what it occupied is free. */
  release(id: string): void {
    const job = this.#running.get(id);
    if (job === undefined) return;
    this.#running.delete(id);
    this.#starting.delete(id);
    for (const key of [job.owner, ALL]) this.#tally(key, job, -1);
    this.advance();
  }

  /** Removes a waiting job, so that it never starts; false when it does not wait. */
  remove(id: string): boolean {
    const later = this.#later.get(id);
    clearTimeout(later?.timer);
    if (later !== undefined) {
      this.#later.delete(id);
      this.#left(later.job);
      return true;
    }
    const waiting = this.#waiting.remove(id);
    if (waiting === undefined) return false;
    this.#left(waiting);
    this.advance();
    return true;
  }

  /** What a subject has now. */
  held(owner: string): Held {
    const { runningJobs, cpus, memoryBytes } = this.#held.get(owner) ?? NOTHING;
    return { runningJobs, cpus: inHundredths(cpus), memoryBytes, queuedJobs: this.#share(owner).jobs };
  }

  /** Who has jobs that run or wait. */
  subjects(): ReadonlySet<string> {
    const all = new Set([...this.#held.keys(), ...this.#queued.keys()]);
    all.delete(ALL);
    return all;
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
    const job = this.#waiting.get(id);
    if (job === undefined) return undefined;
    const ahead = this.#waiting.ahead(job);
    const own = this.#ownObstacle(job);
    if (own !== undefined) return { position: ahead + 1, reason: own, ofOwner: true };
    const first = this.#first() ?? job;
    const reason = this.#obstacle(first) ?? 'it is about to start';
    return {
      position: ahead + 1,
      reason: ahead === 0 ? reason : `${jobsAhead(ahead)}; for the first: ${reason}`,
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
    this.#closed = true;
    for (const { timer } of this.#later.values()) clearTimeout(timer);
    this.#later.clear();
    this.#waiting.clear();
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
          this.#waiting.add(job);
          this.advance();
        },
        Math.min(Math.max(untilMs - Date.now(), 1), LONGEST_TIMER_MS),
      );
    this.#later.set(job.id, { job, timer: wait() });
  }

  /** Starts what can be started: after a change of what subjects may have. */
  advance(): void {
    for (
      let first = this.#first();
      first !== undefined && this.#obstacle(first) === undefined;
      first = this.#first()
    ) {
      this.#waiting.take(first);
      this.#left(first);
      this.occupy(first);
      this.#starting.set(first.id, first.owner);
      this.#options.start(first);
    }
  }

  #first(): QueueEntry | undefined {
    // Looked up once for each subject, even if its jobs have several priorities.
    const passed = new Map<string, boolean>();
    return this.#waiting.first((job) => {
      const known = passed.get(job.owner);
      if (known === true) return true;
      const passes = this.#ownObstacle(job) !== undefined;
      passed.set(job.owner, passes);
      return passes;
    });
  }

  /** A job waits no longer. */
  #left({ owner, payloadBytes: bytes }: QueueEntry): void {
    this.#count(owner, -1, bytes);
  }

  #share(key: string): Share {
    return this.#queued.get(key) ?? NO_SHARE;
  }

  #count(owner: string, by: 1 | -1, payloadBytes: number): void {
    for (const key of [owner, ALL]) {
      const { jobs, bytes } = this.#share(key);
      if (jobs + by > 0) this.#queued.set(key, { jobs: jobs + by, bytes: bytes + by * payloadBytes });
      else this.#queued.delete(key);
    }
  }

  #tally(key: string, { cpus, memoryBytes }: QueueEntry, by: 1 | -1): void {
    const held = this.#held.get(key) ?? NOTHING;
    const runningJobs = held.runningJobs + by;
    if (runningJobs === 0) this.#held.delete(key);
    else
      this.#held.set(key, {
        runningJobs,
        cpus: held.cpus + by * (cpus ?? 0),
        memoryBytes: held.memoryBytes + by * (memoryBytes ?? 0),
      });
  }

  /** What of its subject keeps a job from starting now: a quota, or other jobs. */
  #ownObstacle({ owner, cpus, memoryBytes }: QueueEntry): string | undefined {
    const { quotas } = this.#options;
    if (this.#isCrowding(owner)) return 'others of its owner are being started';
    if (quotas === undefined) return undefined;
    const most = quotas.of(owner);
    const held = this.#held.get(owner) ?? NOTHING;
    if (most.runningJobs !== null && held.runningJobs >= most.runningJobs)
      return `the quota runningJobs of its owner is used up (${most.runningJobs})`;
    if (most.cpus !== null && held.cpus + (cpus ?? 0) > most.cpus + ROUNDING)
      return `the quota cpus of its owner is used up (${most.cpus})`;
    if (most.memoryBytes !== null && held.memoryBytes + (memoryBytes ?? 0) > most.memoryBytes)
      return `the quota memory of its owner is used up (${most.memoryBytes} bytes)`;
    return undefined;
  }

  /** Whether a subject starts as many jobs at once as it may while others do. */
  #isCrowding(owner: string): boolean {
    const { maxStartingOfOne } = this.#options;
    if (maxStartingOfOne === undefined || this.#starting.size < maxStartingOfOne) return false;
    const other = this.#last?.owner === owner ? this.#lastOther : this.#last;
    if (other === undefined || performance.now() - other.atMs > RECENT_MS) return false;
    let own = 0;
    for (const each of this.#starting.values()) if (each === owner) own++;
    return own >= maxStartingOfOne;
  }

  /** Why a job cannot start now. */
  #obstacle(job: QueueEntry): string | undefined {
    if (this.#halted) return 'the server is about to end: the next one starts it';
    const { maxRunning, maxStarting = Number.POSITIVE_INFINITY, memoryBytes: memory, cpus } = this.#options;
    const held = this.#held.get(ALL) ?? NOTHING;
    if (this.#running.size >= maxRunning) return `the maximum number of jobs is running (${maxRunning})`;
    const memoryLeft = memory === null ? Number.POSITIVE_INFINITY : memory - held.memoryBytes;
    if ((job.memoryBytes ?? 0) > memoryLeft)
      return `it needs ${job.memoryBytes} bytes of memory, and ${memoryLeft} are free`;
    const cpusLeft = cpus === null ? Number.POSITIVE_INFINITY : cpus - held.cpus;
    if ((job.cpus ?? 0) > cpusLeft + ROUNDING)
      return `it needs ${job.cpus} CPUs, and ${Math.max(0, inHundredths(cpusLeft))} are free`;
    if (this.#starting.size >= maxStarting) return 'others are being started';
    return undefined;
  }
}

const shareOf = (left: number): number => Math.ceil(MOST_OF_ONE * left);

/** How many jobs are ahead of one, for people. */
export const jobsAhead = (count: number): string =>
  `${count} ${count === 1 ? 'job is' : 'jobs are'} ahead of it`;
