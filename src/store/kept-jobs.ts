/** Number and size of the jobs that have ended, known at any time without counting them. */

import { setImmediate as turn } from 'node:timers/promises';
import type { Statement } from 'better-sqlite3';
import type { Kept } from '../jobs/store.ts';
import type { Connection } from './connection.ts';

/** Jobs that one step counts, which takes some milliseconds. */
const STEP = 5000;
/** A place after all jobs. */
const END = { finished_at: Number.MAX_SAFE_INTEGER, id: '' };

/** A place in the order of the index `jobs_by_finish`. */
interface Place {
  readonly finished_at: number;
  readonly id: string;
}

// The condition of the index `jobs_by_finish`.
const KEPT = 'finished_at IS NOT NULL AND pinned = 0';

/** SQL of what a row adds to a sum in a trigger: 0 for one that is not counted (yet). */
const counted = (row: 'OLD' | 'NEW', value: string): string =>
  `CASE WHEN ${row}.finished_at IS NOT NULL AND ${row}.pinned = 0
    AND (${row}.finished_at, ${row}.id) <= (finished_at, id) THEN ${value} ELSE 0 END`;

const countedJobs = (row: 'OLD' | 'NEW'): string => counted(row, '1');
const countedBytes = (row: 'OLD' | 'NEW'): string => counted(row, `coalesce(${row}.disk_bytes, 0)`);

/**
 * Counts the jobs once, in steps between which requests are answered, and then keeps the sums up to date by triggers of
 * this connection, the only one that writes. The sums are in a temporary table, so that a rollback undoes their changes.
 */
export class KeptJobs {
  readonly #place: Statement<[], Kept & Place>;
  readonly #next: Statement<[Place & { step: number }], Place>;
  readonly #count: Statement<[{ from: number; after: string; to: number; through: string }]>;
  #counting: Promise<void> | undefined;

  constructor(db: Connection) {
    db.exec(`
      CREATE TEMP TABLE kept (jobs INTEGER, bytes INTEGER, finished_at INTEGER, id TEXT);
      INSERT INTO temp.kept VALUES (0, 0, -1, '');
      CREATE TEMP TRIGGER kept_inserted AFTER INSERT ON main.jobs WHEN NEW.finished_at IS NOT NULL BEGIN
        UPDATE kept SET jobs = jobs + ${countedJobs('NEW')}, bytes = bytes + ${countedBytes('NEW')};
      END;
      CREATE TEMP TRIGGER kept_updated AFTER UPDATE OF finished_at, pinned, disk_bytes ON main.jobs
      WHEN OLD.finished_at IS NOT NULL OR NEW.finished_at IS NOT NULL BEGIN
        UPDATE kept SET jobs = jobs - ${countedJobs('OLD')} + ${countedJobs('NEW')},
          bytes = bytes - ${countedBytes('OLD')} + ${countedBytes('NEW')};
      END;
      CREATE TEMP TRIGGER kept_deleted AFTER DELETE ON main.jobs WHEN OLD.finished_at IS NOT NULL BEGIN
        UPDATE kept SET jobs = jobs - ${countedJobs('OLD')}, bytes = bytes - ${countedBytes('OLD')};
      END;
    `);
    this.#place = db.prepare('SELECT jobs, bytes, finished_at, id FROM temp.kept');
    this.#next = db.prepare(`SELECT finished_at, id FROM jobs WHERE ${KEPT}
      AND (finished_at, id) > (@finished_at, @id) ORDER BY finished_at, id LIMIT 1 OFFSET @step`);
    this.#count = db.prepare(`UPDATE temp.kept SET (jobs, bytes) =
      (SELECT kept.jobs + count(*), kept.bytes + coalesce(sum(disk_bytes), 0) FROM main.jobs
        WHERE main.jobs.finished_at IS NOT NULL AND pinned = 0
          AND (main.jobs.finished_at, main.jobs.id) > (@from, @after)
          AND (main.jobs.finished_at, main.jobs.id) <= (@to, @through)),
      finished_at = @to, id = @through`);
  }

  /** The sums as they are now. The first call counts the jobs. */
  async sums(): Promise<Kept> {
    this.#counting ??= this.#countAll();
    await this.#counting;
    const { jobs, bytes } = this.#now();
    return { jobs, bytes };
  }

  async #countAll(): Promise<void> {
    for (let place: Place = this.#now(); place.finished_at < END.finished_at; place = this.#now()) {
      const { finished_at: from, id: after } = place;
      const next = this.#next.get({ finished_at: from, id: after, step: STEP - 1 }) ?? END;
      this.#count.run({ from, after, to: next.finished_at, through: next.id });
      await turn();
    }
  }

  #now(): Kept & Place {
    const now = this.#place.get();
    if (now === undefined) throw new Error('the table temp.kept has no row');
    return now;
  }
}
