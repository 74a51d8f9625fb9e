/** What jobs need of the machine that runs them: between policy and mechanism. `src/cells/` implements it. */

import type { Readable } from 'node:stream';
import type { FilesAnswer, FilesRequest } from '../runtime/cell-file.ts';
import type {
  LogBatch,
  LogDigests,
  LogGrep,
  LogStart,
  LogStream,
  TerminalSize,
} from '../runtime/log/page.ts';
import type { CellNamespace, Isolation as KernelIsolation } from '../runtime/protocol/isolation.ts';
import type { Image } from './image.ts';
import type { FinalState, Job, Usage, WholeJob } from './job.ts';
import type { RequestContext } from './offer.ts';
import type { Unfinished } from './store.ts';

/** What a running cell reports. */
export interface CellEvents {
  /** The command was executed. Reported as well for a cell that runs already when it is attached. */
  running(startedAt: Date, pausedAt: Date | null): void;
  /** All of its processes are frozen. */
  paused(since: Date): void;
  /** Its processes run again. */
  resumed(): void;
  /** The supervisor is gone, or never existed: `collect` finds the end, or `isAlive` says why not. Called once. */
  ended(): void;
}

/** A connection to the supervisor of a cell. Each request settles when the supervisor has begun with it. */
export interface CellConnection {
  /**
   * The job's stop signal to the processes of its stop scope, and SIGKILL to the whole cell when they have ended, or
   * after `gracePeriodMs`. A paused cell is resumed first.
   *
   * @throws CellRefusal, as the others do
   */
  stop(gracePeriodMs: number): Promise<void>;
  /** Sends a signal, by its number, to the command. */
  signal(number: number): Promise<void>;
  /** Freezes all processes of the cell; `paused` reports when they are. */
  pause(): Promise<void>;
  /** Thaws them; `resumed` reports when they are. */
  resume(): Promise<void>;
  /** Copies what a paused cell has changed of its root, for `saveImage`; settles when that is done. */
  saveRoot(): Promise<void>;
  /** Changes the size of the terminal. */
  resize(size: TerminalSize): Promise<void>;
  /**
   * Writes to the standard input of the command what it has room for: at most 64 KiB. What was accepted before is
   * neither written again nor needed.
   *
   * @param offset bytes that were written before these
   * @param end the input ends after these bytes
   * @returns bytes accepted in all
   * @throws InputRefusal
   */
  write(offset: number, bytes: Uint8Array, end: boolean): Promise<number>;
  /**
   * Calls a listener when there may be room after a write that was not accepted in full, until the returned function is
   * called.
   */
  onRoom(listener: () => void): () => void;
  /** Whether the supervisor answers within some seconds. */
  responds(): Promise<boolean>;
  /** Closes the connection when what was asked has been answered, or its time is over. Nothing more is reported here. */
  leave(): void;
  /** Closes the connection; the cell continues, and reports nothing more here. */
  close(): void;
}

/** How a cell ended. */
export interface CellEnd {
  /** When the command was executed; `null`: it never was. */
  readonly startedAt: Date | null;
  readonly state: FinalState;
}

/** A cell could not be started. Clients see the message, so it names no path of the machine. */
export class StartFailure extends Error {
  override readonly name = 'StartFailure';
  /** Its supervisor may have been started nevertheless: see `Cells.fence`. */
  readonly begun: boolean;

  constructor(message: string, { begun = true, ...options }: ErrorOptions & { begun?: boolean } = {}) {
    super(message, options);
    this.begun = begun;
  }
}

/** What a job is given that is kept in files, not in the store. */
export interface JobInput {
  /** Its standard input; `undefined`: none. */
  readonly stdin?: string | Uint8Array | undefined;
  /** Its secret variables, as `withoutSecrets` gives them; `null`: none. */
  readonly secrets?: string | null;
}

/** The free space on the disk of the state folder. */
export interface FreeSpace {
  readonly bytes: number;
  /** Files and folders; infinite where the file system has no fixed number of them. */
  readonly files: number;
}

/** What all cells together use; times include cells that have ended. */
export interface CellTotals {
  readonly cpuTimeUs: number;
  readonly memoryBytes: number | null;
  /** Processes and threads. */
  readonly processes: number | null;
}

/** A supervisor refused a request, or is gone. */
export class CellRefusal extends Error {
  override readonly name = 'CellRefusal';
}

/** The supervisor is gone, or the command has ended: the end of the job is about to be stored. */
export class CellGone extends CellRefusal {}

/** The kernel refused a request for the files of a cell. */
export class FileRefusal extends CellRefusal {
  /**
   * The step that was refused: `open`, `read`, `write`, `folder`; `regular`: it is not a regular file; `offset`: the
   * file is shorter.
   */
  readonly step: string;
  /** Such as `ENOENT`. */
  readonly code: string;
  /** For `offset`, the size of the file. */
  readonly sizeBytes: number;

  constructor(message: string, { step, code, sizeBytes, ...options }: ErrorOptions & FileRefusalFacts) {
    super(message, options);
    this.step = step;
    this.code = code;
    this.sizeBytes = sizeBytes;
  }
}

interface FileRefusalFacts {
  readonly step: string;
  readonly code: string;
  readonly sizeBytes: number;
}

/**
 * Why input is not accepted: `gap`, the offset is beyond what was accepted; `other`, not the bytes that were accepted
 * there; `ended`, its end was written before; `closed`, the command has closed it.
 */
export const INPUT_REFUSALS = ['gap', 'other', 'ended', 'closed'] as const;

/** The input of a cell does not take what was written. */
export class InputRefusal extends CellRefusal {
  readonly reason: (typeof INPUT_REFUSALS)[number];
  /** Bytes accepted so far. */
  readonly acceptedBytes: number;

  constructor(reason: InputRefusal['reason'], acceptedBytes: number, options?: ErrorOptions) {
    super(`${reason} after ${acceptedBytes} bytes`, options);
    this.reason = reason;
    this.acceptedBytes = acceptedBytes;
  }
}

/** The isolation of a command, compared with that of the server. */
export interface Isolation extends Omit<KernelIsolation, 'namespaces'> {
  readonly namespaces: readonly (CellNamespace & {
    /** The server is in the same namespace, so that it does not confine the command. */
    readonly shared: boolean;
  })[];
}

/** What was kept of a cell, open for reading: it stays readable when its job is removed. */
export interface ArtifactContent {
  readonly sizeBytes: number;
  /** A range of bytes, both ends included, in pieces that are read as they are consumed. */
  read(firstByte: number, lastByte: number): Readable;
  /** Aborts reads in progress, and closes its descriptor. */
  close(): Promise<void>;
}

/** Which part of a log is read. */
export interface LogRead extends LogStart, LogGrep {
  /** The most bytes of output. */
  readonly mostBytes: number;
  /** The job had ended before this read was requested. */
  readonly closed: boolean;
}

/** A log that may still grow. */
export interface LogFollow extends LogStart, LogGrep {
  /** Wait for more until the job has ended; otherwise complete at the present end. */
  readonly follow: boolean;
  /** Whether the job has ended. */
  closed(): boolean;
  /** Calls a listener when `closed` becomes true, until the returned function is called. */
  onClosed(listener: () => void): () => void;
  /** Called once, when the iterator is over. */
  release(): void;
}

/**
 * The cells of jobs: one for each, by the job's id. A cell outlives the server that started it. What it leaves, above
 * all its end, stays until the server has stored it.
 */
export interface Cells {
  /** What jobs may request here. */
  readonly request: RequestContext;
  /** Cells that can run at once; infinite where nothing bounds them. */
  readonly mostCells: number;
  /** Cells that were made before their job is known: how many wait for one, and how many jobs have had one. */
  readonly prepared: { readonly waiting: number; readonly used: number };
  readonly cgroup: {
    /** `null`: cgroups may not be made here. */
    readonly path: string | null;
    readonly controllers: readonly string[];
  };

  /**
   * Keeps the content of an image while a job that was checked against it is being stored, until the returned function
   * is called. From then on the job keeps it.
   */
  holdImage(digest: string): () => void;

  /** The free space on the disk now. */
  freeSpace(): FreeSpace;

  /**
   * Makes an image of what a job has changed of its root: of what `saveRoot` copied, or was kept at its end.
   *
   * @throws ClientError for a bad name, and when nothing was kept or its image is gone
   */
  saveImage(job: Job, name: string): Promise<Image>;
  /**
   * Checks what a start would need.
   *
   * @throws Error when no cell could be started now
   */
  probe(): Promise<void>;
  /** What all cells together use; `null` where this host does not count it. */
  totals(): Promise<CellTotals | null>;

  /**
   * Stores the input of a job that is about to be stored; it is on disk when the promise settles. The standard input is
   * kept as long as the job; copies of secrets are removed by `tidy`, the secrets themselves by `release`.
   *
   * @throws StoreFullError
   */
  keepInput(id: string, input: JobInput): Promise<void>;
  /**
   * Shares the standard input and the secrets of a job, as far as it has them, with its next attempt, without a copy.
   *
   * @throws StoreFullError
   */
  shareInput(id: string, next: string): Promise<void>;
  /** Removes the standard input and the secrets of a job that was not stored. */
  dropInput(id: string): Promise<void>;
  /** The standard input that is kept of a job; `undefined` when it is missing, as after a restored backup. */
  readStdin(id: string): Promise<Buffer | undefined>;
  /** Its SHA-256 in hexadecimal digits, without having all of it in memory; `undefined` when it is missing. */
  stdinDigest(id: string): Promise<string | undefined>;

  /**
   * Starts a cell; settles when it can be attached.
   *
   * @throws StartFailure when no supervisor could be started, as far as is known
   */
  start(job: WholeJob): Promise<void>;
  /**
   * Makes sure that a job whose start failed never starts.
   *
   * @returns false when a supervisor was first: the cell is there and can be attached. True also when it was fenced
   *   before, as by a server that died then
   */
  fence(id: string): Promise<boolean>;
  /**
   * Adopts a job that an earlier server left without an end.
   *
   * @returns whether it has a cell, which can be attached. If not, nothing is left of any attempt to start one
   */
  takeOver(job: Pick<Unfinished, 'id' | 'status'>): Promise<boolean>;
  /**
   * Connects to a cell.
   *
   * @throws Error when no connection can be made now, as for lack of descriptors
   */
  attach(id: string, events: CellEvents): CellConnection;
  /** Whether the cell has a supervisor. A cell without one writes nothing more. */
  isAlive(id: string): Promise<boolean>;
  /**
   * Kills a supervisor that does not respond, and so its cell: the end of the connection follows.
   *
   * @throws Error when it cannot be found
   */
  killSupervisor(id: string): Promise<void>;

  /** Calls a listener when the end of a cell can be collected, until the returned function is called. */
  onEnd(listener: (id: string) => void): () => void;
  /**
   * Passes the end of a cell to `store`, if it is known. Its record is removed when `store` has settled, and stays for
   * the next attempt when `store` fails.
   */
  collect(job: Job, store: (end: CellEnd) => Promise<void>): Promise<void>;
  /** Kills the processes left of a cell without a supervisor, and saves the end of its output. */
  reap(id: string): Promise<void>;
  /**
   * Removes what was of use only while the job ran. Called before the end is stored, so that it is repeated when the
   * server dies in between.
   *
   * @returns bytes that the job still takes on the disk
   */
  tidy(id: string): Promise<number>;
  /** Releases the resources that a job occupied, and removes its secrets. Called once its end is stored. */
  release(id: string): Promise<void>;
  /**
   * Removes what earlier servers left of cells that no longer exist.
   *
   * @param isOpen whether a job has not ended
   * @param isKept whether there is such a job at all
   */
  sweep(isOpen: (id: string) => boolean, isKept: (id: string) => Promise<boolean>): Promise<void>;

  /** What a running cell has used so far; `null` where that is unknown. */
  usage(id: string): Promise<Usage | null>;
  /**
   * Carries out a request for the files of a running cell, with the rights and within the limits of its command.
   *
   * @throws CellRefusal
   */
  files(id: string, request: FilesRequest): Promise<FilesAnswer>;
  /**
   * Reads or lists files of a job that has ended and was submitted with `keepRoot`, as its command could.
   *
   * @throws CellRefusal also when they are not there any more
   */
  keptFiles(job: Job, request: FilesRequest): Promise<FilesAnswer>;
  /** What confines the command; `null` before it runs, or where that could not be stored. */
  isolation(id: string): Promise<Isolation | null>;

  /**
   * Opens an artifact of a job that has ended.
   *
   * @param index its place in the list of the job
   * @returns `undefined` when it is missing, as where only the database was restored
   */
  openArtifact(id: string, index: number): Promise<ArtifactContent | undefined>;

  /** Whether the log of a job that was started is there: it is not where only the database was restored. */
  hasLog(id: string): Promise<boolean>;
  /** @throws CursorError for a cursor that is not of this log */
  readLog(id: string, request: LogRead): Promise<LogBatch>;
  /**
   * How many lines the log has so far, of one stream or of all; a last line without newline counts.
   *
   * @param closed the job had ended before this was requested
   */
  lineCount(id: string, closed: boolean, stream?: LogStream): Promise<number>;
  /** The digests of the log of a job that has ended. The log is read as a whole. */
  logDigests(id: string): Promise<LogDigests>;
  /** @throws CursorError for a cursor that is not of this log */
  checkCursor(id: string, cursor: string): Promise<void>;
  /** Pulled: the next batch is read when it is asked for. `return()` settles at once, also while waiting. */
  followLog(id: string, request: LogFollow): AsyncIterableIterator<LogBatch, undefined>;

  /**
   * Compresses the log of a job that has ended.
   *
   * @returns bytes that the job still takes on the disk
   */
  compressLog(id: string): Promise<number>;
  /** Removes everything that is kept of a job that has ended. */
  remove(id: string): Promise<void>;
}
