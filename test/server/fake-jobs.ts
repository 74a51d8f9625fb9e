/** A job service that holds its jobs in memory. */

import { Bell, pull } from '../../src/async/pull.ts';
import { type Artifact, artifactsOf } from '../../src/jobs/artifact.ts';
import type { Isolation } from '../../src/jobs/cells.ts';
import { ClientError, notFound } from '../../src/jobs/errors.ts';
import { throwTogether } from '../../src/jobs/faults.ts';
import type { FileList, FilePart } from '../../src/jobs/files.ts';
import { newJobId } from '../../src/jobs/id.ts';
import type { Image } from '../../src/jobs/image.ts';
import {
  type Command,
  type EnvVar,
  type InputFile,
  isApart,
  type Job,
  type JobState,
  type Usage,
} from '../../src/jobs/job.ts';
import type { QueuePlace } from '../../src/jobs/queue.ts';
import type { JobsInUse } from '../../src/jobs/quota.ts';
import type {
  Identity,
  JobService,
  LogFollowRequest,
  LogPageRequest,
  OpenArtifact,
  ServerInfo,
  SubmitRequest,
} from '../../src/jobs/service.ts';
import type { JobEvent, Page, PageRequest, Total } from '../../src/jobs/store.ts';
import { waitForEnd } from '../../src/jobs/wait.ts';
import type { Receipt, ReceiptKey } from '../../src/receipts/signer.ts';
import type { FileEntry } from '../../src/runtime/cell-file.ts';
import type { LogBatch } from '../../src/runtime/log/page.ts';
import { makeJob, usage } from '../store/fixture.ts';
import { fakeImage } from './fake-images.ts';

/** One page of one entry. The cursor is the number of the page. */
export const page = (number: number, text = `line ${number}\n`, endOfLog = false): LogBatch => ({
  entries: [
    {
      stream: 'STDOUT',
      timeNs: 1_700_000_000_123_456_789n + BigInt(number),
      text,
      bytes: Buffer.from(text),
      resized: null,
      cursor: String(number),
    },
  ],
  cursor: String(number),
  endOfLog,
  droppedBytes: 0,
  damagedBytes: 0,
});

const FILE: FileEntry = {
  name: 'file',
  kind: 'FILE',
  mode: 0o644,
  sizeBytes: 0,
  modifiedAt: new Date(0),
  uid: 0,
  gid: 0,
  target: null,
};

/** A job service in memory. It behaves as its test says, and records its calls. */
export class FakeJobs implements JobService {
  readonly jobs = new Map<string, Job>();
  readonly pages = new Map<string, LogBatch[]>();
  readonly submitted: SubmitRequest[] = [];
  readonly stopped: { id: string; gracePeriodMs: number }[] = [];
  readonly signals: { id: string; signal: string }[] = [];
  readonly intervals: number[] = [];
  readonly stdins = new Map<string, Buffer>();
  /** What is kept apart. */
  readonly commands = new Map<string, Command>();
  readonly envs = new Map<string, readonly EnvVar[]>();
  isolated: Isolation | null = null;
  readonly listed: PageRequest[] = [];
  readonly read: LogPageRequest[] = [];
  readonly followed: LogFollowRequest[] = [];
  readonly askedBy = new Set<string>();
  counted = 0;
  /** Pages that followers have pulled. */
  pulled = 0;
  /** Iterators that were returned and not released yet. */
  readonly live = new Set<AsyncIterableIterator<unknown>>();
  /** Runs before each method returns; may throw, or wait. */
  before: (method: string) => unknown = () => undefined;
  /** Replaces an iterator that is about to be returned. */
  wrap: <T>(iterator: AsyncIterableIterator<T>) => AsyncIterableIterator<T> = (iterator) => iterator;
  readonly #changed = new Bell();

  add(state: JobState = { status: 'QUEUED' }, owner?: string): Job {
    const job = makeJob({}, { state, ...(owner !== undefined && { owner }) });
    this.jobs.set(job.id, job);
    this.pages.set(job.id, []);
    return job;
  }

  write(id: string, ...pages: readonly LogBatch[]): void {
    this.pages.get(id)?.push(...pages);
    this.#changed.ring();
  }

  change(id: string, state: JobState): void {
    this.jobs.set(id, { ...this.#find(id, 'id'), state });
    this.#changed.ring();
  }

  /** Ends a job whose next attempt is another one. */
  retry(id: string, state: JobState, retriedBy: string): void {
    this.jobs.set(id, { ...this.#find(id, 'id'), state, retriedBy });
    this.#changed.ring();
  }

  async submit(
    identity: Identity,
    request: SubmitRequest,
    malformed: readonly ClientError[] = [],
  ): Promise<Job> {
    await this.#enter('submit', identity);
    throwTogether(malformed);
    this.submitted.push(request);
    return this.add();
  }

  async stop(identity: Identity, id: string, gracePeriodMs: number): Promise<Job> {
    await this.#enter('stop', identity);
    this.stopped.push({ id, gracePeriodMs });
    return this.#find(id, 'input.jobId');
  }

  async pause(identity: Identity, id: string): Promise<Job> {
    await this.#enter('pause', identity);
    return this.#find(id, 'input.jobId');
  }

  async resume(identity: Identity, id: string): Promise<Job> {
    await this.#enter('resume', identity);
    return this.#find(id, 'input.jobId');
  }

  async saveImage(identity: Identity, id: string, name: string): Promise<Image> {
    await this.#enter('saveImage', identity);
    return fakeImage(name, this.#find(id, 'input.jobId').owner);
  }

  async signal(identity: Identity, id: string, signal: string): Promise<Job> {
    await this.#enter('signal', identity);
    this.signals.push({ id, signal });
    return this.#find(id, 'input.jobId');
  }

  async exec(identity: Identity, id: string): Promise<Job> {
    await this.#enter('exec', identity);
    return this.#find(id, 'input.jobId');
  }

  async listFiles(identity: Identity, id: string): Promise<FileList> {
    await this.#enter('listFiles', identity);
    this.#find(id, 'job');
    return { file: FILE, entries: [], hasMore: false };
  }

  async readFile(identity: Identity, id: string): Promise<FilePart> {
    await this.#enter('readFile', identity);
    this.#find(id, 'job');
    return { offsetBytes: 0, bytes: Buffer.alloc(0), isEnd: true };
  }

  async writeFile(identity: Identity, id: string): Promise<{ readonly job: Job; readonly file: FileEntry }> {
    await this.#enter('writeFile', identity);
    return { job: this.#find(id, 'input.jobId'), file: FILE };
  }

  async resizeTerminal(identity: Identity, id: string): Promise<Job> {
    await this.#enter('resizeTerminal', identity);
    return this.#find(id, 'input.jobId');
  }

  async writeStdin(
    identity: Identity,
    id: string,
    { bytes }: { readonly bytes: Uint8Array },
  ): Promise<{ readonly job: Job; readonly acceptedBytes: number; readonly totalBytes: number }> {
    await this.#enter('writeStdin', identity);
    return { job: this.#find(id, 'input.jobId'), acceptedBytes: bytes.length, totalBytes: bytes.length };
  }

  async delete(identity: Identity, id: string): Promise<Job> {
    await this.#enter('delete', identity);
    const job = this.#find(id, 'input.jobId');
    this.jobs.delete(id);
    return job;
  }

  async pin(identity: Identity, id: string, pinned: boolean): Promise<Job> {
    await this.#enter('pin', identity);
    const job = { ...this.#find(id, 'input.jobId'), pinned };
    this.jobs.set(id, job);
    return job;
  }

  async wait(identity: Identity, id: string, atMostMs: number, signal: AbortSignal): Promise<Job> {
    const job = await waitForEnd((each) => this.watch(identity, each), id, atMostMs, signal);
    return job ?? this.#find(id, 'jobId');
  }

  async get(identity: Identity, id: string): Promise<Job | undefined> {
    await this.#enter('get', identity);
    return this.jobs.get(id);
  }

  async list(identity: Identity, request: PageRequest): Promise<Page> {
    await this.#enter('list', identity);
    this.listed.push(request);
    const all = [...this.jobs.values()].toReversed();
    return { jobs: all.slice(0, request.limit), hasNext: all.length > request.limit, hasPrevious: false };
  }

  async count(identity: Identity): Promise<number> {
    await this.#enter('count', identity);
    this.counted += 1;
    return this.jobs.size;
  }

  async total(identity: Identity): Promise<Total> {
    return { count: await this.count(identity), isExact: true };
  }

  async usage(_identity: Identity, job: Job): Promise<Usage | null> {
    return job.state.status === 'QUEUED' ? null : usage;
  }

  async followUsage(
    identity: Identity,
    id: string,
    intervalMs: number,
  ): Promise<AsyncIterableIterator<Usage>> {
    await this.#enter('followUsage', identity);
    this.#find(id, 'jobId');
    this.intervals.push(intervalMs);
    let sent = false;
    return this.#give<Usage>(async () => {
      if (sent) return { done: true, value: undefined };
      sent = true;
      return { done: false, value: usage };
    });
  }

  async command(identity: Identity, { spec: { command } }: Job): Promise<Command> {
    await this.#enter('command', identity);
    return command.kind === 'apart' ? (this.commands.get(command.id) ?? this.#gone(command.id)) : command;
  }

  async env(identity: Identity, { spec: { env } }: Job): Promise<readonly EnvVar[]> {
    await this.#enter('env', identity);
    return isApart(env) ? (this.envs.get(env.id) ?? this.#gone(env.id)) : env;
  }

  async stdin(_identity: Identity, { id }: Job): Promise<Buffer | null> {
    return this.stdins.get(id) ?? null;
  }

  async inputFile(_identity: Identity, _job: Job, { path }: InputFile): Promise<Buffer> {
    return Buffer.from(`the content of ${path}`);
  }

  async isolation(): Promise<Isolation | null> {
    return this.isolated;
  }

  artifacts(_identity: Identity, { spec, state }: Job): readonly Artifact[] {
    return artifactsOf(spec.artifacts, 'artifacts' in state ? state.artifacts : []);
  }

  async openArtifact(_identity: Identity, _id: string, name: string): Promise<OpenArtifact> {
    throw notFound('name', 'artifact', name);
  }

  queuePlace(_identity: Identity, { state }: Job): QueuePlace | undefined {
    return state.status === 'QUEUED' ? { position: 1, reason: 'it is about to start' } : undefined;
  }

  inUse(): JobsInUse {
    return { runningJobs: 0, queuedJobs: 0, cpus: 0, memoryBytes: 0, submissionsPerMinute: null };
  }

  async storedBytes(): Promise<number> {
    return 0;
  }

  activeSubjects(): readonly string[] {
    return [];
  }

  async lineCount(): Promise<number | null> {
    return 1;
  }

  async receipt(): Promise<Receipt | null> {
    return null;
  }

  receiptKeys(): readonly ReceiptKey[] {
    return [];
  }

  async readLog(identity: Identity, id: string, request: LogPageRequest): Promise<LogBatch> {
    await this.#enter('readLog', identity);
    this.read.push(request);
    return this.pages.get(this.#find(id, 'jobId').id)?.[0] ?? page(0, '');
  }

  async followLog(
    identity: Identity,
    id: string,
    request: LogFollowRequest,
  ): Promise<AsyncIterableIterator<LogBatch>> {
    await this.#enter('followLog', identity);
    const pages = this.pages.get(this.#find(id, 'jobId').id) ?? [];
    this.followed.push(request);
    let at = request.after === undefined ? 0 : pages.findIndex(({ cursor }) => cursor === request.after) + 1;
    let ended = false;
    return this.#give<LogBatch>(async (signal) => {
      for (;;) {
        const seen = this.#changed.rings;
        const value = pages[at];
        if (ended || (value === undefined && !request.follow)) return { done: true, value: undefined };
        if (value !== undefined) {
          at += 1;
          this.pulled += 1;
          ended = value.endOfLog;
          return { done: false, value };
        }
        await this.#changed.wait(seen, signal);
      }
    });
  }

  async watch(identity: Identity, id: string): Promise<AsyncIterableIterator<Job>> {
    await this.#enter('watch', identity);
    this.#find(id, 'jobId');
    let last: Job | undefined;
    return this.#give<Job>(async (signal) => {
      for (;;) {
        const seen = this.#changed.rings;
        const job = this.#find(id, 'jobId');
        if (last !== undefined && last.state.status !== 'QUEUED' && last.state.status !== 'RUNNING')
          return { done: true, value: undefined };
        if (job !== last) {
          last = job;
          return { done: false, value: job };
        }
        await this.#changed.wait(seen, signal);
      }
    });
  }

  async events(identity: Identity): Promise<AsyncIterableIterator<JobEvent>> {
    await this.#enter('events', identity);
    const sent = new Map<string, Job>();
    let number = 0;
    return this.#give<JobEvent>(async (signal) => {
      for (;;) {
        const seen = this.#changed.rings;
        const job = [...this.jobs.values()].find((one) => sent.get(one.id) !== one);
        if (job !== undefined) {
          sent.set(job.id, job);
          number += 1;
          return {
            done: false,
            value: { number, time: new Date(1000 * number), status: job.state.status, job },
          };
        }
        await this.#changed.wait(seen, signal);
      }
    });
  }

  async info(): Promise<ServerInfo> {
    return {
      version: '1.2.3',
      startedAt: new Date('2026-01-02T03:04:05.678Z'),
      cgroup: { path: '/sys/fs/cgroup/cloister', controllers: ['cpu', 'pids'] },
      images: ['alpine'],
      jobs: { queued: 1, running: 2 },
      eventCursor: '7',
    };
  }

  async complete(): Promise<void> {
    await Promise.all([...this.live].map((iterator) => iterator.return?.()));
  }

  close(): Promise<void> {
    return this.complete();
  }

  #give<T>(step: (signal: AbortSignal) => Promise<IteratorResult<T, undefined>>): AsyncIterableIterator<T> {
    const iterator = this.wrap<T>(pull(step, () => this.live.delete(iterator)));
    this.live.add(iterator);
    return iterator;
  }

  async #enter(method: string, { subject }: Identity): Promise<void> {
    this.askedBy.add(subject);
    await this.before(method);
  }

  #gone(id: string): never {
    throw notFound('id', 'job', id);
  }

  #find(id: string, field: string): Job {
    const job = this.jobs.get(id);
    if (job === undefined) throw notFound(field, 'job', id);
    return job;
  }
}

/** An error for a mistake of the caller, that any method may throw. */
export const refusal = new ClientError(
  'LIMIT_UNAVAILABLE',
  'input.limits.cpus: the cgroup controller cpu is missing',
  'input.limits.cpus',
);

export const unknownId = newJobId();
