/** The job service: implements what `service.ts` declares. */

import { setImmediate } from 'node:timers/promises';
import { FairLimit } from '../async/fair-limit.ts';
import type { Now } from '../async/now.ts';
import { mapped } from '../async/through.ts';
import type { Receipt, ReceiptKey, Signer } from '../receipts/signer.ts';
import type { FileEntry, FilesAnswer, FilesRequest } from '../runtime/cell-file.ts';
import { CursorError } from '../runtime/log/cursor.ts';
import {
  type LogBatch,
  type LogGrep,
  type LogStart,
  type LogStream,
  MOST_CONTEXT_LINES,
  type TerminalSize,
} from '../runtime/log/page.ts';
import { compilePattern, PatternError } from '../runtime/log/pattern.ts';
import { withoutUnit } from '../units.ts';
import { type Artifact, artifactsOf, isTaken } from './artifact.ts';
import { CellRefusal, type Cells, type Isolation } from './cells.ts';
import type { Changes } from './changes.ts';
import {
  badInput,
  type ClientError,
  idempotencyConflict,
  logLost,
  notEnded,
  notFound,
  notRunning,
  pinned,
  storageFull,
  unavailable,
} from './errors.ts';
import { followEvents } from './events.ts';
import { checkExec } from './exec.ts';
import { checkAll, Faults, once } from './faults.ts';
import { FileClaims } from './file-claims.ts';
import {
  carryOut,
  checkList,
  checkRead,
  checkWrite,
  entryOf,
  type FileList,
  type FileListRequest,
  type FilePart,
  type FileReadRequest,
  type FileWriteRequest,
} from './files.ts';
import { newJobId } from './id.ts';
import type { Image } from './image.ts';
import { fileIds, inlineContent } from './input-files.ts';
import { type Command, type EnvVar, type InputFile, isApart, isFinal, type Job, type Usage } from './job.ts';
import { LogDigestCache } from './log-digests.ts';
import { type JobObserver, UNOBSERVED } from './observer.ts';
import { payloadBytes, type QueuePlace } from './queue.ts';
import { AFTER_A_JOB_MS, type JobsInUse, QuotaError, type SubjectQuotas } from './quota.ts';
import type { LogReaders } from './readers.ts';
import { receiptStatement } from './receipt.ts';
import type { Removal } from './removal.ts';
import { checkRequest, checkSize } from './request.ts';
import { requestKey } from './request-key.ts';
import { ROOM_BYTES } from './room.ts';
import { withoutSecrets } from './secrets.ts';
import {
  DEFAULT_PAGE_BYTES,
  type ExecRequest,
  type Identity,
  type JobService,
  LARGEST_PAGE_BYTES,
  type LogFollowRequest,
  type LogPageRequest,
  type OpenArtifact,
  type ServerInfo,
  type SubmitRequest,
} from './service.ts';
import { checkSignal } from './signal.ts';
import { type StdinWrite, type StdinWritten, writeStdin } from './stdin.ts';
import type {
  EarlierRequest,
  JobEvent,
  JobFilter,
  JobStore,
  Page,
  PageRequest,
  RequestKey,
  Total,
} from './store.ts';
import { stored } from './stored.ts';
import { SubmissionRate } from './submission-rate.ts';
import type { Supervision } from './supervision.ts';
import type { JobFiles } from './uploads.ts';
import { followUsage } from './usage.ts';
import { waitForEnd } from './wait.ts';
import { nextChange, watchJob } from './watch.ts';

/** The parts that `Jobs` consists of. */
export interface JobsOptions {
  readonly store: JobStore;
  readonly cells: Cells;
  readonly supervision: Supervision;
  readonly readers: LogReaders;
  readonly removal: Removal;
  readonly changes: Changes;
  readonly version: string;
  readonly signer: Signer;
  /** Default: nothing bounds one subject more than all of them. */
  readonly quotas?: SubjectQuotas;
  /** Default: jobs are given no files. */
  readonly files?: JobFiles;
  /** Default: nothing is counted. */
  readonly observer?: JobObserver;
}

/** What a job is stored with. */
interface Submission {
  readonly secrets: string | null;
  readonly claims: FileClaims;
  readonly wanted?: RequestKey | undefined;
  /** See `JobService.submit`. */
  readonly inserted?: ((job: Job) => void) | undefined;
}

/** Files and folders that must be free for a job to be accepted, and those that each job before it will make. */
const FILES = 64;
const FILES_OF_JOB = 12;
const MOST_TAIL = 1_000_000;
/** Processes in uninterruptible sleep are frozen only once they wake up. */
const FREEZE_MOST_MS = 10_000;
/** A request about the job waits no longer than this for its start. */
const START_MOST_MS = 10_000;
/**
 * Commands in the cell of one job at the same time. Each has a supervisor outside of the cell, which no limit of the job
 * bounds.
 */
const MOST_COMMANDS = 32;
const LEAST_INTERVAL_MS = 100;
const MOST_INTERVAL_MS = 3_600_000;

/** The job service: each method in a few lines, on top of the store and the supervision. */
export class Jobs implements JobService {
  readonly #options: JobsOptions;
  readonly #observer: JobObserver;
  readonly #rate = new SubmissionRate();
  readonly #sums = new FairLimit(1);
  readonly #startedAt = new Date();
  readonly #open = new Set<AsyncIterableIterator<unknown>>();
  readonly #digests: LogDigestCache;
  readonly #inputTurns = new FairLimit(1);
  /** Commands for the cell of each job that are being stored. */
  readonly #commands = new Map<string, number>();

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#digests = new LogDigestCache((id) => options.cells.logDigests(id));
    this.#observer = options.observer ?? UNOBSERVED;
  }

  async submit(
    identity: Identity,
    request: SubmitRequest,
    malformed: readonly ClientError[] = [],
    inserted?: (job: Job) => void,
  ): Promise<Job> {
    const key = once(() => requestKey(request));
    // The digest lacks the fields that could not be read.
    const wanted = malformed.length === 0 ? new Faults().collect(key) : undefined;
    // First of all: a full queue, a full disk or other settings do not revoke what was accepted.
    const earlier = wanted && (await this.#options.store.earlier(identity.subject, wanted));
    if (earlier !== undefined) return accepted(earlier, request);
    using claims = new FileClaims(this.#options.files);
    await claims.add(identity.subject, fileIds(request));
    const { spec: whole } = checkAll({
      spec: () => checkRequest(request, this.#options.cells.request, malformed, (id) => claims.find(id)),
      key,
    });
    const { env, secrets } = withoutSecrets(whole.env);
    const spec = { ...whole, env };
    const job: Job = {
      id: newJobId(),
      owner: identity.subject,
      createdAt: new Date(),
      spec,
      retriedBy: null,
      pinned: false,
      state: { status: 'QUEUED' },
    };
    await this.#checkQuotas(job);
    const { cells } = this.#options;
    const forget = spec.imageDigest === null ? () => {} : cells.holdImage(spec.imageDigest);
    try {
      return await this.#store(job, request, { secrets, wanted, claims, inserted });
    } finally {
      forget();
    }
  }

  /**
   * Checks the quotas of the subject, except for the places in the queue, which `reserve` checks, and the rate of
   * submissions.
   *
   * @throws ClientError `QUOTA_EXCEEDED`
   */
  async #checkQuotas({ owner, spec: { limits } }: Job): Promise<void> {
    const { quotas, store } = this.#options;
    if (quotas === undefined) return;
    const { cpus, memoryBytes, runningJobs, storageBytes } = quotas.of(owner);
    // It would wait forever.
    if (runningJobs === 0) throw new QuotaError('runningJobs', 0, 'running jobs');
    if (cpus !== null && (limits.cpus ?? 0) > cpus)
      throw new QuotaError('cpus', cpus, `CPUs, got a job that may use ${limits.cpus}`);
    if (memoryBytes !== null && (limits.memoryBytes ?? 0) > memoryBytes)
      throw new QuotaError('memory', memoryBytes, `bytes, got a job that may use ${limits.memoryBytes}`);
    if (storageBytes !== null && (await store.storedBytes(owner)) >= storageBytes)
      throw new QuotaError(
        'storage',
        storageBytes,
        'bytes of jobs that have ended: delete some',
        AFTER_A_JOB_MS,
      );
  }

  /**
   * Counts a submission that has passed all other checks.
   *
   * @throws ClientError `QUOTA_EXCEEDED`
   */
  #countSubmission(owner: string): void {
    const perMinute = this.#options.quotas?.of(owner).submissionsPerMinute ?? null;
    if (perMinute === null) return;
    const waitMs = this.#rate.take(owner, perMinute);
    if (waitMs !== undefined)
      throw new QuotaError('submissionsPerMinute', perMinute, 'submissions in a minute', waitMs);
  }

  inUse(_identity: Identity, subject: string): JobsInUse {
    const { supervision, quotas } = this.#options;
    const perMinute = quotas?.of(subject).submissionsPerMinute ?? null;
    return {
      ...supervision.held(subject),
      submissionsPerMinute: perMinute === null ? null : this.#rate.used(subject, perMinute),
    };
  }

  /** One after the other, with a turn for others between: a list of subjects asks for all of them at once. */
  storedBytes(_identity: Identity, subject: string): Promise<number> {
    return this.#sums.take('', async () => {
      await setImmediate();
      return this.#options.store.storedBytes(subject);
    });
  }

  activeSubjects(_identity: Identity): readonly string[] {
    return [...this.#options.supervision.subjects()];
  }

  async #store(
    job: Job,
    request: SubmitRequest,
    { secrets, wanted, claims, inserted }: Submission,
  ): Promise<Job> {
    const { store, supervision, cells } = this.#options;
    const bytes = payloadBytes(job.spec);
    const input =
      request.stdin === undefined && secrets === null ? undefined : { stdin: request.stdin, secrets };
    this.#checkSpace(bytes);
    const giveBack = supervision.reserve(job.owner, bytes);
    let isStored = false;
    try {
      this.#countSubmission(job.owner);
      // Before the row, so that a stored job always has what it was given.
      if (input !== undefined) await stored(cells.keepInput(job.id, input));
      for (const file of request.files ?? []) {
        const content = inlineContent(file);
        if (content !== undefined) await stored(claims.keep(job.owner, content));
      }
      const beganMs = performance.now();
      const insertion = await stored(store.insert(job, wanted, () => inserted?.(job)));
      if (insertion.kind !== 'inserted') return accepted(insertion, request);
      isStored = true;
      this.#observer.submitted(job, performance.now() - beganMs);
      if (job.spec.execOf === null) supervision.submit(job);
      else supervision.startNow(job);
      return job;
    } finally {
      giveBack();
      if (input !== undefined && !isStored) await cells.dropInput(job.id);
    }
  }

  /**
   * A job that is accepted on the last bytes could not record its own end, and one without files not even start.
   *
   * @throws ClientError `STORAGE_FULL`
   */
  #checkSpace(bytes: number): void {
    const { cells, supervision } = this.#options;
    const free = cells.freeSpace();
    const files = FILES + FILES_OF_JOB * supervision.waiting;
    if (free.bytes < ROOM_BYTES + bytes || free.files < files) throw storageFull();
  }

  stop(identity: Identity, id: string, gracePeriodMs: number): Promise<Job> {
    return this.#stop(id, () => this.#find(identity, id, 'input.jobId'), gracePeriodMs);
  }

  /** @param find looks the job up; `undefined`: it ended and was removed */
  async #stop<Found extends Job | undefined>(
    id: string,
    find: () => Promise<Found>,
    gracePeriodMs: number,
  ): Promise<Job | Found> {
    const { changes, supervision } = this.#options;
    let forget = () => {};
    const ended = new Promise<Job>((resolve) => {
      forget = changes.listen(id, (job) => {
        if (isFinal(job.state)) resolve(job);
      });
    });
    try {
      // Looked up after listening, so that the end cannot be missed between the two.
      const job = await find();
      if (job === undefined || isFinal(job.state)) return job;
      supervision.stop(id, gracePeriodMs);
      return await ended;
    } finally {
      forget();
    }
  }

  /**
   * Starts no more jobs, for a server that is about to end: those that wait are left to the next one.
   *
   * @returns the ids of those that run
   */
  halt(): readonly string[] {
    return this.#options.supervision.halt();
  }

  /**
   * Stops jobs as `stop` does, and settles when their ends are stored, at the latest after `atMostMs`.
   *
   * @returns the ids of those whose ends are not stored by then
   */
  async stopAll(ids: readonly string[], gracePeriodMs: number, atMostMs: number): Promise<readonly string[]> {
    const left = new Set(ids);
    const stopping = ids.map(async (id) => {
      await this.#stop(id, async () => this.#options.store.get(id), gracePeriodMs);
      left.delete(id);
    });
    await atMost(Promise.all(stopping), atMostMs);
    return [...left];
  }

  pause(identity: Identity, id: string): Promise<Job> {
    return this.#freeze(identity, id, true);
  }

  resume(identity: Identity, id: string): Promise<Job> {
    return this.#freeze(identity, id, false);
  }

  async #freeze(identity: Identity, id: string, pause: boolean): Promise<Job> {
    const { changes, supervision } = this.#options;
    const isDone = ({ state }: Job): boolean =>
      state.status !== 'RUNNING' || (state.pausedAt !== null) === pause;
    const done = nextChange(changes, id, isDone, FREEZE_MOST_MS);
    try {
      const job = await this.#running(identity, id);
      if (isDone(job)) return job;
      await asked(pause ? supervision.pause(id) : supervision.resume(id));
      const changed = await done.job;
      if (changed === undefined)
        throw unavailable(
          'a process of the job is in uninterruptible sleep: the request takes effect once it wakes up',
        );
      if (changed.state.status !== 'RUNNING') throw notRunning('input.jobId', changed.state.status);
      return changed;
    } finally {
      done.forget();
    }
  }

  async saveImage(identity: Identity, id: string, name: string): Promise<Image> {
    const job = await this.#find(identity, id, 'input.jobId');
    const { state } = job;
    const { cells, supervision } = this.#options;
    if (!isFinal(state)) {
      const isPaused = state.status === 'RUNNING' && state.pausedAt !== null;
      if (!isPaused) throw badInput('input.jobId', 'a job that is paused or has ended', state.status);
      await stored(asked(supervision.saveRoot(id)));
    }
    return cells.saveImage(job, name);
  }

  async signal(identity: Identity, id: string, signal: string): Promise<Job> {
    const number = checkSignal('input.signal', signal);
    const job = await this.#running(identity, id);
    await asked(this.#options.supervision.signal(id, number));
    return job;
  }

  writeStdin(identity: Identity, id: string, write: StdinWrite, over: AbortSignal): Promise<StdinWritten> {
    const { changes, supervision } = this.#options;
    const find = () => this.#find(identity, id, 'input.jobId');
    const turns = this.#inputTurns;
    return writeStdin(id, write, {
      changes,
      find,
      connection: () => supervision.connection(id),
      over,
      turns,
    });
  }

  async exec(identity: Identity, id: string, request: ExecRequest): Promise<Job> {
    const parent = await this.#settled(identity, id);
    const whole = checkExec(request, parent, this.#options.cells.request);
    const { env, secrets } = withoutSecrets(whole.env);
    const job: Job = {
      id: newJobId(),
      owner: identity.subject,
      createdAt: new Date(),
      spec: { ...whole, env },
      retriedBy: null,
      pinned: false,
      state: { status: 'QUEUED' },
    };
    await this.#checkQuotas(job);
    const release = await this.#reserveCommand(id);
    try {
      return await this.#store(job, request, { secrets, claims: new FileClaims(undefined) });
    } finally {
      release();
    }
  }

  /**
   * Counts a command for the cell of a job while it is not stored yet.
   *
   * @returns ends that
   * @throws ClientError `UNAVAILABLE`
   */
  async #reserveCommand(id: string): Promise<() => void> {
    const change = (by: 1 | -1): number => {
      const count = (this.#commands.get(id) ?? 0) + by;
      if (count > 0) this.#commands.set(id, count);
      else this.#commands.delete(id);
      return count;
    };
    const release = (): void => void change(-1);
    change(1);
    try {
      const stored = await this.#options.store.count({ execOf: id, status: ['QUEUED', 'RUNNING'] });
      if (stored + (this.#commands.get(id) ?? 0) > MOST_COMMANDS)
        throw unavailable(`${MOST_COMMANDS} commands run in the cell of the job: wait until one has ended`);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  async listFiles(identity: Identity, id: string, request: FileListRequest): Promise<FileList> {
    const checked = checkList(request);
    const { file, entries, hasMore } = await this.#files(identity, id, checked, '');
    return { file: entryOf(checked.path, file), entries, hasMore };
  }

  async readFile(identity: Identity, id: string, request: FileReadRequest): Promise<FilePart> {
    const checked = checkRead(request);
    const { file, bytes } = await this.#files(identity, id, checked, '');
    const { offsetBytes, lengthBytes } = checked;
    // Files of /proc have a size of 0.
    const isLast = file.sizeBytes > 0 && offsetBytes + bytes.length >= file.sizeBytes;
    return { offsetBytes, bytes, isEnd: isLast || bytes.length < lengthBytes };
  }

  async writeFile(
    identity: Identity,
    id: string,
    request: FileWriteRequest,
  ): Promise<{ readonly job: Job; readonly file: FileEntry }> {
    const checked = checkWrite(request);
    const { file } = await this.#files(identity, id, checked, 'input.');
    const target = checked.kind === 'link' ? checked.target : null;
    const path = ('moveTo' in checked ? checked.moveTo : null) ?? checked.path;
    return { job: await this.#find(identity, id, 'input.jobId'), file: entryOf(path, file, target) };
  }

  /** @param input the prefix of the names of its fields */
  #files(identity: Identity, id: string, request: FilesRequest, input: string): Promise<FilesAnswer> {
    const { cells, changes } = this.#options;
    const fields = {
      job: input === '' ? 'job' : 'input.jobId',
      path: `${input}path`,
      offset: `${input}offset`,
    };
    const find = async (): Promise<Job> => {
      const job = await this.#settled(identity, id);
      // A command in the cell of a job has no files of its own.
      return job.spec.execOf === null ? job : this.#find(identity, job.spec.execOf, fields.job);
    };
    return carryOut(request, { cells, find, changes, fields });
  }

  async resizeTerminal(identity: Identity, id: string, size: TerminalSize): Promise<Job> {
    checkSize('input', size);
    const job = await this.#running(identity, id);
    if (job.spec.terminal === null)
      throw badInput('input.jobId', 'a job that was submitted with a terminal', 'one without');
    await asked(this.#options.supervision.resize(id, size));
    return job;
  }

  /**
   * A job whose start is stored, if its turn has come: its output may be known sooner, and who has just submitted it
   * cannot know that its cell is being made.
   */
  async #settled(identity: Identity, id: string): Promise<Job> {
    const { changes, supervision } = this.#options;
    const job = await this.#find(identity, id, 'input.jobId');
    if (job.state.status !== 'QUEUED') return job;
    await supervision.settle(id);
    const begun = nextChange(changes, id, ({ state }) => state.status !== 'QUEUED', START_MOST_MS);
    try {
      const settled = await this.#find(identity, id, 'input.jobId');
      const isStarting = settled.state.status === 'QUEUED' && supervision.isUnderWay(id);
      return (isStarting ? await begun.job : undefined) ?? settled;
    } finally {
      begun.forget();
    }
  }

  async #running(identity: Identity, id: string): Promise<Job> {
    const job = await this.#settled(identity, id);
    if (job.state.status !== 'RUNNING') throw notRunning('input.jobId', job.state.status);
    return job;
  }

  async delete(identity: Identity, id: string): Promise<Job> {
    const { removal } = this.#options;
    const job = await this.#find(identity, id, 'input.jobId');
    if (!isFinal(job.state)) throw notEnded('input.jobId', job.state.status);
    if (job.pinned) throw pinned('input.jobId');
    const [gone] = await stored(removal.remove([id]));
    // Another caller has deleted or pinned it meanwhile.
    if (gone === undefined) return this.delete(identity, id);
    return job;
  }

  async pin(identity: Identity, id: string, isPinned: boolean): Promise<Job> {
    await this.#find(identity, id, 'input.jobId');
    const job = await stored(this.#options.store.setPinned(id, isPinned));
    if (job === undefined) throw notFound('input.jobId', 'job', id);
    return job;
  }

  async wait(identity: Identity, id: string, atMostMs: number, signal: AbortSignal): Promise<Job> {
    const job = await waitForEnd((each) => this.watch(identity, each), id, atMostMs, signal);
    // No state was seen: the server is closing.
    return job ?? this.#find(identity, id, 'jobId');
  }

  get(_identity: Identity, id: string): Now<Job | undefined> {
    return this.#options.store.get(id);
  }

  list(_identity: Identity, request: PageRequest): Now<Page> {
    return this.#options.store.list(request);
  }

  count(_identity: Identity, filter: PageRequest['filter']): Promise<number> {
    return this.#options.store.count(filter);
  }

  total(_identity: Identity, filter: PageRequest['filter']): Promise<Total> {
    return this.#options.store.total(filter);
  }

  async usage(_identity: Identity, job: Job): Promise<Usage | null> {
    switch (job.state.status) {
      case 'QUEUED':
      case 'FAILED':
      case 'LOST':
        return null;
      case 'RUNNING':
        return this.#options.cells.usage(job.id);
      default:
        return job.state.usage;
    }
  }

  async followUsage(
    identity: Identity,
    id: string,
    intervalMs: number,
  ): Promise<AsyncIterableIterator<Usage>> {
    if (!(intervalMs >= LEAST_INTERVAL_MS && intervalMs <= MOST_INTERVAL_MS))
      throw badInput('interval', `from ${LEAST_INTERVAL_MS} to ${MOST_INTERVAL_MS} milliseconds`, intervalMs);
    const { changes } = this.#options;
    const find = () => this.#find(identity, id, 'jobId');
    const usage = (job: Job) => this.usage(identity, job);
    return this.#keep((release) => followUsage({ changes, id, find, usage, intervalMs, release }));
  }

  async stdin(_identity: Identity, { id, spec }: Job): Promise<Buffer | null> {
    if (spec.stdinBytes === null) return null;
    const content = await this.#options.cells.readStdin(id);
    if (content === undefined)
      throw unavailable('the standard input of the job is missing: the state folder was restored without it');
    return content;
  }

  async inputFile(_identity: Identity, { owner }: Job, { sha256 }: InputFile): Promise<Buffer> {
    const content = await this.#options.files?.read(owner, sha256);
    if (content === undefined)
      throw unavailable('a file of the job is missing: the state folder was restored without it');
    return content;
  }

  async command(_identity: Identity, { id, spec: { command } }: Job): Promise<Command> {
    if (command.kind !== 'apart') return command;
    return (await this.#options.store.command(command.id)) ?? gone(id);
  }

  async env(_identity: Identity, { id, spec: { env } }: Job): Promise<readonly EnvVar[]> {
    if (!isApart(env)) return env;
    return (await this.#options.store.env(env.id)) ?? gone(id);
  }

  isolation(_identity: Identity, { id }: Job): Promise<Isolation | null> {
    return this.#options.cells.isolation(id);
  }

  artifacts(_identity: Identity, { spec, state }: Job): readonly Artifact[] {
    return artifactsOf(spec.artifacts, 'artifacts' in state ? state.artifacts : []);
  }

  async openArtifact(identity: Identity, id: string, name: string): Promise<OpenArtifact> {
    const job = await this.#find(identity, id, 'jobId');
    const found = this.artifacts(identity, job).find((artifact) => artifact.name === name);
    const artifact = found?.result ?? null;
    const content =
      found !== undefined && isTaken(artifact)
        ? await this.#options.cells.openArtifact(id, found.index)
        : undefined;
    if (content === undefined || !isTaken(artifact)) throw notFound('name', 'artifact', name);
    return { owner: job.owner, name, artifact, content };
  }

  queuePlace(_identity: Identity, job: Job): QueuePlace | undefined {
    return this.#options.supervision.place(job.id);
  }

  async readLog(identity: Identity, id: string, request: LogPageRequest): Promise<LogBatch> {
    const job = await this.#find(identity, id, 'jobId');
    const { start, first, grep } = checkAll({
      start: () => checkStart(request),
      first: () => checkMaxBytes(request),
      grep: () => checkGrep(request),
    });
    const read = { ...start, ...grep, mostBytes: first, closed: isFinal(job.state) };
    const leave = this.#options.readers.enter(id);
    try {
      await this.#checkLog(job);
      const batch = await named(this.#options.cells.readLog(id, read));
      this.#observer.delivered(outputBytes(batch));
      return batch;
    } finally {
      leave();
    }
  }

  async followLog(
    identity: Identity,
    id: string,
    request: LogFollowRequest,
  ): Promise<AsyncIterableIterator<LogBatch>> {
    const { start, grep } = checkAll({
      start: () => checkStart(request),
      grep: () => checkGrep(request),
    });
    const { changes, cells } = this.#options;
    let closed = false;
    const leave = this.#options.readers.enter(id);
    // Listening from here on, so that the end cannot be missed between the look-up and the first page.
    const unlisten = changes.listen(id, (job) => {
      closed ||= isFinal(job.state);
    });
    const forget = (): void => {
      unlisten();
      leave();
    };
    try {
      const job = await this.#find(identity, id, 'jobId');
      closed ||= isFinal(job.state);
      await this.#checkLog(job);
      if (request.after !== undefined) await named(cells.checkCursor(id, request.after));
    } catch (error) {
      forget();
      throw error;
    }
    const followed = (release: () => void) =>
      cells.followLog(id, {
        ...start,
        ...grep,
        follow: request.follow,
        closed: () => closed,
        onClosed: (listener) => changes.listen(id, listener),
        release: () => {
          forget();
          release();
        },
      });
    return this.#keep((release) =>
      mapped(followed(release), (batch) => {
        this.#observer.delivered(outputBytes(batch));
        return batch;
      }),
    );
  }

  /** @throws ClientError `LOG_LOST` */
  async lineCount(_identity: Identity, job: Job, stream?: LogStream): Promise<number> {
    const leave = this.#options.readers.enter(job.id);
    try {
      await this.#checkLog(job);
      return await this.#options.cells.lineCount(job.id, isFinal(job.state), stream);
    } finally {
      leave();
    }
  }

  async receipt(identity: Identity, job: Job, whole = true): Promise<Receipt | null> {
    const { state } = job;
    if (!isFinal(state)) return null;
    const leave = this.#options.readers.enter(job.id);
    try {
      await this.#checkLog(job);
      const { signer, version } = this.#options;
      return await signer.sign(
        receiptStatement({
          version,
          job: { ...job, state },
          command: await this.command(identity, job),
          env: whole ? await this.env(identity, job) : null,
          artifacts: whole ? this.artifacts(identity, job) : null,
          stdinSha256: whole ? await this.#stdinSha256(job) : null,
          isolation: await this.isolation(identity, job),
          log: await this.#digests.of(job.id, job.owner),
        }),
      );
    } finally {
      leave();
    }
  }

  async #stdinSha256({ id, spec }: Job): Promise<string | null> {
    return spec.stdinBytes === null ? null : ((await this.#options.cells.stdinDigest(id)) ?? null);
  }

  receiptKeys(_identity: Identity): readonly ReceiptKey[] {
    return this.#options.signer.keys;
  }

  async #checkLog({ id, state }: Job): Promise<void> {
    const wasStarted = 'startedAt' in state && state.startedAt !== null;
    if (wasStarted && !(await this.#options.cells.hasLog(id))) throw logLost('jobId', id);
  }

  async watch(identity: Identity, id: string): Promise<AsyncIterableIterator<Job>> {
    const { changes } = this.#options;
    const find = () => this.#find(identity, id, 'jobId');
    return this.#keep((release) => watchJob(changes, id, find, release));
  }

  async events(
    _identity: Identity,
    { after, filter }: { readonly after?: string; readonly filter: JobFilter },
  ): Promise<AsyncIterableIterator<JobEvent>> {
    const { store } = this.#options;
    const last = await store.lastEvent();
    const from = after === undefined ? last : eventNumber(after, last);
    return this.#keep((release) => followEvents(store, from, filter, release));
  }

  async info(_identity: Identity): Promise<ServerInfo> {
    const { store, cells, version } = this.#options;
    const [queued, running, last] = await Promise.all([
      store.count({ status: ['QUEUED'] }),
      store.count({ status: ['RUNNING'] }),
      store.lastEvent(),
    ]);
    return {
      version,
      startedAt: this.#startedAt,
      cgroup: cells.cgroup,
      images: cells.request.imageNames,
      jobs: { queued, running },
      eventCursor: String(last),
    };
  }

  async complete(): Promise<void> {
    await Promise.all([...this.#open].map((iterator) => iterator.return?.()));
  }

  async close(): Promise<void> {
    await this.complete();
    await this.#options.supervision.close();
  }

  /** Keeps track of an iterator until it calls `release`, so that closing the service ends it. */
  async #keep<T>(
    open: (release: () => void) => AsyncIterableIterator<T> | Promise<AsyncIterableIterator<T>>,
  ): Promise<AsyncIterableIterator<T>> {
    const iterator = await open(() => this.#open.delete(iterator));
    this.#open.add(iterator);
    return iterator;
  }

  async #find(_identity: Identity, id: string, field: string): Promise<Job> {
    const job = await this.#options.store.get(id);
    if (job === undefined) throw notFound(field, 'job', id);
    return job;
  }
}

/**
 * The job of an earlier request with the same key.
 *
 * @throws ClientError `IDEMPOTENCY_CONFLICT` when that was another request
 */
const accepted = (earlier: EarlierRequest, { idempotencyKey = '' }: SubmitRequest): Job => {
  if (earlier.kind === 'repeated') return earlier.job;
  throw idempotencyConflict('input.idempotencyKey', idempotencyKey);
};

/** @throws ClientError: the job was deleted after the caller had looked it up */
const gone = (id: string): never => {
  throw notFound('id', 'job', id);
};

/** Turns the refusal of a supervisor, or its death, into the error that the client receives. */
const asked = async (request: Promise<void>): Promise<void> => {
  try {
    await request;
  } catch (error) {
    throw error instanceof CellRefusal
      ? unavailable(`the supervisor of the job did not carry out the request: ${error.message}`)
      : error;
  }
};

/** Waits for a promise, but not longer than `ms`. */
const atMost = async (promise: Promise<unknown>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
};

/** @throws ClientError for a cursor that is not the number of an event, or that of a future one */
const eventNumber = (cursor: string, last: number): number => {
  const number = /^(?:0|[1-9]\d{0,14})$/.test(cursor) ? Number(cursor) : Number.NaN;
  if (!(number <= last)) throw badInput('after', 'the cursor of an event, or "0"', cursor);
  return number;
};

/** Bytes of output in a page. */
const outputBytes = ({ entries }: LogBatch): number => {
  let sum = 0;
  for (const { bytes } of entries) sum += bytes.length;
  return sum;
};

const STARTS = ['after', 'line', 'tail', 'sinceNs', 'offset'] as const;

/** @throws ClientError for more than one starting point, or an impossible one */
const checkStart = (request: LogStart): LogStart => {
  const [, second] = STARTS.filter((name) => request[name] !== undefined);
  if (second !== undefined)
    throw badInput(
      withoutUnit(second),
      `only one of ${STARTS.map(withoutUnit).join(', ')}`,
      'another one as well',
    );
  const { after, line, tail, sinceNs, offset, stream } = request;
  if (line !== undefined && !(Number.isInteger(line) && line >= 1))
    throw badInput('line', 'the number of a line, from 1 on', line);
  if (tail !== undefined && !(Number.isInteger(tail) && tail >= 0 && tail <= MOST_TAIL))
    throw badInput('tail', `from 0 to ${MOST_TAIL} lines`, tail);
  return {
    ...(after !== undefined && { after }),
    ...(line !== undefined && { line }),
    ...(tail !== undefined && { tail }),
    ...(sinceNs !== undefined && { sinceNs }),
    ...(offset !== undefined && { offset }),
    ...(stream !== undefined && { stream }),
  };
};

/** @throws ClientError for a page of no or too many bytes, or with two sizes */
const checkMaxBytes = ({ maxBytes, first }: LogPageRequest): number => {
  if (maxBytes !== undefined && first !== undefined)
    throw badInput('first', 'only maxBytes, its new name', 'both');
  const bytes = maxBytes ?? first ?? DEFAULT_PAGE_BYTES;
  if (!(bytes >= 1 && bytes <= LARGEST_PAGE_BYTES))
    throw badInput(
      first === undefined ? 'maxBytes' : 'first',
      `from 1 to ${LARGEST_PAGE_BYTES} bytes`,
      bytes,
    );
  return bytes;
};

/** @throws ClientError for a bad pattern, too much context, or either without `grep` */
const checkGrep = ({ grep, regex, context }: LogGrep): LogGrep => {
  if (grep === undefined) {
    if (regex === true) throw badInput('regex', 'only together with `grep`', regex);
    if (context !== undefined) throw badInput('context', 'only together with `grep`', context);
    return {};
  }
  checkAll({
    grep: () => checkPattern(grep, regex ?? false),
    context: () => context !== undefined && checkContext(context),
  });
  return {
    grep,
    ...(regex !== undefined && { regex }),
    ...(context !== undefined && { context }),
  };
};

const checkPattern = (text: string, regex: boolean): void => {
  try {
    compilePattern(text, regex);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw badInput('grep', error.expected, text);
  }
};

const checkContext = (lines: number): void => {
  if (!(Number.isInteger(lines) && lines >= 0 && lines <= MOST_CONTEXT_LINES))
    throw badInput('context', `from 0 to ${MOST_CONTEXT_LINES} lines`, lines);
};

/** A malformed cursor is the client's mistake. */
const named = async <T>(read: Promise<T>): Promise<T> => {
  try {
    return await read;
  } catch (error) {
    if (error instanceof CursorError) throw badInput('after', error.expected, error.cursor);
    throw error;
  }
};
