/** Keeps the write-ahead log small without having the event loop wait for the disk. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import Database, { type Statement } from 'better-sqlite3';
import type { Connection } from './connection.ts';

/** The log is copied into the database once it has this many pages: SQLite's own default. */
const MOST_FRAMES = 1000;
/** Milliseconds without work after which the thread ends: it takes some 20 MB and 7 descriptors. */
const IDLE_MS = 2000;

/** What `PRAGMA wal_checkpoint` returns (sqlite.org/pragma.html#pragma_wal_checkpoint). */
interface Frames {
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * Copies the log into the database in a thread with a connection of its own, which writes and syncs. SQLite would do so in
 * the commit that makes the log large. Nothing may be committed meanwhile: a log that was copied completely restarts with
 * the next commit, and one that grows at the same time never is.
 */
export class Checkpoints {
  readonly #path: string;
  readonly #frames: Statement<[], Frames>;
  readonly #failed: (error: Error) => void;
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** Threads that are about to end. */
  readonly #ending = new Set<Promise<void>>();
  /** Settles with the answer of the thread. */
  #answer: PromiseWithResolvers<string | null> | undefined;
  /** The log is not copied again before it has this many frames: a reader uses an old state, or the disk is full. */
  #notBefore = 0;
  #last = 0;

  /**
   * @param path of the database that `db` has open
   * @param failed called when the log could not be copied; it is tried again when it has grown by as much
   */
  constructor(db: Connection, path: string, failed: (error: Error) => void) {
    db.pragma('wal_autocheckpoint = 0');
    this.#path = path;
    this.#failed = failed;
    this.#frames = db.prepare('PRAGMA wal_checkpoint(NOOP)');
    keepDescriptor(path);
  }

  /**
   * Copies the log if it is large.
   *
   * @returns a promise that settles when this is done or has failed, and never rejects; `undefined` if the log is small
   */
  run(): Promise<void> | undefined {
    const { log, left } = this.#now();
    // The log has restarted.
    if (log < this.#last) this.#notBefore = 0;
    this.#last = log;
    return left >= MOST_FRAMES && log >= this.#notBefore ? this.#run() : undefined;
  }

  async #run(): Promise<void> {
    try {
      await this.#ask();
    } catch (error) {
      this.#failed(error instanceof Error ? error : new Error(String(error)));
    }
    const { log, left } = this.#now();
    this.#notBefore = left >= MOST_FRAMES ? log + MOST_FRAMES : 0;
  }

  #now(): { readonly log: number; readonly left: number } {
    const { log, checkpointed } = this.#frames.get() ?? { log: 0, checkpointed: 0 };
    return { log, left: log - checkpointed };
  }

  /** @throws Error of SQLite or of the thread */
  async #ask(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker ?? this.#start();
    const answer = Promise.withResolvers<string | null>();
    this.#answer = answer;
    worker.ref();
    worker.postMessage(true);
    const error = await answer.promise;
    worker.unref();
    this.#idle = setTimeout(() => this.#end(), IDLE_MS).unref();
    if (error !== null) throw new Error(error);
  }

  #start(): Worker {
    const worker = new Worker(new URL('checkpoint-worker.ts', import.meta.url), {
      workerData: this.#path,
      // What `--import` loads into the server, also by NODE_OPTIONS, would be loaded here once more, and its descriptors
      // closed with the thread.
      execArgv: [],
      env: {},
    });
    this.#worker = worker;
    const over = (error: Error): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#answer?.reject(error);
    };
    worker.on('message', (error: string | null) => this.#answer?.resolve(error));
    worker.once('error', over);
    worker.once('exit', (code) => over(new Error(`the thread ended with ${code}`)));
    return worker;
  }

  /** Ends the thread, which gives back its memory and descriptors; the next one is started when it is needed. */
  #end(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    const ended = once(worker, 'exit').then(() => {
      this.#ending.delete(ended);
    });
    this.#ending.add(ended);
    worker.ref();
    worker.postMessage(false);
  }

  /** Ends the thread; its connection is closed when this settles. To be called when nothing runs. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    this.#end();
    await Promise.all(this.#ending);
  }
}

/**
 * Opens and closes a second connection. SQLite keeps its descriptor open, since closing it would drop the locks of the
 * first connection, and reuses it for the next one (`findReusableFd` of SQLite's os_unix.c). Done at the start, so that
 * the number of descriptors of an idle server does not change.
 */
const keepDescriptor = (path: string): void => {
  const second = existsSync(path) ? new Database(path) : undefined;
  second?.close();
};
