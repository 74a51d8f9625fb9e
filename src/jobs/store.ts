/** The interface of the store that keeps jobs. `src/store/` implements it. */

import type { Now } from '../async/now.ts';
import type { Command, EnvVar, Job, JobState, JobStatus, Label, LimitKind } from './job.ts';
import type { QueueEntry } from './queue.ts';

/** Which jobs: every field that is set must match. */
export interface JobFilter {
  readonly status?: readonly JobStatus[];
  readonly name?: string;
  readonly owner?: string;
  /** It runs in the cell of this job. */
  readonly execOf?: string;
  readonly image?: string;
  readonly label?: Label;
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
  /** The beginning of its id, shorter than a whole one. */
  readonly idPrefix?: string;
  /** The exit code of a command that ended by itself or was stopped. */
  readonly exitCode?: number;
  /** The signal that ended it, by name: `SIGKILL`. */
  readonly signal?: string;
  readonly limitExceeded?: LimitKind;
  /** It exceeded a limit, was lost, could not run, or completed with an exit code other than 0. */
  readonly failed?: true;
}

/** Order of creation, the only order there is; by default newest first. */
export type JobOrder = 'NEWEST_FIRST' | 'OLDEST_FIRST';

/**
 * One page by keyset. `after` and `before` are ids of jobs (ids are UUIDv7: they sort by creation).
 * `backward` takes the last `limit` rows before `before`; rows always come in `order`.
 */
export interface PageRequest {
  readonly limit: number;
  readonly after?: string;
  readonly before?: string;
  readonly backward: boolean;
  readonly order: JobOrder;
  readonly filter: JobFilter;
}

/** A page of a list of jobs, in the order that was asked for. */
export interface Page {
  readonly jobs: readonly Job[];
  readonly hasNext: boolean;
  readonly hasPrevious: boolean;
}

/** A change of a job's state, its submission included. */
export interface JobEvent {
  /** Increases from event to event, over all jobs; some numbers are missing. */
  readonly number: number;
  readonly time: Date;
  /** The state that the job changed to. */
  readonly status: JobStatus;
  /** The job as it is now. */
  readonly job: Job;
}

/** Which events are read. */
export interface EventRequest {
  /** Only events with a higher number. */
  readonly after: number;
  /** Events at most. */
  readonly limit: number;
  /** `status` is that of the event; the others are about the job. */
  readonly filter: JobFilter;
}

/** A page of events, in commit order. */
export interface EventPage {
  readonly events: readonly JobEvent[];
  /** Everything up to this number was examined. */
  readonly through: number;
  /** There may be more after `through`. */
  readonly more: boolean;
}

/** Identifies a request that a client may send twice. */
export interface RequestKey {
  /** Chosen by the client; each owner has keys of its own. */
  readonly key: string;
  /** A digest of what was asked for. */
  readonly digest: string;
}

/** What a key was used for before. */
export type EarlierRequest =
  /** The same request was stored before, and this is its job. */
  | { readonly kind: 'repeated'; readonly job: Job }
  /** Another request was stored before with this key. */
  | { readonly kind: 'conflict' };

/** The result of an insertion. */
export type Insertion = { readonly kind: 'inserted'; readonly job: Job } | EarlierRequest;

/** There is no space on the disk for a write. Nothing was written; it may be tried again. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';
}

/** A job that has not ended. */
export interface Unfinished extends QueueEntry {
  readonly status: 'QUEUED' | 'RUNNING';
  readonly createdAt: Date;
}

/** How much is kept of jobs that have ended and are not pinned. */
export interface Kept {
  readonly jobs: number;
  /** Bytes of their folders, as far as they are known. */
  readonly bytes: number;
}

/** What is stored together with the end of a job. */
export interface JobEnd {
  /** Bytes of its folder. */
  readonly diskBytes: number;
  /** A job that is still QUEUED is RUNNING from this time on first: both are events. */
  readonly began?: Date | undefined;
  /** The next attempt, which is inserted. */
  readonly next?: Job | undefined;
}

/** What retention needs to know of a job that has ended. */
export interface Finished {
  readonly id: string;
  readonly finishedAt: Date;
  /** Of its folder. */
  readonly bytes: number;
}

/** The number up to which jobs that match a filter are counted. */
export const MOST_COUNTED = 10_000;

/** How many jobs match, or that there are at least that many. */
export interface Total {
  readonly count: number;
  readonly isExact: boolean;
}

/**
 * Where jobs are stored. Asynchronous, so that a shared database can implement it; a store that has what is read most
 * in memory may return that without a promise. Writes throw `StoreFullError` where there is no space for them. What a
 * write or a read gives is on disk, where clients may learn of it; if the disk fails, all of them throw.
 */
export interface JobStore {
  /**
   * Adds a QUEUED job; it is on disk when the promise settles.
   *
   * @param request detects a repetition: looked up and stored in the transaction that inserts
   * @param inserted called in that transaction when the job is in it: what it writes to the same database is in it too
   */
  insert(job: Job, request?: RequestKey, inserted?: () => void): Promise<Insertion>;
  /** What an owner has used a key for; `undefined` when it was not used. Needs no room on the disk. */
  earlier(owner: string, request: RequestKey): Promise<EarlierRequest | undefined>;
  /** A job as it is now; `undefined` when there is none. */
  get(id: string): Now<Job | undefined>;
  /**
   * A command that is stored separately, by the id of `ApartCommand`; `undefined` when it was deleted with its jobs.
   */
  command(id: string): Promise<Command | undefined>;
  /** An environment that is stored separately, by the id of `Apart`; `undefined` when it was deleted with its jobs. */
  env(id: string): Promise<readonly EnvVar[] | undefined>;
  /** A page of jobs. */
  list(request: PageRequest): Now<Page>;
  /** How many jobs match a filter. */
  count(filter: JobFilter): Promise<number>;
  /** The same, up to `MOST_COUNTED` of a filter: to count more takes time that grows with their number. */
  total(filter: JobFilter): Promise<Total>;
  /** Whether there is such a job. */
  has(id: string): Promise<boolean>;
  /** Every job that has not ended, oldest first, without command, environment and standard input; for recovery. */
  unfinished(): Promise<readonly Unfinished[]>;
  /**
   * A standard input that an earlier version kept with the job; `undefined` when there is none any more. It stays until
   * `stdinMoved`.
   */
  stdinToMove(): Promise<{ readonly id: string; readonly text: string } | undefined>;
  /** The standard input of a job has been moved to a file. */
  stdinMoved(id: string): Promise<void>;
  /**
   * Moves a job from one of the states `from` to `to`, in one guarded UPDATE.
   *
   * @param end what its folder takes, when it has ended; when it began to run, if that may not have been stored yet; and
   *   the next attempt: all in the same transaction
   * @param known the job in any of its states, as it was stored, which then need not be read again
   * @returns the job as it is now, or `undefined` when it was in none of `from` (somebody else was first)
   */
  transition(
    id: string,
    from: readonly JobStatus[],
    to: JobState,
    end?: JobEnd,
    known?: Job,
  ): Promise<Job | undefined>;
  /** @returns the job as it is now; `undefined` when it does not exist */
  setPinned(id: string, pinned: boolean): Promise<Job | undefined>;
  /** Records how much space a job takes on the disk, and whether its log has been packed. */
  setDisk(id: string, disk: { readonly bytes: number; readonly packed: boolean }): Promise<void>;
  /** Jobs that ended before a time and whose log has not been packed yet, oldest first. */
  toPack(before: Date, limit: number): Promise<readonly string[]>;
  /** Bytes that the jobs of an owner that have ended take on the disk, as far as they are known. */
  storedBytes(owner: string): Promise<number>;
  /** How much is kept of jobs that have ended. */
  kept(): Promise<Kept>;
  /** Jobs that have ended and are not pinned, oldest first. */
  oldest(limit: number): Promise<readonly Finished[]>;
  /**
   * Deletes jobs that have ended, with their labels, keys and events, and keeps their ids until `removed`, because
   * their folders still exist. Pinned jobs stay.
   *
   * @returns the ids of those that were deleted
   */
  remove(ids: readonly string[]): Promise<readonly string[]>;
  /** Ids of deleted jobs whose folders may still exist. */
  removals(): Promise<readonly string[]>;
  /** The folders of deleted jobs are gone. */
  removed(ids: readonly string[]): Promise<void>;
  /** Events in order. Examines a bounded number of them, so a page may be empty although more follow. */
  events(request: EventRequest): Promise<EventPage>;
  /**
   * Calls a listener after each commit that may have added events, whichever server made it, until the returned
   * function is called. The call carries no event: it says that it is time to read them.
   */
  onCommit(listener: () => void): () => void;
  /** The number of the last event; 0 when there are none. */
  lastEvent(): Promise<number>;
  /**
   * Writes a little to the disk, to see whether that works.
   *
   * @throws StoreFullError
   */
  probe(): Promise<void>;
  /** Writes what is pending and closes the store, which cannot be used afterwards. */
  close(): Promise<void>;
}
