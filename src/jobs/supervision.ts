/** Moves jobs from state to state: starts them, follows their supervisors and stores their ends. */

import { availableParallelism } from 'node:os';
import { FairLimit } from '../async/fair-limit.ts';
import { hasErrno } from '../errno.ts';
import type { Log } from '../log.ts';
import type { TerminalSize } from '../runtime/log/page.ts';
import { type CellConnection, type CellEvents, CellRefusal, type Cells, StartFailure } from './cells.ts';
import {
  type FinalState,
  isApart,
  isFinal,
  type Job,
  type JobState,
  type JobStatus,
  type Usage,
} from './job.ts';
import { type Due, Keeper } from './keeper.ts';
import { LiveJob } from './live.ts';
import { type JobObserver, UNOBSERVED } from './observer.ts';
import {
  type Held,
  Queue,
  type QueueEntry,
  type QueueOptions,
  type QueuePlace,
  queueEntry,
} from './queue.ts';
import type { SubjectQuotas } from './quota.ts';
import { nextAttempt } from './retry.ts';
import { type JobEnd, type JobStore, StoreFullError, type Unfinished } from './store.ts';

/** What jobs are started, watched and stored with. */
export interface SupervisionOptions {
  readonly store: JobStore;
  readonly cells: Cells;
  readonly log: Log;
  readonly queue: Omit<QueueOptions, 'start' | 'quotas'>;
  /** Default: nothing bounds one subject more than all of them. */
  readonly quotas?: SubjectQuotas;
  /**
   * Milliseconds after a deadline after which the server checks whether the supervisor still responds. Default 10,000.
   */
  readonly keeperGraceMs?: number;
  /** Default: nothing is counted. */
  readonly observer?: JobObserver;
}

// Asked once: Node.js asks the kernel each time.
const PROCESSORS = availableParallelism();
// With fewer, processors are idle while starts wait.
const STARTING_PER_CPU = 8;
// With fewer, a burst takes longer; with more, so do the jobs of others who submit one now and then meanwhile.
const STARTING_OF_ONE_PER_CPU = 2;
// A supervisor that ends its job accepts no more connections, and has at most this long to finish.
const FINISHING_MS = 40_000;
const FINISHING_STEP_MS = 100;
const FULL_STEP_MS = 250;
const AGAIN_MS = 1000;
const SHORT_MS = 5;
// In a burst short jobs take longer, by the number of those that share a processor; what clients see may not be that old.
const MOST_SHORT_MS = 50;
// A commit takes milliseconds.
const SETTLE_MS = 1000;
/** Jobs with a large command or environment that are started at the same time: each takes some megabytes meanwhile. */
const LARGE_AT_ONCE = 8;
const KEEPER_GRACE_MS = 10_000;
/** Waiting jobs that are held in memory, each a few kilobytes. */
const MOST_HELD_WAITING = 1000;

/**
 * Starts jobs, follows their supervisors and stores what these report: the part of the job service that moves a job
 * from state to state. Everything it knows is in the state folder as well, so that another server finds every job where
 * this one left it.
 */
export class Supervision {
  readonly #options: SupervisionOptions;
  readonly #live = new Map<string, LiveJob>();
  readonly #forgetEnds: () => void;
  readonly #queue: Queue;
  readonly #keeper: Keeper;
  readonly #large = new FairLimit(LARGE_AT_ONCE);
  readonly #observer: JobObserver;
  /** Jobs whose turn has come and that are not stored as RUNNING yet. */
  readonly #beginning = new Set<string>();
  #closed = false;

  constructor(options: SupervisionOptions) {
    this.#options = options;
    const { cells, queue, quotas } = options;
    this.#observer = options.observer ?? UNOBSERVED;
    this.#queue = new Queue({
      ...queue,
      ...(quotas && { quotas }),
      maxRunning: Math.min(queue.maxRunning, cells.mostCells),
      maxStarting: STARTING_PER_CPU * PROCESSORS,
      maxStartingOfOne: STARTING_OF_ONE_PER_CPU * PROCESSORS,
      start: ({ id }) => this.#start(id),
    });
    this.#keeper = new Keeper({
      graceMs: options.keeperGraceMs ?? KEEPER_GRACE_MS,
      responds: async (id) => (await this.#live.get(id)?.connection?.responds()) ?? true,
      overdue: (id, due) => this.#overdue(id, due),
      log: options.log,
    });
    this.#forgetEnds = cells.onEnd((id) => this.#guard(id, () => this.#collect(id)));
  }

  /**
   * Reserves a place in the queue for a job that is about to be stored.
   *
   * @param owner whose job it is
   * @param bytes of command, environment and standard input
   * @returns a function that gives it back; to be called when the job was submitted, or will not be
   * @throws ClientError `QUEUE_FULL`, `QUOTA_EXCEEDED`
   */
  reserve(owner: string, bytes: number): () => void {
    return this.#queue.reserve(owner, bytes);
  }

  /** Stores what was reported of a job and waits for it; not for long, as the disk may be full. */
  async settle(id: string): Promise<void> {
    const live = this.#live.get(id);
    if (live?.began === undefined) return;
    live.settle();
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, SETTLE_MS);
    await Promise.race([live.inTurn(() => Promise.resolve()), late.promise]);
    clearTimeout(timer);
  }

  /** Checks again which jobs can be started, after a change of quotas. */
  reconsider(): void {
    this.#queue.advance();
  }

  /** Accepts a job that is QUEUED and on disk, and starts it when its turn has come. */
  submit(job: Job): void {
    const live = this.#track(job.id);
    // Otherwise it is read when its turn has come, as a long queue would take much memory.
    if (this.#queue.size < MOST_HELD_WAITING) live.job = job;
    this.#queue.add(queueEntry(job));
  }

  /** The number of jobs that have a cell or are about to get one. */
  get running(): number {
    return this.#queue.running;
  }

  /**
   * Starts a job that is QUEUED and on disk without waiting for a turn, as it runs in an existing cell and occupies no
   * place.
   */
  startNow(job: Job): void {
    this.#track(job.id).job = job;
    this.#start(job.id);
  }

  /** Jobs that wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /** What a subject has now, running and waiting. */
  held(owner: string): Held {
    return this.#queue.held(owner);
  }

  /** Who has jobs that run or wait. */
  subjects(): ReadonlySet<string> {
    return this.#queue.subjects();
  }

  /** Where a job waits; `undefined` when it does not. */
  place(id: string): QueuePlace | undefined {
    return this.#queue.place(id);
  }

  /** Whether the turn of a job has come: its cell is being made, or the command runs. */
  isUnderWay(id: string): boolean {
    return this.#live.has(id) && this.#queue.place(id) === undefined;
  }

  #start(id: string): void {
    this.#guard(id, async () => {
      const { cells, log } = this.#options;
      const job = await this.#job(id);
      if (job === undefined) return;
      this.#noteTurn(job);
      try {
        await this.#startCell(job);
      } catch (error) {
        if (this.#closed) return;
        const expected = error instanceof StartFailure;
        // The job may have a supervisor nevertheless: of an attempt whose answer was lost, or one that was killed.
        if (expected && error.begun && !(await cells.fence(job.id))) return this.#attach(job.id);
        await this.#end(job.id, ['QUEUED'], {
          status: 'FAILED',
          finishedAt: new Date(),
          // What else may be in an error, such as paths, is for the log.
          error: `the job could not be started: ${expected ? error.message : 'the server failed, and its log says how'}`,
        });
        log(expected ? `the job could not be started: ${error.message}` : stack(error), {
          level: expected ? 'warn' : 'error',
          jobId: job.id,
          subject: job.owner,
        });
        return;
      }
      this.#attach(job.id);
    });
  }

  /** Those that are large are read a few at a time, however many are started at once. */
  async #startCell(job: Job): Promise<void> {
    const { store, cells } = this.#options;
    const { command, env } = job.spec;
    if (command.kind !== 'apart' && !isApart(env))
      return cells.start({ ...job, spec: { ...job.spec, command, env } });
    return this.#large.take('', async () => {
      const whole = command.kind === 'apart' ? await store.command(command.id) : command;
      const variables = isApart(env) ? await store.env(env.id) : env;
      // Deleted only with the job.
      if (whole === undefined || variables === undefined) throw new Error('its command is not in the store');
      await cells.start({ ...job, spec: { ...job.spec, command: whole, env: variables } });
    });
  }

  #noteTurn({ id, createdAt, spec: { startAfter } }: Job): void {
    this.#observer.turn(id, Date.now() - Math.max(createdAt.getTime(), startAfter?.getTime() ?? 0));
    this.#beginning.add(id);
    const live = this.#live.get(id);
    if (live !== undefined) live.turnAtMs = performance.now();
  }

  /**
   * Starts no more jobs.
   *
   * @returns the ids of those that run
   */
  halt(): readonly string[] {
    return this.#queue.halt();
  }

  /** Stops a job that has not ended; its state says when it has. */
  stop(id: string, gracePeriodMs: number): void {
    if (!this.#queue.remove(id)) {
      this.#live.get(id)?.stop(gracePeriodMs);
      if (this.#live.has(id)) this.#keeper.expect(id, 'STOP', gracePeriodMs);
      return;
    }
    this.#guard(id, () => this.#end(id, ['QUEUED'], neverStarted()));
  }

  /**
   * Requests that a running job be paused; its state says when it is.
   *
   * @throws CellRefusal when it cannot be, as for `resume` and `signal`
   */
  pause(id: string): Promise<void> {
    return this.#supervisor(id).pause();
  }

  /** Requests that a paused job continue; its state says when it does. */
  resume(id: string): Promise<void> {
    return this.#supervisor(id).resume();
  }

  /** Copies what a paused job has changed of its root. */
  saveRoot(id: string): Promise<void> {
    return this.#supervisor(id).saveRoot();
  }

  /** Sends a signal to the command of a running job. */
  signal(id: string, number: number): Promise<void> {
    return this.#supervisor(id).signal(number);
  }

  /** Changes the size of the terminal of a running job. */
  resize(id: string, size: TerminalSize): Promise<void> {
    return this.#supervisor(id).resize(size);
  }

  /** The connection to the supervisor of a running job; `undefined` when there is none. */
  connection(id: string): CellConnection | undefined {
    return this.#live.get(id)?.connection;
  }

  #supervisor(id: string): CellConnection {
    const connection = this.connection(id);
    if (connection === undefined) throw new CellRefusal('the job is not running');
    return connection;
  }

  /** Recovers every job that an earlier server left without an end. */
  async recover(): Promise<void> {
    const { store, cells, log } = this.#options;
    const waiting: QueueEntry[] = [];
    const unfinished = await store.unfinished();
    for (const job of unfinished) if (!(await this.#takeOver(this.#track(job.id), job))) waiting.push(job);
    const running = this.#queue.running;
    if (unfinished.length > 0)
      log(
        `recovered the jobs of an earlier server: ${running} have supervisors, ${waiting.length} wait, ` +
          `${unfinished.length - running - waiting.length} have ended`,
      );
    // Only now: running jobs occupy their places first.
    for (const job of waiting) this.#queue.add(job);
    await cells.sweep(
      (id) => this.#live.has(id),
      (id) => store.has(id),
    );
  }

  /** Closes all connections. Running jobs continue. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.close();
    this.#keeper.close();
    this.#forgetEnds();
    await Promise.all([...this.#live.values()].map((live) => live.release()));
  }

  #track(id: string): LiveJob {
    const live = this.#live.get(id) ?? new LiveJob(id);
    this.#live.set(id, live);
    return live;
  }

  /** A job as it is now: nobody but this server changes the state of one that has not ended. */
  async #job(id: string): Promise<Job | undefined> {
    const live = this.#live.get(id);
    if (live?.job !== undefined) return live.job;
    const job = await this.#options.store.get(id);
    if (live !== undefined) live.job = job;
    return job;
  }

  /** Runs a step of a job after its earlier ones; an error in it is the server's fault, and logged. */
  #guard(id: string, step: () => Promise<void>): void {
    this.#live
      .get(id)
      ?.inTurn(step)
      .catch((error: unknown) => this.#options.log(stack(error), { level: 'error', jobId: id }));
  }

  /** Finds out what happened to a job; false when it has not been started yet. */
  async #takeOver(live: LiveJob, job: Unfinished): Promise<boolean> {
    await live.inTurn(() => this.#collect(job.id));
    if (!this.#live.has(job.id)) return true;
    if (!(await this.#options.cells.takeOver(job))) return false;
    this.#queue.occupy(job);
    this.#attach(job.id);
    return true;
  }

  #attach(id: string): void {
    const live = this.#live.get(id);
    if (this.#closed || live === undefined) return;
    try {
      live.attach(this.#options.cells.attach(id, this.#eventsOf(id)));
    } catch (error) {
      this.#attachAgain(id, error);
      return;
    }
    this.#guard(id, () => this.#expectEnd(id));
  }

  #eventsOf(id: string): CellEvents {
    return {
      running: (startedAt, pausedAt) => {
        this.#queue.started(id);
        this.#noteStart(id);
        // The end of a job that is short is stored in the same transaction.
        const store = (): void => this.#guard(id, () => this.#storeRunning(id, startedAt, pausedAt));
        const live = this.#live.get(id);
        if (live === undefined) return;
        live.began = startedAt;
        live.postpone(store, this.#shortMs());
      },
      paused: (since) => this.#settled(id, () => this.#notePause(id, since)),
      resumed: () => this.#settled(id, () => this.#notePause(id, null)),
      ended: () => this.#guard(id, () => this.#afterSupervisor(id)),
    };
  }

  /** Milliseconds that a short job takes now. */
  #shortMs(): number {
    const share = this.#beginning.size / PROCESSORS;
    return Math.min(MOST_SHORT_MS, SHORT_MS * Math.max(1, share));
  }

  async #storeRunning(id: string, startedAt: Date, pausedAt: Date | null): Promise<void> {
    this.#beginning.delete(id);
    const changed = await this.#change(id, ['QUEUED'], running(startedAt, pausedAt));
    // It was running before: it may have been paused or resumed while nobody was connected.
    if (changed === undefined) await this.#notePause(id, pausedAt);
  }

  /** Runs a step of a job that needs it to be stored as RUNNING. */
  #settled(id: string, step: () => Promise<void>): void {
    this.#live.get(id)?.settle();
    this.#guard(id, step);
  }

  #noteStart(id: string): void {
    const live = this.#live.get(id);
    if (live?.turnAtMs === undefined) return;
    this.#observer.started(id, performance.now() - live.turnAtMs);
    live.turnAtMs = undefined;
  }

  /** The deadline of a job that has a supervisor, running or about to. */
  async #expectEnd(id: string): Promise<void> {
    const job = await this.#job(id);
    const pausedMs = this.#live.get(id)?.pausedMs;
    if (job === undefined || isFinal(job.state) || pausedMs === undefined) return;
    const startedMs = job.state.status === 'RUNNING' ? job.state.startedAt.getTime() : Date.now();
    this.#keeper.expect(id, 'TIMEOUT', startedMs + pausedMs + job.spec.limits.timeoutMs - Date.now());
  }

  /** The supervisor missed a deadline and does not respond: it is killed, and the job ends as that deadline says. */
  async #overdue(id: string, due: Due): Promise<void> {
    const { cells, log } = this.#options;
    const live = this.#live.get(id);
    const job = await this.#job(id);
    if (live === undefined || job === undefined) return;
    // The timeout does not advance then.
    if (due === 'TIMEOUT' && job.state.status === 'RUNNING' && job.state.pausedAt !== null) return;
    const usage = await cells.usage(id);
    log(`its supervisor does not respond after the ${due === 'STOP' ? 'stop' : 'timeout'} and is killed`, {
      level: 'warn',
      jobId: id,
    });
    live.verdict = (last) => endedByServer(last, due, usage);
    await cells.killSupervisor(id);
  }

  async #notePause(id: string, since: Date | null): Promise<void> {
    const state = (await this.#job(id))?.state;
    if (state?.status !== 'RUNNING' || state.pausedAt?.getTime() === since?.getTime()) return;
    await this.#change(id, ['RUNNING'], running(state.startedAt, since));
    const live = this.#live.get(id);
    if (live === undefined || since !== null || state.pausedAt === null) return;
    live.pausedMs += Date.now() - state.pausedAt.getTime();
    await this.#expectEnd(id);
  }

  /** Tries again later when descriptors or memory are short, or the supervisor cannot be reached. */
  async #afterSupervisor(id: string): Promise<void> {
    try {
      await this.#findEnd(id);
    } catch (error) {
      this.#attachAgain(id, error);
    }
  }

  #attachAgain(id: string, error: unknown): void {
    if (this.#closed) return;
    this.#options.log(`${reason(error)}: trying again`, { level: 'warn', jobId: id });
    setTimeout(() => this.#attach(id), AGAIN_MS).unref();
  }

  /** The connection to the supervisor ended or could not be made: there is a record, or the job is lost. */
  async #findEnd(id: string): Promise<void> {
    const { cells } = this.#options;
    for (let waited = 0; ; waited += FINISHING_STEP_MS) {
      // Asked before the record is looked for: a dead supervisor has written everything that it ever will.
      if (this.#closed) return;
      const lives = await cells.isAlive(id);
      await this.#collect(id);
      if (!this.#live.has(id)) return;
      if (!lives) break;
      // It accepts no connections while it finishes. Its record is noticed without this; here one that dies is found.
      if (waited > FINISHING_MS) throw new Error('its supervisor lives but cannot be reached');
      await new Promise((resolve) => setTimeout(resolve, FINISHING_STEP_MS));
    }
    await cells.reap(id);
    const job = await this.#job(id);
    const { began, verdict } = this.#live.get(id) ?? {};
    if (verdict !== undefined && job !== undefined) {
      const state = verdict(job);
      await this.#end(id, [job.state.status], state, { next: nextAttempt(job, state) });
      return;
    }
    const startedAt = job?.state.status === 'RUNNING' ? job.state.startedAt : (began ?? job?.createdAt);
    await this.#lose(id, startedAt ?? new Date(), job);
  }

  async #lose(id: string, startedAt: Date, job: Job | undefined): Promise<void> {
    const lost: FinalState = {
      status: 'LOST',
      startedAt,
      // The clock may have been set back meanwhile.
      finishedAt: new Date(Math.max(Date.now(), startedAt.getTime())),
      error: 'its supervisor ended without recording the result: it was killed, or the machine went down',
    };
    this.#options.log(`the job is lost: ${lost.error}`, {
      level: 'warn',
      jobId: id,
      code: 'LOST',
      ...(job !== undefined && { subject: job.owner }),
    });
    await this.#end(id, ['RUNNING'], lost, { began: startedAt, next: nextAttempt(job, lost) });
  }

  /** Stores the end of a job if it is known. Idempotent. */
  async #collect(id: string): Promise<void> {
    const job = await this.#job(id);
    if (job === undefined) return;
    await this.#options.cells.collect(job, ({ startedAt, state }) => {
      // Its record can be noticed before the message that it runs.
      if (startedAt !== null) this.#noteStart(id);
      return this.#end(id, [startedAt === null ? 'QUEUED' : 'RUNNING'], state, {
        began: startedAt ?? undefined,
        next: nextAttempt(job, state),
      });
    });
  }

  async #end(
    id: string,
    from: readonly JobStatus[],
    state: FinalState,
    { began, next }: Omit<JobEnd, 'diskBytes'> = {},
  ): Promise<void> {
    const { cells } = this.#options;
    const live = this.#live.get(id);
    live?.cancel();
    // First: if the server dies in between, the record is still there for the next one to collect.
    const diskBytes = await this.#withRoom(id, 'the disk is full: its files wait to be removed', () =>
      cells.tidy(id),
    );
    if (next !== undefined)
      await this.#withRoom(id, 'the disk is full: its next attempt waits to be stored', () =>
        cells.shareInput(id, next.id),
      );
    const ended = await this.#change(id, from, state, { diskBytes, began, next });
    this.#live.delete(id);
    this.#beginning.delete(id);
    this.#keeper.forget(id);
    live?.leave();
    await cells.release(id);
    this.#queue.release(id);
    if (ended !== undefined) this.#observer.ended(ended, state);
    if (ended === undefined && next !== undefined) await cells.dropInput(next.id);
    // Only if it was inserted: when two end the same job, one is first.
    if (ended === undefined || next === undefined) return;
    this.#observer.submitted(next, 0);
    this.submit(next);
  }

  /** Stores a state change that has happened already: while the disk is full it is tried again. */
  async #change(
    id: string,
    from: readonly JobStatus[],
    to: JobState,
    end?: JobEnd,
  ): Promise<Job | undefined> {
    const full = `the disk is full: that it is ${to.status} waits to be stored`;
    const changed = await this.#withRoom(id, full, () =>
      this.#options.store.transition(id, from, to, end, this.#live.get(id)?.job),
    );
    const live = this.#live.get(id);
    if (live !== undefined) live.job = changed;
    return changed;
  }

  /** Retries until the disk has room and the server has descriptors and memory. */
  async #withRoom<T>(id: string, full: string, write: () => Promise<T>): Promise<T> {
    for (let first = true; ; first = false) {
      try {
        return await write();
      } catch (error) {
        const isFull = error instanceof StoreFullError;
        // The next server finds out by itself what was not stored.
        if (!(isFull || isShortage(error)) || this.#closed) throw error;
        const what = isFull ? full : `${reason(error)}: trying again`;
        if (first)
          this.#options.log(what, { level: 'warn', jobId: id, ...(isFull && { code: 'STORAGE_FULL' }) });
        await new Promise((resolve) => setTimeout(resolve, FULL_STEP_MS));
      }
    }
  }
}

/** Whether the error is a temporary lack of descriptors or memory. */
const isShortage = (error: unknown): boolean => hasErrno(error, 'EMFILE', 'ENFILE', 'ENOMEM');

/** How a job ended whose supervisor did not respond, by the deadline that it missed. */
const endedByServer = (job: Job, due: Due, usage: Usage | null): FinalState => {
  const finishedAt = new Date();
  const killed = 'its supervisor did not respond, so the server killed both';
  if (job.state.status !== 'RUNNING')
    return due === 'STOP'
      ? neverStarted(`it was stopped before its command was executed, and ${killed}`)
      : { status: 'FAILED', finishedAt, error: `the command was not executed in time: ${killed}` };
  const { startedAt } = job.state;
  const ran = {
    startedAt,
    finishedAt: new Date(Math.max(finishedAt.getTime(), startedAt.getTime())),
    termination: { kind: 'signaled', signal: 'SIGKILL' },
    usage,
    output: null,
    input: null,
    artifacts: [],
  } as const;
  if (due === 'STOP') return { status: 'STOPPED', ...ran, hits: [], error: `it was stopped, and ${killed}` };
  const { timeoutMs } = job.spec.limits;
  const error = `the timeout of ${timeoutMs} ms has passed; ${killed}`;
  const hit = {
    limit: 'timeout',
    value: timeoutMs,
    peak: ran.finishedAt.getTime() - startedAt.getTime(),
    unit: 'milliseconds',
    ended: true,
    evidence: [],
    message: error,
  } as const;
  return { status: 'LIMIT_EXCEEDED', limit: 'TIME', error, ...ran, hits: [hit] };
};

const neverStarted = (error: string | null = null): FinalState => ({
  status: 'STOPPED',
  startedAt: null,
  finishedAt: new Date(),
  termination: null,
  usage: null,
  hits: [],
  output: null,
  input: null,
  artifacts: [],
  error,
});

const running = (startedAt: Date, pausedAt: Date | null = null): JobState => ({
  status: 'RUNNING',
  startedAt,
  pausedAt,
});

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const stack = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
