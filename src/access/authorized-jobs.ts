/** The job service as a caller may use it: who may do what with which job is decided here and nowhere else. */

import { chain, type Now } from '../async/now.ts';
import { mapped } from '../async/through.ts';
import type { Artifact } from '../jobs/artifact.ts';
import type { Isolation } from '../jobs/cells.ts';
import { badInput, type ClientError, forbidden, notFound } from '../jobs/errors.ts';
import type {
  FileList,
  FileListRequest,
  FilePart,
  FileReadRequest,
  FileWriteRequest,
} from '../jobs/files.ts';
import type { Image } from '../jobs/image.ts';
import type { ImageService } from '../jobs/images.ts';
import type { Command, EnvVar, InputFile, Job, Usage } from '../jobs/job.ts';
import { jobsAhead, type QueuePlace } from '../jobs/queue.ts';
import type { JobsInUse } from '../jobs/quota.ts';
import type {
  ExecRequest,
  Identity,
  JobService,
  LogFollowRequest,
  LogPageRequest,
  OpenArtifact,
  ServerInfo,
  SubmitRequest,
} from '../jobs/service.ts';
import type { StdinWrite, StdinWritten } from '../jobs/stdin.ts';
import type { JobEvent, JobFilter, Page, PageRequest, Total } from '../jobs/store.ts';
import type { Receipt, ReceiptKey } from '../receipts/signer.ts';
import type { FileEntry } from '../runtime/cell-file.ts';
import type { LogBatch, LogStream, TerminalSize } from '../runtime/log/page.ts';
import { mayUseImage } from './authorized-images.ts';
import type { Share } from './share.ts';
import type { Shares } from './shares.ts';

/** The owner of no job: a subject is never empty. */
const NOBODY = '';

/**
 * A job service that allows each caller what its role permits: an ADMIN everything, a USER to submit jobs and to
 * control those of its own subject, a VIEWER to see them. A job of another subject does not exist for a caller: every
 * method treats it like an id that was never used.
 */
export class AuthorizedJobs implements JobService {
  readonly #jobs: JobService;
  readonly #images: Pick<ImageService, 'ownerOf' | 'sharedNames'>;
  readonly #shares: Shares;

  constructor(jobs: JobService, images: Pick<ImageService, 'ownerOf' | 'sharedNames'>, shares: Shares) {
    this.#jobs = jobs;
    this.#images = images;
    this.#shares = shares;
  }

  async submit(
    identity: Identity,
    request: SubmitRequest,
    malformed: readonly ClientError[] = [],
    inserted?: (job: Job) => void,
  ): Promise<Job> {
    checkMayChange(identity);
    const { image, ...rest } = request;
    const owner = image === undefined ? null : (this.#images.ownerOf(image) ?? null);
    if (image === undefined || mayUseImage(identity, owner))
      return this.#jobs.submit(identity, request, malformed, inserted);
    const refusal = badInput('input.image', `one of ${this.#images.sharedNames.join(', ')}`, image);
    return this.#jobs.submit(identity, rest, [...malformed, refusal], inserted);
  }

  async stop(identity: Identity, id: string, gracePeriodMs: number): Promise<Job> {
    await this.#checkControl(identity, id);
    return this.#jobs.stop(identity, id, gracePeriodMs);
  }

  async pause(identity: Identity, id: string): Promise<Job> {
    await this.#checkControl(identity, id);
    return this.#jobs.pause(identity, id);
  }

  async resume(identity: Identity, id: string): Promise<Job> {
    await this.#checkControl(identity, id);
    return this.#jobs.resume(identity, id);
  }

  /** Only its owner and an ADMIN may give an existing name to another image. */
  async saveImage(identity: Identity, id: string, name: string): Promise<Image> {
    await this.#checkControl(identity, id);
    const owner = this.#images.ownerOf(name);
    if (owner !== undefined && owner !== identity.subject && identity.role !== 'ADMIN')
      throw badInput('input.name', 'a name that no image has', name);
    return this.#jobs.saveImage(identity, id, name);
  }

  async signal(identity: Identity, id: string, signal: string): Promise<Job> {
    await this.#checkControl(identity, id);
    return this.#jobs.signal(identity, id, signal);
  }

  async writeStdin(
    identity: Identity,
    id: string,
    write: StdinWrite,
    over: AbortSignal,
  ): Promise<StdinWritten> {
    await this.#checkControl(identity, id);
    return this.#jobs.writeStdin(identity, id, write, over);
  }

  async exec(identity: Identity, id: string, request: ExecRequest): Promise<Job> {
    await this.#checkControl(identity, id);
    return this.#jobs.exec(identity, id, request);
  }

  /** As for `exec`, which shows the files too. */
  async listFiles(identity: Identity, id: string, request: FileListRequest): Promise<FileList> {
    await this.#checkControl(identity, id);
    return this.#jobs.listFiles(identity, id, request);
  }

  async readFile(identity: Identity, id: string, request: FileReadRequest): Promise<FilePart> {
    await this.#checkControl(identity, id);
    return this.#jobs.readFile(identity, id, request);
  }

  async writeFile(
    identity: Identity,
    id: string,
    request: FileWriteRequest,
  ): Promise<{ readonly job: Job; readonly file: FileEntry }> {
    await this.#checkControl(identity, id);
    return this.#jobs.writeFile(identity, id, request);
  }

  async resizeTerminal(identity: Identity, id: string, size: TerminalSize): Promise<Job> {
    await this.#checkControl(identity, id);
    return this.#jobs.resizeTerminal(identity, id, size);
  }

  async delete(identity: Identity, id: string): Promise<Job> {
    await this.#checkControl(identity, id);
    return this.#jobs.delete(identity, id);
  }

  async pin(identity: Identity, id: string, pinned: boolean): Promise<Job> {
    await this.#checkControl(identity, id);
    return this.#jobs.pin(identity, id, pinned);
  }

  async wait(identity: Identity, id: string, atMostMs: number, signal: AbortSignal): Promise<Job> {
    await this.#checkVisible(identity, id, 'jobId');
    return this.#jobs.wait(identity, id, atMostMs, signal);
  }

  get(identity: Identity, id: string): Now<Job | undefined> {
    return chain(this.#jobs.get(identity, id), (job) =>
      job !== undefined && isVisible(identity, job) ? shownTo(identity, job) : undefined,
    );
  }

  list(identity: Identity, request: PageRequest): Now<Page> {
    return this.#jobs.list(identity, { ...request, filter: visibleOf(identity, request.filter) });
  }

  async count(identity: Identity, filter: JobFilter): Promise<number> {
    return this.#jobs.count(identity, visibleOf(identity, filter));
  }

  total(identity: Identity, filter: JobFilter): Promise<Total> {
    return this.#jobs.total(identity, visibleOf(identity, filter));
  }

  async usage(identity: Identity, job: Job): Promise<Usage | null> {
    return isVisible(identity, job) ? this.#jobs.usage(identity, job) : null;
  }

  async followUsage(
    identity: Identity,
    id: string,
    intervalMs: number,
  ): Promise<AsyncIterableIterator<Usage>> {
    await this.#checkVisible(identity, id, 'jobId');
    return this.#jobs.followUsage(identity, id, intervalMs);
  }

  async stdin(identity: Identity, job: Job): Promise<Buffer | null> {
    return isVisible(identity, job) && !isGuest(identity) ? this.#jobs.stdin(identity, job) : null;
  }

  async inputFile(identity: Identity, job: Job, file: InputFile): Promise<Buffer> {
    if (!isVisible(identity, job) || isGuest(identity)) throw notFound('id', 'job', job.id);
    return this.#jobs.inputFile(identity, job, file);
  }

  async command(identity: Identity, job: Job): Promise<Command> {
    if (!isVisible(identity, job)) throw notFound('id', 'job', job.id);
    return this.#jobs.command(identity, job);
  }

  async env(identity: Identity, job: Job): Promise<readonly EnvVar[]> {
    if (!isVisible(identity, job)) throw notFound('id', 'job', job.id);
    return isGuest(identity) ? [] : this.#jobs.env(identity, job);
  }

  async isolation(identity: Identity, job: Job): Promise<Isolation | null> {
    return isVisible(identity, job) ? this.#jobs.isolation(identity, job) : null;
  }

  /** A link shows what a job wrote, and no files. */
  artifacts(identity: Identity, job: Job): readonly Artifact[] {
    return isVisible(identity, job) && !isGuest(identity) ? this.#jobs.artifacts(identity, job) : [];
  }

  /** A job that the caller may not see gets the same answer as one that does not exist. */
  async openArtifact(identity: Identity, id: string, name: string): Promise<OpenArtifact> {
    if (isGuest(identity)) throw notFound('jobId', 'job', id);
    await this.#checkVisible(identity, id, 'jobId');
    return this.#jobs.openArtifact(identity, id, name);
  }

  /** Its position is not secret, but the requests of the jobs before it are. */
  queuePlace(identity: Identity, job: Job): QueuePlace | undefined {
    if (!isVisible(identity, job)) return undefined;
    const place = this.#jobs.queuePlace(identity, job);
    if (identity.role === 'ADMIN' || place === undefined || place.ofOwner) return place;
    const { position } = place;
    return position === null || position === 1 ? place : { position, reason: jobsAhead(position - 1) };
  }

  async lineCount(identity: Identity, job: Job, stream?: LogStream): Promise<number | null> {
    return isVisible(identity, job) ? this.#jobs.lineCount(identity, job, stream) : null;
  }

  /** Callers who see its log see its receipt. What a share link hides is left out there as well. */
  async receipt(identity: Identity, job: Job): Promise<Receipt | null> {
    return isVisible(identity, job) ? this.#jobs.receipt(identity, job, !isGuest(identity)) : null;
  }

  receiptKeys(identity: Identity): readonly ReceiptKey[] {
    return this.#jobs.receiptKeys(identity);
  }

  async readLog(identity: Identity, id: string, request: LogPageRequest): Promise<LogBatch> {
    await this.#checkVisible(identity, id, 'jobId');
    return this.#jobs.readLog(identity, id, request);
  }

  async followLog(
    identity: Identity,
    id: string,
    request: LogFollowRequest,
  ): Promise<AsyncIterableIterator<LogBatch>> {
    await this.#checkVisible(identity, id, 'jobId');
    return this.#jobs.followLog(identity, id, request);
  }

  async watch(identity: Identity, id: string): Promise<AsyncIterableIterator<Job>> {
    await this.#checkVisible(identity, id, 'jobId');
    const jobs = await this.#jobs.watch(identity, id);
    return isGuest(identity) ? mapped(jobs, (job) => shownTo(identity, job)) : jobs;
  }

  async events(
    identity: Identity,
    request: { readonly after?: string; readonly filter: JobFilter },
  ): Promise<AsyncIterableIterator<JobEvent>> {
    return this.#jobs.events(identity, { ...request, filter: visibleOf(identity, request.filter) });
  }

  /**
   * Creates a link that shows a job to everybody who has the link, on disk when the promise settles.
   *
   * @throws ClientError `FORBIDDEN`, `NOT_FOUND`, `BAD_USER_INPUT`, `STORAGE_FULL`
   */
  async share(
    identity: Identity,
    id: string,
    expiresInMs: number | undefined,
  ): Promise<{ share: Share; secret: string }> {
    checkMayChange(identity);
    const job = await this.get(identity, id);
    if (job === undefined) throw notFound('input.jobId', 'job', id);
    return this.#shares.create(identity, job, expiresInMs);
  }

  /**
   * Revokes a link, on disk when the promise settles.
   *
   * @throws ClientError `FORBIDDEN`, `NOT_FOUND`, `STORAGE_FULL`
   */
  async revokeShare(identity: Identity, id: string): Promise<Share> {
    checkMayChange(identity);
    const jobId = this.#shares.jobIdOf(id);
    if (jobId === undefined || (await this.get(identity, jobId)) === undefined)
      throw notFound('input.id', 'share', id);
    return this.#shares.revoke(id);
  }

  /** The links to a job, for callers who do not see it through a link themselves. */
  shares(identity: Identity, job: Job): readonly Share[] {
    return isVisible(identity, job) && !isGuest(identity) ? this.#shares.of(job) : [];
  }

  inUse(identity: Identity, subject: string): JobsInUse | undefined {
    return mayKnowOf(identity, subject) ? this.#jobs.inUse(identity, subject) : undefined;
  }

  async storedBytes(identity: Identity, subject: string): Promise<number | undefined> {
    return mayKnowOf(identity, subject) ? this.#jobs.storedBytes(identity, subject) : undefined;
  }

  activeSubjects(identity: Identity): readonly string[] {
    return this.#jobs.activeSubjects(identity).filter((subject) => mayKnowOf(identity, subject));
  }

  async info(identity: Identity): Promise<ServerInfo> {
    const info = await this.#jobs.info(identity);
    if (identity.role === 'ADMIN') return info;
    const [queued, running] = await Promise.all([
      this.count(identity, { status: ['QUEUED'] }),
      this.count(identity, { status: ['RUNNING'] }),
    ]);
    return { ...info, jobs: { queued, running } };
  }

  complete(): Promise<void> {
    return this.#jobs.complete();
  }

  close(): Promise<void> {
    return this.#jobs.close();
  }

  async #checkControl(identity: Identity, id: string): Promise<void> {
    checkMayChange(identity);
    await this.#checkVisible(identity, id, 'input.jobId');
  }

  async #checkVisible(identity: Identity, id: string, field: string): Promise<void> {
    // An admin sees every job, so nothing has to be looked up.
    if (identity.role === 'ADMIN') return;
    if ((await this.get(identity, id)) === undefined) throw notFound(field, 'job', id);
  }
}

const isVisible = (identity: Identity, { id, owner }: Job): boolean => {
  if (isGuest(identity)) return id === identity.jobId;
  return identity.role === 'ADMIN' || owner === identity.subject;
};

/** Whether a caller may know the usage of somebody. */
const mayKnowOf = (identity: Identity, subject: string): boolean =>
  !isGuest(identity) && (identity.role === 'ADMIN' || identity.subject === subject);

/** Whether the caller uses a link to one job. */
const isGuest = ({ method }: Identity): boolean => method === 'SHARE';

/** A job as its caller may see it: a link shows neither environment nor files, which often hold secrets. */
const shownTo = (identity: Identity, job: Job): Job =>
  isGuest(identity) ? { ...job, spec: { ...job.spec, env: [], files: [] } } : job;

/** @throws ClientError `FORBIDDEN`, whatever the job is and whether it exists */
const checkMayChange = ({ role }: Identity): void => {
  if (role === 'VIEWER') throw forbidden(['ADMIN', 'USER'], role);
};

/** The jobs of a filter that a caller can see. */
const visibleOf = (identity: Identity, filter: JobFilter): JobFilter => {
  // A link shows its job, and no list.
  if (isGuest(identity)) return { ...filter, owner: NOBODY };
  const { role, subject } = identity;
  if (role === 'ADMIN') return filter;
  const { owner = subject } = filter;
  return { ...filter, owner: owner === subject ? subject : NOBODY };
};
