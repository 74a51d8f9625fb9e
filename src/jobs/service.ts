/** The interface of the job service, which the resolvers call. */

import type { Now } from '../async/now.ts';
import type { Receipt, ReceiptKey } from '../receipts/signer.ts';
import type { FileEntry } from '../runtime/cell-file.ts';
import type { LogBatch, LogGrep, LogStart, LogStream, TerminalSize } from '../runtime/log/page.ts';
import type { Artifact, TakenArtifact } from './artifact.ts';
import type { ArtifactRequest } from './artifact-request.ts';
import type { ArtifactContent, Isolation } from './cells.ts';
import type { ClientError } from './errors.ts';
import type { FileList, FileListRequest, FilePart, FileReadRequest, FileWriteRequest } from './files.ts';
import type { Image } from './image.ts';
import type {
  CapabilityProfile,
  Command,
  EnvVar,
  InputFile,
  Job,
  Label,
  NetworkMode,
  OutputPolicy,
  StopScope,
  Usage,
} from './job.ts';
import type { QueuePlace } from './queue.ts';
import type { JobsInUse } from './quota.ts';
import type { StdinWrite, StdinWritten } from './stdin.ts';
import type { JobEvent, JobFilter, Page, PageRequest, Total } from './store.ts';

/** What a caller may do; `ADMIN`: everything. */
export const ROLES = ['ADMIN', 'USER', 'VIEWER'] as const;
export type Role = (typeof ROLES)[number];

/** How a caller proved who it is. */
export const SIGN_IN_METHODS = ['TOKEN', 'CERTIFICATE', 'PROXY', 'SHARE'] as const;
export type SignInMethod = (typeof SIGN_IN_METHODS)[number];

/** The caller. Determined in one place, where the server receives a request. */
export interface Identity {
  /** Where its request came from. */
  readonly source?: { readonly address?: string | undefined; readonly userAgent?: string | undefined };
  readonly subject: string;
  readonly role: Role;
  readonly method: SignInMethod;
  /** Of the token that was used; left out: that of the state folder. */
  readonly tokenId?: string;
  /** The only job that it can see: that of its share link. */
  readonly jobId?: string;
  /** The credential of the caller, such as `token` and an id; left out: it cannot be revoked. */
  readonly credential?: string;
  /** The time at which the credential expires; left out: unknown. */
  readonly validUntil?: Date;
}

/** A file as requested. */
export interface FileRequest {
  readonly path: string;
  /** Its text or bytes; or the id of a content that its owner has uploaded. */
  readonly content: string | Uint8Array | { readonly file: string };
  /** Its permissions as octal digits; default 0644. */
  readonly mode?: string;
}

/** Limits as requested: one that is left out takes the server's default. Units as in `Limits`. */
export interface LimitsRequest {
  readonly cpus?: number;
  readonly cpuWeight?: number;
  readonly cpuset?: string;
  readonly cpuTimeMs?: number;
  readonly memoryBytes?: number;
  readonly memoryHighBytes?: number;
  readonly swapBytes?: number;
  readonly pids?: number;
  readonly diskBytes?: number;
  readonly inodes?: number;
  readonly io?: readonly IoLimitRequest[];
  readonly timeoutMs?: number;
  readonly outputBytes?: number;
  readonly outputPolicy?: OutputPolicy;
}

/** As `IoLimit`. Without a device it applies to the disk that holds the state folder. */
export interface IoLimitRequest {
  /** A path in /dev, or `major:minor`. */
  readonly device?: string;
  readonly readBps?: number;
  readonly writeBps?: number;
  readonly readIops?: number;
  readonly writeIops?: number;
}

/** A variable as requested. */
export interface EnvVarRequest {
  readonly name: string;
  readonly value: string | Uint8Array;
  /** Default false. */
  readonly secret?: boolean;
}

/** A job as requested, before it is checked. Field names are those of `SubmitJobInput`, with units. */
export interface SubmitRequest {
  /** Bytes where the client sent bytes, as in `argv`, `env` and `stdin`. */
  readonly command?: string | Uint8Array;
  readonly argv?: readonly string[] | readonly Uint8Array[];
  readonly image?: string;
  readonly env?: readonly EnvVarRequest[];
  readonly workdir?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly stdin?: string | Uint8Array;
  readonly files?: readonly FileRequest[];
  /** Standard input stays open for `writeStdin`. */
  readonly openStdin?: boolean;
  /** What is kept of its cell when it has ended. */
  readonly artifacts?: readonly ArtifactRequest[];
  /** Keep what it changes of its root after its end, for `saveImage`. */
  readonly keepRoot?: boolean;
  /** The standard streams are a terminal of this size. Includes `openStdin`. */
  readonly terminal?: TerminalSize;
  readonly network?: NetworkMode;
  /** Default NONE. */
  readonly capabilities?: CapabilityProfile;
  /** A name, with or without `SIG`, or a number; default SIGTERM. */
  readonly stopSignal?: string;
  /** Default GROUP. */
  readonly stopScope?: StopScope;
  readonly limits?: LimitsRequest;
  readonly labels?: readonly Label[];
  readonly name?: string;
  /** A request that is repeated with its key returns the original job. */
  readonly idempotencyKey?: string;
  /** From -100 to 100; default 0. */
  readonly priority?: number;
  readonly startAfter?: Date;
  /** What happens when the command fails: further attempts, each a job of its own. */
  readonly retries?: { readonly limit: number; readonly backoffMs?: number };
}

/** An artifact that is being read. */
export interface OpenArtifact {
  /** Of the job. */
  readonly owner: string;
  readonly name: string;
  readonly artifact: TakenArtifact;
  readonly content: ArtifactContent;
}

/** The most bytes of output in a page of log: by default, and in any case. */
export const DEFAULT_PAGE_BYTES = 64 * 1024;
export const LARGEST_PAGE_BYTES = 1024 * 1024;

/** A command for the cell of a job, before it is checked. What is left out is as for the job. */
export type ExecRequest = Pick<
  SubmitRequest,
  'command' | 'argv' | 'env' | 'workdir' | 'user' | 'stdin' | 'openStdin' | 'terminal'
>;

/** Which part of a log a page has. */
export interface LogPageRequest extends LogStart, LogGrep {
  /** The most bytes of output in a page. */
  readonly maxBytes?: number;
  /** The former name of `maxBytes`, so that errors name the argument that the client used. Not both. */
  readonly first?: number;
}

/** From where on a log is followed. */
export interface LogFollowRequest extends LogStart, LogGrep {
  /** Wait for more until the job has ended; otherwise complete at the present end. */
  readonly follow: boolean;
}

/** What this server is and supports. */
export interface ServerInfo {
  readonly version: string;
  readonly startedAt: Date;
  readonly cgroup: {
    /** `null`: the server may not make cgroups. */
    readonly path: string | null;
    /** The cgroup v2 controllers it can limit jobs with: `cpu`, `memory`, `pids`, `io`, ... */
    readonly controllers: readonly string[];
  };
  readonly images: readonly string[];
  readonly jobs: { readonly queued: number; readonly running: number };
  /** The cursor of the newest event. */
  readonly eventCursor: string;
}

/**
 * Everything that can be done with jobs. Every method throws `ClientError` for the caller's mistakes, with one of the
 * codes of `error-codes.ts`; any other error that it throws is the server's fault.
 */
export interface JobService {
  /**
   * Checks, stores (on disk when the promise settles) and starts a job. Returns it, usually still QUEUED.
   *
   * @param malformed faults found while reading the request, whose fields are left out of it; it is refused, and its
   *   other faults are reported together with these
   * @param inserted called in the transaction that stores the job: what it writes there is stored with it
   * @throws ClientError with all faults of the request; `QUEUE_FULL`, `STORAGE_FULL`, `QUOTA_EXCEEDED`,
   *   `LIMIT_UNAVAILABLE` and `IDEMPOTENCY_CONFLICT`
   */
  submit(
    identity: Identity,
    request: SubmitRequest,
    malformed?: readonly ClientError[],
    inserted?: (job: Job) => void,
  ): Promise<Job>;
  /**
   * Stops a job and returns it when it has ended; one that has ended already is returned as it is.
   *
   * @throws ClientError `NOT_FOUND`
   */
  stop(identity: Identity, id: string, gracePeriodMs: number): Promise<Job>;
  /**
   * Freezes every process of a running job and returns it once all are frozen; a paused one is returned as it is.
   *
   * @throws ClientError `NOT_FOUND`, or `JOB_NOT_RUNNING`
   */
  pause(identity: Identity, id: string): Promise<Job>;
  /**
   * Lets a paused job continue and returns it when it does; one that is not paused is returned as it is.
   *
   * @throws ClientError `NOT_FOUND`, or `JOB_NOT_RUNNING`
   */
  resume(identity: Identity, id: string): Promise<Job>;
  /**
   * Makes an image of what a job has changed of its root: of a paused job, or of one with `keepRoot` that has ended.
   *
   * @returns the image, which its owner may use, and admins
   * @throws ClientError `BAD_USER_INPUT` for a bad name and for a job that is not paused and has not ended;
   *   `IMAGES_FULL`
   */
  saveImage(identity: Identity, id: string, name: string): Promise<Image>;
  /**
   * Sends a signal to the command of a running job.
   *
   * @param signal a name, with or without `SIG`, or a number
   * @throws ClientError `BAD_USER_INPUT` for what is no signal; `NOT_FOUND`; `JOB_NOT_RUNNING`
   */
  signal(identity: Identity, id: string, signal: string): Promise<Job>;
  /**
   * Writes to the standard input of a job with `openStdin` what it has room for; waits some seconds when it has none.
   *
   * @param over ends the wait early
   */
  writeStdin(identity: Identity, id: string, write: StdinWrite, over: AbortSignal): Promise<StdinWritten>;
  /** Runs another command in the cell of a running job; returns it as a job of its own. */
  exec(identity: Identity, id: string, request: ExecRequest): Promise<Job>;
  /** The file at a path of a running job; for a folder also a page of its entries. */
  listFiles(identity: Identity, id: string, request: FileListRequest): Promise<FileList>;
  /** Reads a part of a regular file of a running job. */
  readFile(identity: Identity, id: string, request: FileReadRequest): Promise<FilePart>;
  /** Writes a file of a running job, or makes a folder; returns the job and the resulting file. */
  writeFile(
    identity: Identity,
    id: string,
    request: FileWriteRequest,
  ): Promise<{ readonly job: Job; readonly file: FileEntry }>;
  /**
   * Changes the size of the terminal of a running job; the command is notified.
   *
   * @throws ClientError `BAD_USER_INPUT` for a bad size and for a job without terminal; `NOT_FOUND`; `JOB_NOT_RUNNING`
   */
  resizeTerminal(identity: Identity, id: string, size: TerminalSize): Promise<Job>;
  /**
   * Deletes a job that has ended and is not pinned, with its log; readers of the log can still read it to its end.
   *
   * @throws ClientError `NOT_FOUND`, `JOB_NOT_ENDED`, or `JOB_PINNED`
   */
  delete(identity: Identity, id: string): Promise<Job>;
  /**
   * Protects a job from removal, or ends that.
   *
   * @throws ClientError `NOT_FOUND`
   */
  pin(identity: Identity, id: string, pinned: boolean): Promise<Job>;
  /**
   * Waits for the end of a job, and of its retries.
   *
   * @param signal ends the wait early
   * @returns the job at its end, or as it is when the wait is over; of a job that was retried the last attempt so far
   */
  wait(identity: Identity, id: string, atMostMs: number, signal: AbortSignal): Promise<Job>;
  /** A job as it is now; `undefined` when there is none that the caller may see. */
  get(identity: Identity, id: string): Now<Job | undefined>;
  /** A page of the jobs that the caller may see. */
  list(identity: Identity, request: PageRequest): Now<Page>;
  /** How many jobs that the caller may see match a filter. */
  count(identity: Identity, filter: PageRequest['filter']): Promise<number>;
  /** The same, up to `MOST_COUNTED` where not all jobs are meant. */
  total(identity: Identity, filter: PageRequest['filter']): Promise<Total>;
  /** Live while the job runs, final afterwards; `null` before it runs or where it is unknown. */
  usage(identity: Identity, job: Job): Promise<Usage | null>;
  /**
   * The usage of a job at intervals while it runs, then its final usage; then it completes. Nothing is measured unless
   * the next value is asked for.
   *
   * @throws ClientError `BAD_USER_INPUT` for an interval that is out of range; `NOT_FOUND`
   */
  followUsage(identity: Identity, id: string, intervalMs: number): Promise<AsyncIterableIterator<Usage>>;
  /**
   * What the command was given as its standard input; `null`: nothing.
   *
   * @throws ClientError `UNAVAILABLE` when it no longer exists
   */
  stdin(identity: Identity, job: Job): Promise<Buffer | null>;
  /**
   * The content of a file that came with a job.
   *
   * @throws ClientError `UNAVAILABLE` when it no longer exists
   */
  inputFile(identity: Identity, job: Job, file: InputFile): Promise<Buffer>;
  /**
   * The command of a job, which may be stored separately.
   *
   * @throws ClientError `NOT_FOUND` for a job that the caller may not see
   */
  command(identity: Identity, job: Job): Promise<Command>;
  /**
   * The requested environment, which may be stored separately.
   *
   * @throws ClientError `NOT_FOUND` for a job that the caller may not see
   */
  env(identity: Identity, job: Job): Promise<readonly EnvVar[]>;
  /** What confines the command, as the kernel reported it; `null` before it runs, or where that could not be stored. */
  isolation(identity: Identity, job: Job): Promise<Isolation | null>;
  /** The artifacts of a job, as far as it has ended; none that the caller may not read. */
  artifacts(identity: Identity, job: Job): readonly Artifact[];
  /**
   * Opens an artifact for reading.
   *
   * @param name as `Artifact.name`
   * @throws ClientError `NOT_FOUND` when the job has none of that name, or it was not kept
   */
  openArtifact(identity: Identity, id: string, name: string): Promise<OpenArtifact>;
  /** Where a job waits; `undefined` when it does not. */
  queuePlace(identity: Identity, job: Job): QueuePlace | undefined;
  /**
   * A page of the log of a job, from where the request says.
   *
   * @throws ClientError `LOG_LOST` when the job was started and its log is missing
   */
  readLog(identity: Identity, id: string, request: LogPageRequest): Promise<LogBatch>;
  /**
   * How many lines the log has so far, of one stream or of all; a last line without newline counts. `null` for a job
   * that the caller may not see.
   */
  lineCount(identity: Identity, job: Job, stream?: LogStream): Promise<number | null>;
  /**
   * What this server signs of a job that has ended; `null` until then, and for a job that the caller may not see. Its log
   * is read as a whole for the first one.
   *
   * @param whole what the caller may not see is left out otherwise; default true
   * @throws ClientError `LOG_LOST`
   */
  receipt(identity: Identity, job: Job, whole?: boolean): Promise<Receipt | null>;
  /** The public keys that receipts of this server were signed with, the current one first. */
  receiptKeys(identity: Identity): readonly ReceiptKey[];
  /** Pulled: the next batch is read when it is asked for. `return()` settles at once, also while waiting. */
  followLog(
    identity: Identity,
    id: string,
    request: LogFollowRequest,
  ): Promise<AsyncIterableIterator<LogBatch>>;
  /** The job as it is now, then after each change; completes when it has ended. `return()` as above. */
  watch(identity: Identity, id: string): Promise<AsyncIterableIterator<Job>>;
  /**
   * Every state change of every job, in commit order: with `after`, first later events are replayed. Then it continues
   * live and never completes by itself.
   */
  events(
    identity: Identity,
    request: { readonly after?: string; readonly filter: JobFilter },
  ): Promise<AsyncIterableIterator<JobEvent>>;
  /** What the jobs of a subject have now, of what quotas bound; `undefined`: the caller may not know. */
  inUse(identity: Identity, subject: string): JobsInUse | undefined;
  /** Bytes that the jobs of a subject that have ended take on the disk; `undefined`: the caller may not know. */
  storedBytes(identity: Identity, subject: string): Promise<number | undefined>;
  /** Whose jobs run or wait, of those that the caller may know of. */
  activeSubjects(identity: Identity): readonly string[];
  /** What this server is and supports. */
  info(identity: Identity): Promise<ServerInfo>;
  /** Ends every watch and follower: their streams complete. */
  complete(): Promise<void>;
  /** Ends every watch and follower and closes all connections; running jobs continue. */
  close(): Promise<void>;
}
