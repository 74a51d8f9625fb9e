/** Jobs that were read, so that their rows are not read and parsed again for each list. */

import type { Statement } from 'better-sqlite3';
import type { Job } from '../jobs/job.ts';
import type { Connection } from './connection.ts';
import type { JobRow } from './row.ts';

/**
 * The most characters in the texts of all rows that are kept, about two thousand. A parsed job takes about four times
 * the memory of its row.
 */
const MOST_CHARACTERS = 2 * 1024 * 1024;
/** The most characters of one row that is kept, so that a page of the largest ones fits. */
const LONGEST = MOST_CHARACTERS / 100;
/** Milliseconds after which SQLite is asked again whether another connection has written, for which it takes locks. */
const LOOK_MS = 5;

interface Read {
  readonly job: Job;
  readonly characters: number;
}

/**
 * Keeps jobs until their rows change: a trigger reports at once which rows this connection changes, and SQLite reports
 * within `LOOK_MS` whether another connection has changed anything. (A server writes by one connection; others are
 * those of people.)
 */
export class ReadJobs {
  readonly #db: Connection;
  readonly #version: Statement<[], number>;
  /** In the order in which they were read. */
  readonly #known = new Map<string, Read>();
  #characters = 0;
  #lastVersion = Number.NaN;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param changed called with the id of each job that this connection changes or deletes, in the transaction */
  constructor(db: Connection, changed: (id: string) => void = () => undefined) {
    this.#db = db;
    db.function('job_row_changed', (id) => {
      this.#forget(String(id));
      changed(String(id));
      return null;
    });
    db.exec(`
      CREATE TEMP TRIGGER job_row_updated AFTER UPDATE ON main.jobs BEGIN SELECT job_row_changed(OLD.id); END;
      CREATE TEMP TRIGGER job_row_deleted AFTER DELETE ON main.jobs BEGIN SELECT job_row_changed(OLD.id); END;
    `);
    this.#version = db.prepare<[], number>('PRAGMA data_version').pluck();
  }

  /** Forgets what may have changed without this connection; to be called before `get`, in the same turn. */
  refresh(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const version = this.#version.get() ?? Number.NaN;
    if (version === this.#lastVersion) return;
    this.#lastVersion = version;
    this.#known.clear();
    this.#characters = 0;
  }

  /** The job with this id, if it is kept. */
  get(id: string): Job | undefined {
    return this.#known.get(id)?.job;
  }

  /**
   * Keeps a job that was read after `refresh`, in the same turn. Within a transaction, which may be rolled back,
   * nothing is kept.
   */
  set(row: JobRow, job: Job): void {
    if (this.#db.inTransaction) return;
    const characters = row.spec.length + (row.usage?.length ?? 0) + (row.error?.length ?? 0);
    if (characters > LONGEST) return;
    this.#forget(job.id);
    this.#known.set(job.id, { job, characters });
    this.#characters += characters;
    for (const first of this.#known.keys()) {
      if (this.#characters <= MOST_CHARACTERS) return;
      this.#forget(first);
    }
  }

  #forget(id: string): void {
    this.#characters -= this.#known.get(id)?.characters ?? 0;
    this.#known.delete(id);
  }
}
