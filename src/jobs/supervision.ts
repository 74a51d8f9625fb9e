import { readdirSync } from 'node:fs';
import { type PathWatch, watchPath } from '../async/watch-path.ts';
import type { JobFolders } from '../cells/folders.ts';
import { outcome } from '../cells/outcome.ts';
import { Control, ControlError } from '../runtime/protocol/control.ts';
import { type ExitRecord, parseExitRecord } from '../runtime/protocol/exit-record.ts';
import { SpawnError, type Spawner } from '../runtime/protocol/spawner.ts';
import type { Changes } from './changes.ts';
import type { Job, JobState, JobStatus, Usage } from './job.ts';
import { LiveJob } from './live.ts';
import { Queue, type QueueOptions, type QueuePlace } from './queue.ts';
import { nextAttempt } from './retry.ts';
import { type JobStore, StoreFullError } from './store.ts';

/** What supervision needs of the host's cgroups. */
export interface CellRemains {
  /** What the files of a cgroup, as an exit record quotes them, say of consumption. */
  usage(files: ReadonlyMap<string, string>): Usage | null;
  /** Kills and removes what is left of a job's cgroup, if anything is. */
  remove(id: string): Promise<void>;
}

/** What supervision tells of who runs, where jobs have ids of their own. */
export interface JobIdsKeeper {
  /** A job runs already: the ids in its plan are its own. */
  adopt(id: string): void;
  /** A job has ended. */
  release(id: string): void;
}

export interface SupervisionOptions {
  readonly store: JobStore;
  readonly folders: JobFolders;
  readonly spawner: Spawner;
  readonly changes: Changes;
  readonly remains: CellRemains;
  readonly ids: JobIdsKeeper;
  /** The launch plan of a job, and what it reads. */
  readonly plan: (job: Job) => Buffer;
  readonly log: (line: string) => void;
  readonly queue: Omit<QueueOptions, 'start'>;
}

// A supervisor that ends its job takes no more connections and then has at most this much left to do.
const FINISHING_MS = 40_000;
const FINISHING_STEP_MS = 100;
const FULL_STEP_MS = 250;
const AGAIN_MS = 1000;

/**
 * Starts jobs, follows their supervisors, and takes what they leave into the store: the part of the job
 * service that moves a job from state to state. It keeps nothing that the state folder does not tell, so
 * that another server finds every job where this one left it.
 */
export class Supervision {
  readonly #options: SupervisionOptions;
  readonly #live = new Map<string, LiveJob>();
  readonly #exits: PathWatch;
  readonly #queue: Queue;
  #closed = false;

  constructor(options: SupervisionOptions) {
    this.#options = options;
    this.#queue = new Queue({ ...options.queue, start: (job) => this.#start(job) });
    const { exits } = options.folders;
    this.#exits = watchPath(exits, {
      change: (_event, name) => {
        for (const id of name === null ? readdirSync(exits) : [name])
          if (this.#live.has(id)) this.#guard(id, () => this.#take(id));
      },
      error: (error) => options.log(`watching ${exits}: ${error.message}`),
    });
  }

  /**
   * Keeps a place in the queue for a job that is about to be stored.
   *
   * @returns what gives it back; called when the job was submitted, or will not be
   * @throws ClientError `QUEUE_FULL`
   */
  reserve(): () => void {
    return this.#queue.reserve();
  }

  /** Takes a job that is QUEUED and on disk, and starts it when its turn has come. */
  submit(job: Job): void {
    this.#track(job.id);
    this.#queue.add(job);
  }

  /** Where a job waits; `undefined` when it does not. */
  place(id: string): QueuePlace | undefined {
    return this.#queue.place(id);
  }

  #start(job: Job): void {
    this.#guard(job.id, async () => {
      const { folders, spawner, plan } = this.#options;
      try {
        folders.create(job.id, plan(job), job.spec.stdin);
        await spawner.start(job.id);
      } catch (error) {
        if (this.#closed) return;
        // The job may have a supervisor all the same: of an attempt whose answer was lost, or one that was killed.
        if (error instanceof SpawnError && !folders.fence(job.id)) return this.#attach(job.id);
        const why = error instanceof SpawnError ? error.message : reason(error);
        await this.#end(job.id, ['QUEUED'], {
          status: 'FAILED',
          finishedAt: new Date(),
          error: `the job could not be started: ${why}`,
        });
        if (!(error instanceof SpawnError)) this.#options.log(`job ${job.id}: ${stack(error)}`);
        return;
      }
      this.#attach(job.id);
    });
  }

  /** Asks for the end of a job that has not ended. */
  stop(id: string, gracePeriodMs: number): void {
    if (!this.#queue.remove(id)) {
      this.#live.get(id)?.stop(gracePeriodMs);
      return;
    }
    this.#guard(id, () => this.#end(id, ['QUEUED'], neverStarted()));
  }

  /**
   * Asks for a job that runs to be paused; `Changes` tells when it is.
   *
   * @throws ControlError when it cannot be, as for `resume` and `signal`
   */
  pause(id: string): Promise<void> {
    return this.#supervisor(id).pause();
  }

  /** Asks for a job that is paused to go on; `Changes` tells when it does. */
  resume(id: string): Promise<void> {
    return this.#supervisor(id).resume();
  }

  /** Sends a signal to the command of a job that runs. */
  signal(id: string, number: number): Promise<void> {
    return this.#supervisor(id).signal(number);
  }

  #supervisor(id: string): Control {
    const control = this.#live.get(id)?.control;
    if (control === undefined) throw new ControlError('the job is not running');
    return control;
  }

  /** Whether a job has not ended. */
  holds(id: string): boolean {
    return this.#live.has(id);
  }

  /** Takes up every job that an earlier server left without an end. */
  async recover(): Promise<void> {
    const { store, folders } = this.#options;
    folders.sweep();
    const open = await store.inStatus(['QUEUED', 'RUNNING']);
    const waiting: Job[] = [];
    for (const job of open) if (!(await this.#takeUp(this.#track(job.id), job))) waiting.push(job);
    // Only now: what runs takes its places first.
    for (const job of waiting) this.#queue.add(job);
    // Records of jobs whose end is known: the server died between the commit and the removal.
    for (const id of readdirSync(folders.exits)) if (!this.#live.has(id)) folders.removeExit(id);
  }

  /** Lets go of everything. Running jobs go on. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.close();
    this.#exits.close();
    await Promise.all([...this.#live.values()].map((live) => live.release()));
  }

  #track(id: string): LiveJob {
    const live = this.#live.get(id) ?? new LiveJob(id);
    this.#live.set(id, live);
    return live;
  }

  /** Runs a step of a job in its turn; what goes wrong in it is the server's fault, and logged. */
  #guard(id: string, step: () => Promise<void>): void {
    this.#live
      .get(id)
      ?.inTurn(step)
      .catch((error: unknown) => this.#options.log(`job ${id}: ${stack(error)}`));
  }

  /** Takes up what became of a job; false when it has yet to be started. */
  async #takeUp(live: LiveJob, job: Job): Promise<boolean> {
    const { folders } = this.#options;
    const { id } = job;
    await live.inTurn(() => this.#take(id));
    if (!this.#live.has(id)) return true;
    if (job.state.status === 'RUNNING' || (folders.exists(id) && !folders.fence(id))) {
      this.#queue.occupy(job);
      this.#options.ids.adopt(id);
      this.#attach(id);
      return true;
    }
    if (folders.exists(id)) folders.discard(id);
    return false;
  }

  #attach(id: string): void {
    const live = this.#live.get(id);
    if (this.#closed || live === undefined) return;
    try {
      live.attach(this.#connect(id));
    } catch (error) {
      this.#attachAgain(id, error);
    }
  }

  #connect(id: string): Control {
    return new Control(this.#options.folders.path(id), {
      running: (startedAt, pausedAt) =>
        this.#guard(id, async () => {
          const changed = await this.#change(id, ['QUEUED'], running(startedAt, pausedAt));
          // Known to run: it may have been paused or resumed while nobody listened.
          if (changed === undefined) await this.#notePause(id, pausedAt);
        }),
      paused: (since) => this.#guard(id, () => this.#notePause(id, since)),
      resumed: () => this.#guard(id, () => this.#notePause(id, null)),
      ended: () => this.#guard(id, () => this.#afterSupervisor(id)),
    });
  }

  async #notePause(id: string, since: Date | null): Promise<void> {
    const state = (await this.#options.store.get(id))?.state;
    if (state?.status !== 'RUNNING' || state.pausedAt?.getTime() === since?.getTime()) return;
    await this.#change(id, ['RUNNING'], running(state.startedAt, since));
  }

  /** What fails for want of descriptors or memory, or because a supervisor cannot be reached, is done again later. */
  async #afterSupervisor(id: string): Promise<void> {
    try {
      await this.#findEnd(id);
    } catch (error) {
      this.#attachAgain(id, error);
    }
  }

  #attachAgain(id: string, error: unknown): void {
    if (this.#closed) return;
    this.#options.log(`job ${id}: ${reason(error)}: it is looked at again`);
    setTimeout(() => this.#attach(id), AGAIN_MS).unref();
  }

  /** The connection to the supervisor ended or never came about: its record is there, or it is lost. */
  async #findEnd(id: string): Promise<void> {
    const { spawner, remains } = this.#options;
    for (let waited = 0; ; waited += FINISHING_STEP_MS) {
      // Asked before the record is looked for: a supervisor that is found dead has written all it ever will.
      if (this.#closed) return;
      const lives = await spawner.probe(id);
      await this.#take(id);
      if (!this.#live.has(id)) return;
      if (!lives) break;
      // It takes no connections while it finishes; exits/ is watched, this is for one that dies in that time.
      if (waited > FINISHING_MS) throw new Error('its supervisor lives but cannot be reached');
      await new Promise((resolve) => setTimeout(resolve, FINISHING_STEP_MS));
    }
    await remains.remove(id);
    const job = await this.#options.store.get(id);
    const startedAt = job?.state.status === 'RUNNING' ? job.state.startedAt : job?.createdAt;
    await this.#lose(id, startedAt ?? new Date(), job);
  }

  async #lose(id: string, startedAt: Date, job: Job | undefined): Promise<void> {
    await this.#change(id, ['QUEUED'], running(startedAt));
    await this.#saveTail(id);
    const lost: JobState = {
      status: 'LOST',
      startedAt,
      // The clock may have been set back meanwhile.
      finishedAt: new Date(Math.max(Date.now(), startedAt.getTime())),
      error: 'its supervisor ended without recording the result: it was killed, or the machine went down',
    };
    await this.#end(id, ['RUNNING'], lost, nextAttempt(job, lost));
  }

  /** The job is lost all the same when the end of its output cannot be kept, as on a disk that is full. */
  async #saveTail(id: string): Promise<void> {
    try {
      await this.#options.folders.recoverTail(id);
    } catch (error) {
      this.#options.log(
        `job ${id}: the end of its output could not be appended to the log: ${reason(error)}`,
      );
    }
  }

  /** Takes the exit record, if it is there, into the store, and then removes it: twice does no harm. */
  async #take(id: string): Promise<void> {
    const { folders, store, remains } = this.#options;
    const data = folders.readExit(id);
    if (data === undefined) return;
    let record: ExitRecord;
    try {
      record = parseExitRecord(data);
    } catch (error) {
      this.#options.log(`job ${id}: ${reason(error)}; it is kept as ${folders.setAside(id)}`);
      return;
    }
    const job = await store.get(id);
    if (job === undefined) return;
    if (record.note !== null) this.#options.log(`job ${id}: ${record.note}`);
    const state = outcome(record, job.spec.limits, remains.usage(record.files));
    if (record.executed) {
      const startedAt = state.status === 'FAILED' ? null : state.startedAt;
      if (startedAt !== null) await this.#change(id, ['QUEUED'], running(startedAt));
    }
    await this.#end(id, [record.executed ? 'RUNNING' : 'QUEUED'], state, nextAttempt(job, state));
    folders.removeExit(id);
  }

  async #end(id: string, from: readonly JobStatus[], state: JobState, next?: Job): Promise<void> {
    const live = this.#live.get(id);
    // First: a server that dies in between leaves an end that the next one still has to take.
    this.#options.folders.tidy(id);
    const ended = await this.#change(id, from, state, { diskBytes: this.#options.folders.size(id), next });
    this.#live.delete(id);
    live?.detach();
    this.#options.ids.release(id);
    this.#queue.release(id);
    // Only if it was inserted: of two who end a job one is first.
    if (ended === undefined || next === undefined) return;
    this.#options.changes.tell(next);
    this.submit(next);
  }

  async #change(
    id: string,
    from: readonly JobStatus[],
    to: JobState,
    end?: Parameters<JobStore['transition']>[3],
  ): Promise<Job | undefined> {
    const job = await this.#transition(id, from, to, end);
    if (job !== undefined) this.#options.changes.tell(job);
    return job;
  }

  /** What has happened has happened: while the disk is full it waits to be stored. */
  async #transition(
    id: string,
    from: readonly JobStatus[],
    to: JobState,
    end?: Parameters<JobStore['transition']>[3],
  ): Promise<Job | undefined> {
    for (let first = true; ; first = false) {
      try {
        return await this.#options.store.transition(id, from, to, end);
      } catch (error) {
        // The next server finds out by itself what is not stored.
        if (!(error instanceof StoreFullError) || this.#closed) throw error;
        if (first)
          this.#options.log(`job ${id}: the disk is full: that it is ${to.status} waits to be stored`);
        await new Promise((resolve) => setTimeout(resolve, FULL_STEP_MS));
      }
    }
  }
}

const neverStarted = (): JobState => ({
  status: 'STOPPED',
  startedAt: null,
  finishedAt: new Date(),
  termination: null,
  usage: null,
  hits: [],
  output: null,
});

const running = (startedAt: Date, pausedAt: Date | null = null): JobState => ({
  status: 'RUNNING',
  startedAt,
  pausedAt,
});

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const stack = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
