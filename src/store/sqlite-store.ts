import type { Statement } from 'better-sqlite3';
import { type Connection, openDatabase } from './database.ts';
import type { Job, JobState, JobStatus } from './job.ts';
import { countQuery, pageQuery, type Query } from './query.ts';
import { fromRow, type JobRow, toColumns, toRow } from './row.ts';
import type { JobFilter, JobStore, Page, PageRequest } from './store.ts';

/**
 * Opens the jobs kept in a SQLite file, made if need be.
 *
 * @throws DatabaseError when the file cannot be used
 */
export const openStore = (path: string): JobStore => new SqliteStore(openDatabase(path));

class SqliteStore implements JobStore {
  readonly #db: Connection;
  /** By their text: a page's query takes its shape from the filter, and shapes are few. */
  readonly #statements = new Map<string, Statement<unknown[], unknown>>();

  constructor(db: Connection) {
    this.#db = db;
  }

  async insert(job: Job): Promise<void> {
    const row = toRow(job);
    const columns = Object.keys(row);
    const insert = this.#prepare(
      `INSERT INTO jobs (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name}`).join(', ')})`,
    );
    const label = this.#prepare('INSERT INTO labels (job_id, key, value) VALUES (?, ?, ?)');
    const add = this.#db.transaction(() => {
      insert.run(row);
      for (const { key, value } of job.spec.labels) label.run(job.id, key, value);
    });
    add.immediate();
  }

  async get(id: string): Promise<Job | undefined> {
    const row = this.#prepare('SELECT * FROM jobs WHERE id = ?').get(id);
    return row === undefined ? undefined : fromRow(row as JobRow);
  }

  async list(request: PageRequest): Promise<Page> {
    const rows = this.#rows(pageQuery(request));
    const more = rows.length > request.limit;
    const jobs = rows.slice(0, request.limit).map(fromRow);
    if (request.backward) jobs.reverse();
    return {
      jobs,
      hasNext: request.backward ? this.#isAnyBeyond(request, jobs.at(-1), 'after') : more,
      hasPrevious: request.backward ? more : this.#isAnyBeyond(request, jobs[0], 'before'),
    };
  }

  async count(filter: JobFilter): Promise<number> {
    const { sql, values } = countQuery(filter);
    return Number(Object.values(this.#prepare(sql).get(...values) as Record<string, number>)[0]);
  }

  async inStatus(statuses: readonly JobStatus[]): Promise<readonly Job[]> {
    const places = statuses.map(() => '?').join(', ');
    const sql = `SELECT * FROM jobs WHERE status IN (${places}) ORDER BY id`;
    return this.#rows({ sql, values: statuses }).map(fromRow);
  }

  async transition(id: string, from: readonly JobStatus[], to: JobState): Promise<Job | undefined> {
    const columns = toColumns(to);
    const set = Object.keys(columns).map((name) => `${name} = ?`);
    const places = from.map(() => '?').join(', ');
    const row = this.#prepare(
      `UPDATE jobs SET ${set.join(', ')} WHERE id = ? AND status IN (${places}) RETURNING *`,
    ).get(...Object.values(columns), id, ...from);
    return row === undefined ? undefined : fromRow(row as JobRow);
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  /** Whether the filter has a job on the other side of the page's first or last one. */
  #isAnyBeyond(request: PageRequest, edge: Job | undefined, side: 'after' | 'before'): boolean {
    const { filter, order } = request;
    const id = edge?.id ?? (side === 'before' ? request.after : request.before);
    if (id === undefined) return false;
    // With no row on the page, the cursor's own job lies beyond it.
    const at: PageRequest = { limit: 0, backward: side === 'before', order, filter, [side]: id };
    return this.#rows(pageQuery(at)).length > 0;
  }

  #rows({ sql, values }: Query): JobRow[] {
    return this.#prepare(sql).all(...values) as JobRow[];
  }

  #prepare(sql: string): Statement<unknown[], unknown> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare<unknown[], unknown>(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
