/** Groups writes into transactions and these into syncs, so that a burst of writes waits for the disk once. */

import type { Transaction } from 'better-sqlite3';
import { StoreFullError } from '../jobs/store.ts';
import type { Connection } from './connection.ts';

interface Write {
  /** Runs in the transaction; if it throws, only this write is undone. */
  run(): void;
  /** The transaction is on disk. */
  settle(): void;
  reject(error: unknown): void;
}

/** Writes that are synced together. */
interface Group {
  readonly writes: Write[];
  /** When the first of its commits began, in milliseconds of `performance.now()`. */
  readonly beganMs: number;
  /** Settles when all of it is on disk. */
  readonly durable: PromiseWithResolvers<void>;
}

/** The most writes in one transaction, during which the server answers nothing. */
const MOST_WRITES = 128;

/** Where commits become durable. */
export interface Disk {
  /** Settles when everything that is committed now is on disk. */
  sync(): Promise<void>;
  /**
   * Called after a sync: does what has to be done before the next commit. Never rejects; `undefined` if there is
   * nothing to do.
   */
  tidy?(): Promise<void> | undefined;
}

/** Callbacks for commits and syncs. */
export interface GroupCommitOptions {
  /** Called after each commit: reads see it from now on. */
  readonly committed?: () => void;
  /** Called when a sync begins, which covers everything that is committed by then. */
  readonly syncing?: () => void;
  /** Called when a sync has ended, with the milliseconds since the first commit in it began. */
  readonly synced?: (durationMs: number) => void;
  /** Called when a sync has failed: nothing can be written or read any more. */
  readonly failed?: (error: Error) => void;
}

/**
 * Runs the writes that arrive within one turn of the event loop in one transaction, and what arrives while the disk is busy
 * in the next one. They run in the order of arrival, and none resolves before all of its transaction, and of those before
 * it, is on disk. The event loop waits for no sync.
 */
export class GroupCommit {
  readonly #db: Connection;
  readonly #disk: Disk;
  readonly #options: GroupCommitOptions;
  // Made once: each takes longer to make than to run.
  readonly #whole: Transaction<(writes: readonly Write[], done: Write[]) => void>;
  /** A transaction within a transaction is a savepoint. */
  readonly #part: Transaction<(write: Write) => void>;
  #waiting: Write[] = [];
  /** The writes of the transaction that is running; more may be added meanwhile. */
  #running: Write[] | undefined;
  #scheduled: NodeJS.Immediate | undefined;
  /** Committed, and waiting for the next sync. */
  #committed: Group | undefined;
  #syncing: Group | undefined;
  /** A checkpoint that is running: nothing is committed or synced meanwhile. */
  #tidying: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(db: Connection, disk: Disk, options: GroupCommitOptions = {}) {
    this.#db = db;
    this.#disk = disk;
    this.#options = options;
    this.#whole = db.transaction((writes, done) => this.#runAll(writes, done));
    this.#part = db.transaction((write) => write.run());
  }

  /**
   * Does one write. `work` is called in a transaction that holds the write lock; if it throws, its own changes are undone
   * and no others. A write that `work` itself asks for is done in the same transaction.
   *
   * @throws what `work` threw, or why the transaction could not be committed: `StoreFullError` if the disk is full
   */
  write<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let settle = (): void => undefined;
      const write: Write = {
        run: () => {
          const result = work();
          settle = () => resolve(result);
        },
        settle: () => settle(),
        reject: (error) =>
          reject(isFull(error) ? new StoreFullError(error.message, { cause: error }) : error),
      };
      if (this.#failure !== undefined) reject(this.#failure);
      else if (this.#running === undefined) {
        this.#waiting.push(write);
        this.#schedule();
      } else this.#running.push(write);
    });
  }

  /**
   * Settles when everything that is committed by now is on disk: to be awaited before clients learn of what was read.
   *
   * @returns `undefined` if it is on disk already
   * @throws the error of a sync that has failed
   */
  durable(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return (this.#committed ?? this.#syncing)?.durable.promise;
  }

  /** Whether a sync has failed. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Commits the waiting writes, and settles when all are on disk. */
  async flush(): Promise<void> {
    while (this.#failure === undefined && this.#isBusy()) {
      clearImmediate(this.#scheduled);
      this.#scheduled = undefined;
      if (this.#waiting.length > 0 && this.#tidying === undefined) this.#commit(this.#waiting.splice(0));
      this.#sync();
      // A failure has been reported to those who wrote.
      await this.#syncing?.durable.promise.catch(() => undefined);
      await this.#tidying;
    }
  }

  #isBusy(): boolean {
    return (
      this.#waiting.length > 0 ||
      [this.#committed, this.#syncing, this.#tidying].some((part) => part !== undefined)
    );
  }

  /**
   * Writes that arrive while the disk is busy could not be synced sooner, so they wait to share a transaction, unless
   * it would be too large.
   */
  #schedule(): void {
    if (this.#waiting.length === 0 || this.#scheduled !== undefined || this.#tidying !== undefined) return;
    if (this.#syncing !== undefined && this.#waiting.length < MOST_WRITES) return;
    this.#scheduled = setImmediate(() => this.#commitSome());
  }

  /** Commits as many writes as one turn of the event loop has time for. */
  #commitSome(): void {
    this.#scheduled = undefined;
    // This was scheduled before the checkpoint began, and is scheduled again after it.
    if (this.#tidying !== undefined) return;
    this.#commit(this.#waiting.splice(0, MOST_WRITES));
    this.#sync();
    this.#schedule();
  }

  #commit(writes: Write[]): void {
    const done: Write[] = [];
    const beganMs = performance.now();
    this.#running = writes;
    try {
      // The commit is a statement of its own: an UPDATE ... RETURNING read with `get` commits while it is being reset,
      // where better-sqlite3 does not see that it failed.
      this.#whole.immediate(writes, done);
    } catch (error) {
      for (const write of writes) write.reject(error);
      return;
    } finally {
      this.#running = undefined;
    }
    if (done.length === 0) return;
    this.#committed ??= { writes: [], beganMs, durable: handled() };
    this.#committed.writes.push(...done);
    this.#options.committed?.();
  }

  #runAll(writes: readonly Write[], done: Write[]): void {
    // A write may ask for further ones, which are added to this list.
    for (const write of writes) {
      const isAlone = writes.length === 1;
      try {
        if (isAlone) write.run();
        else this.#part(write);
        done.push(write);
      } catch (error) {
        // The failure of an only write ends the transaction. Some errors, such as a full disk, end it in any case
        // (sqlite.org/lang_transaction.html section 4).
        if (isAlone || !this.#db.inTransaction) throw error;
        write.reject(error);
      }
    }
  }

  /** Syncs what is committed. Does nothing while the disk is busy: another sync follows then. */
  #sync(): void {
    const group = this.#committed;
    if (group === undefined || this.#failure !== undefined) return;
    if (this.#syncing !== undefined || this.#tidying !== undefined) return;
    this.#committed = undefined;
    this.#syncing = group;
    this.#options.syncing?.();
    this.#disk.sync().then(
      () => this.#synced(group),
      (error: Error) => this.#fail(error),
    );
  }

  #synced({ writes, beganMs, durable }: Group): void {
    this.#syncing = undefined;
    for (const write of writes) write.settle();
    this.#options.synced?.(performance.now() - beganMs);
    // Readers continue after writers.
    setImmediate(durable.resolve);
    this.#tidying = this.#disk.tidy?.()?.then(() => {
      this.#tidying = undefined;
      this.#continue();
    });
    this.#continue();
  }

  #continue(): void {
    if (this.#waiting.length > 0) this.#schedule();
    else this.#sync();
  }

  /**
   * What is on the disk is unknown from now on, and a later sync that succeeds would not say that it is all there: the
   * kernel reports an error once and drops the data (fsync(2)). So nothing that was or will be written is acknowledged.
   */
  #fail(error: Error): void {
    this.#failure = error;
    clearImmediate(this.#scheduled);
    const groups = [this.#syncing, this.#committed];
    const writes = [...groups.flatMap((group) => group?.writes ?? []), ...this.#waiting];
    this.#syncing = undefined;
    this.#committed = undefined;
    this.#waiting = [];
    for (const write of writes) write.reject(error);
    for (const group of groups) group?.durable.reject(error);
    this.#options.failed?.(error);
  }
}

/** A promise whose rejection may go unhandled. */
const handled = (): PromiseWithResolvers<void> => {
  const resolvers = Promise.withResolvers<void>();
  resolvers.promise.catch(() => undefined);
  return resolvers;
};

// The second code: there was no room for the index of the write-ahead log, which grows with the log.
const FULL: readonly unknown[] = ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE'];

const isFull = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && FULL.includes(error.code);
