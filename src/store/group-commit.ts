/** Groups writes into transactions, so that a burst of them waits for the disk once. */

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

/** Writes in one transaction: the server answers nothing meanwhile. */
const MOST_WRITES = 128;

/**
 * Runs the writes that arrive within one turn of the event loop in one transaction, so that a burst of them waits for
 * the disk once. They run in the order of arrival, and none resolves before all are on disk.
 */
export class GroupCommit {
  readonly #db: Connection;
  readonly #committed: (durationMs: number) => void;
  // Made once: each takes longer to make than to run.
  readonly #whole: Transaction<(writes: readonly Write[], done: Write[]) => void>;
  /** A transaction within a transaction is a savepoint. */
  readonly #part: Transaction<(write: Write) => void>;
  #waiting: Write[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  /** @param committed called after each commit, with the milliseconds that it took */
  constructor(db: Connection, committed: (durationMs: number) => void = () => undefined) {
    this.#db = db;
    this.#committed = committed;
    this.#whole = db.transaction((writes, done) => this.#runAll(writes, done));
    this.#part = db.transaction((write) => write.run());
  }

  /**
   * Does one write. `work` is called in a transaction that holds the write lock; if it throws, its own changes are undone
   * and no others.
   *
   * @throws what `work` threw, or why the transaction could not be committed: `StoreFullError` if the disk is full
   */
  write<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let settle = (): void => undefined;
      this.#waiting.push({
        run: () => {
          const result = work();
          settle = () => resolve(result);
        },
        settle: () => settle(),
        reject: (error) =>
          reject(isFull(error) ? new StoreFullError(error.message, { cause: error }) : error),
      });
      this.#scheduled ??= setImmediate(() => this.#commitSome());
    });
  }

  /** Commits the waiting writes now. */
  flush(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    while (this.#waiting.length > 0) this.#commit(this.#waiting.splice(0));
  }

  /** Commits as many as one turn of the event loop has time for. */
  #commitSome(): void {
    const writes = this.#waiting.splice(0, MOST_WRITES);
    this.#scheduled = this.#waiting.length > 0 ? setImmediate(() => this.#commitSome()) : undefined;
    this.#commit(writes);
  }

  #commit(writes: readonly Write[]): void {
    const done: Write[] = [];
    const started = performance.now();
    try {
      // The commit is a statement of its own: an UPDATE ... RETURNING read with `get` commits while it is being reset,
      // where better-sqlite3 does not see that it failed.
      this.#whole.immediate(writes, done);
    } catch (error) {
      for (const write of writes) write.reject(error);
      return;
    }
    const durationMs = performance.now() - started;
    for (const write of done) write.settle();
    if (done.length > 0) this.#committed(durationMs);
  }

  #runAll(writes: readonly Write[], done: Write[]): void {
    const [only] = writes;
    if (only !== undefined && writes.length === 1) {
      // If it throws, that is the end of the transaction.
      only.run();
      done.push(only);
      return;
    }
    for (const write of writes) {
      try {
        this.#part(write);
        done.push(write);
      } catch (error) {
        // Some errors, such as a full disk, end the whole transaction (sqlite.org/lang_transaction.html section 4).
        if (!this.#db.inTransaction) throw error;
        write.reject(error);
      }
    }
  }
}

// The second: there was no room for the index of the write-ahead log, which grows with it.
const FULL: readonly unknown[] = ['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE'];

const isFull = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && FULL.includes(error.code);
