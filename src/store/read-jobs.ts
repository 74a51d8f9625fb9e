/** Jobs that were read, so that their rows are not read and parsed again for each list. */

import type { Statement } from 'better-sqlite3';
import type { Job } from '../jobs/job.ts';
import type { Connection } from './connection.ts';
import type { JobRow } from './row.ts';

/** Characters of the texts of all rows that are kept: of about two thousand. As a job one takes about four times as much. */
const MOST_CHARACTERS = 2 * 1024 * 1024;
/** Of one row: with ones of this size there are still as many as a page has. */
const LONGEST = MOST_CHARACTERS / 100;
/** Milliseconds after which SQLite is asked again whether another connection has written: it has to take locks for that. */
const LOOK_MS = 5;

interface Read {
  readonly job: Job;
  readonly characters: number;
}

/**
 * Keeps jobs until their rows change: SQLite says at once which ones this connection changes, by a trigger, and within
 * `LOOK_MS` whether another has changed anything. (A server has one that writes; others belong to people.)
 */
export class ReadJobs {
  readonly #db: Connection;
  readonly #version: Statement<[], number>;
  /** The one that was read first comes first. */
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

  /** Keeps a job that was read after `refresh`, in the same turn. What a transaction has written may yet be undone. */
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
