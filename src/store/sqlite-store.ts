/** The job store in SQLite, which also opens the other stores of its database. */

import type { Statement } from 'better-sqlite3';
import type { AuditStore } from '../access/audit.ts';
import type { QuotaStore } from '../access/quotas.ts';
import type { ShareStore } from '../access/share.ts';
import type { TokenStore } from '../access/token.ts';
import type { FileStore } from '../jobs/file.ts';
import type { ImageStore } from '../jobs/image.ts';
import type { Command, EnvVar, Job, JobState, JobStatus } from '../jobs/job.ts';
import type {
  EarlierRequest,
  EventPage,
  EventRequest,
  Finished,
  Insertion,
  JobEnd,
  JobEvent,
  JobFilter,
  JobStore,
  Kept,
  Page,
  PageRequest,
  RequestKey,
  Total,
  Unfinished,
} from '../jobs/store.ts';
import { MOST_COUNTED } from '../jobs/store.ts';
import { ChangedJobs } from './changed-jobs.ts';
import { Checkpoints } from './checkpoints.ts';
import { type Connection, DatabaseError } from './connection.ts';
import { openDatabase } from './database.ts';
import { eventQuery, MOST_LOOKED_AT } from './event-query.ts';
import { FreshJobs } from './fresh-jobs.ts';
import { GroupCommit } from './group-commit.ts';
import { KeptJobs } from './kept-jobs.ts';
import { LIMIT } from './limit.ts';
import { takeApart } from './payloads.ts';
import { behindQuery, countQuery, pageQuery, type Query } from './query.ts';
import { ReadJobs } from './read-jobs.ts';
import { COLUMNS, fromRow, type JobRow, toColumns, toRow } from './row.ts';
import { SqliteAudit } from './sqlite-audit.ts';
import { SqliteFiles } from './sqlite-files.ts';
import { SqliteImages } from './sqlite-images.ts';
import { SqliteQuotas } from './sqlite-quotas.ts';
import { SqliteShares } from './sqlite-shares.ts';
import { SqliteTokens } from './sqlite-tokens.ts';
import { fromUnfinishedRow, inlineBytes, UNFINISHED, type UnfinishedRow } from './unfinished.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

/** The stores of one database. Closing the job store closes the database. */
export interface Store extends JobStore {
  readonly tokens: TokenStore;
  readonly quotas: QuotaStore;
  readonly audit: AuditStore;
  readonly shares: ShareStore;
  readonly images: ImageStore;
  readonly files: FileStore;
}

/** Callbacks for what the store does. */
export interface StoreOptions {
  /** Called after each sync, with the milliseconds from the first commit in it until it was on disk. */
  readonly committed?: (durationMs: number) => void;
  /** Called when the disk has failed: what is on it is unknown, and nothing can be read or written any more. */
  readonly failed?: (error: DatabaseError) => void;
  /** Called when the write-ahead log could not be copied into the database; this is tried again later. */
  readonly warn?: (error: Error) => void;
}

/**
 * Opens the stores in a SQLite file, which is created if necessary.
 *
 * @throws DatabaseError if the file cannot be used
 */
export const openStore = (path: string, options: StoreOptions = {}): Store =>
  new SqliteStore(openDatabase(path), path, options);

const ALL = COLUMNS.join(', ');
/** What of a job may change besides its state. */
const MUTABLE = 'pinned, retried_by';
const INSERT = `INSERT INTO jobs (${ALL}) VALUES (${COLUMNS.map((name) => `@${name}`).join(', ')})`;

/**
 * SQL for the bytes that the request of a job takes in the database and in files. What attempts share is counted for
 * each of them.
 */
const ROW_BYTES = `octet_length(spec) + ${inlineBytes('jobs.id')} + coalesce((SELECT coalesce(octet_length(p.command), 0) +
  coalesce(octet_length(p.env), 0) FROM payloads p WHERE p.id = payload_id), 0)`;

/** The most jobs of a page that are read one by one; if more are needed, the whole page is read by one query. */
const MOST_MISSING = 8;

const BEGIN = "UPDATE jobs SET status = 'RUNNING', started_at = ? WHERE id = ? AND status = 'QUEUED'";

const openLog = (db: Connection, path: string): WriteAheadLog => {
  try {
    return new WriteAheadLog(db, path);
  } catch (error) {
    db.close();
    throw new DatabaseError(`${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
};

/** A row of `eventQuery`. */
type EventRow = JobRow & { readonly number: number; readonly time: number; readonly event_status: JobStatus };

interface NarrowEventRow {
  readonly number: number;
  readonly time: number;
  readonly job_id: string;
  readonly status: JobStatus;
}

class SqliteStore implements Store {
  readonly shares: ShareStore;
  readonly tokens: TokenStore;
  readonly quotas: QuotaStore;
  readonly audit: AuditStore;
  readonly images: ImageStore;
  readonly files: FileStore;
  readonly #db: Connection;
  /**
   * Prepared statements by their text, which depends on the shape of a filter and never on its values; there are few
   * shapes.
   */
  readonly #statements = new Map<string, Statement<unknown[], unknown>>();

  readonly #read: ReadJobs;
  readonly #kept: KeptJobs;
  readonly #commits: GroupCommit;
  readonly #listeners = new Set<() => void>();
  readonly #log: WriteAheadLog;
  readonly #checkpoints: Checkpoints;
  /** The page of events that was read last, until the next commit. */
  #page: { readonly after: number; readonly limit: number; readonly page: EventPage } | undefined;
  #last: number | undefined;
  readonly #fresh = new FreshJobs();
  readonly #changed = new ChangedJobs();

  constructor(db: Connection, path: string, { committed, failed, warn }: StoreOptions) {
    this.#db = db;
    this.#read = new ReadJobs(db, (id) => {
      this.#changed.note(id);
      this.#fresh.forget(id);
    });
    this.#kept = new KeptJobs(db);
    this.#log = openLog(db, path);
    this.#checkpoints = new Checkpoints(db, path, (error) => warn?.(error));
    const disk = { sync: () => this.#log.sync(), tidy: () => this.#checkpoints.run() };
    this.#commits = new GroupCommit(db, disk, {
      committed: () => {
        this.#page = undefined;
        this.#last = undefined;
      },
      syncing: () => this.#changed.begin(),
      synced: (durationMs) => {
        this.#changed.end();
        committed?.(durationMs);
        for (const listener of [...this.#listeners]) listener();
      },
      failed: (error) => failed?.(new DatabaseError(`${path}: ${error.message}`, { cause: error })),
    });
    this.tokens = new SqliteTokens(db, this.#commits);
    this.quotas = new SqliteQuotas(db, this.#commits);
    this.audit = new SqliteAudit(db, this.#commits);
    this.shares = new SqliteShares(db, this.#commits);
    this.images = new SqliteImages(db, this.#commits);
    this.files = new SqliteFiles(db, this.#commits);
  }

  probe(): Promise<void> {
    return this.#commits.write(() => {
      this.#prepare(
        'INSERT INTO probe (id, at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at',
      ).run(Date.now());
    });
  }

  insert(job: Job, request?: RequestKey, inserted?: () => void): Promise<Insertion> {
    return this.#write(() => {
      const earlier = request === undefined ? undefined : this.#earlier(job.owner, request);
      if (earlier !== undefined) return earlier;
      this.#insert(job);
      if (request !== undefined) {
        const sql = 'INSERT INTO request_keys (owner, key, digest, job_id) VALUES (?, ?, ?, ?)';
        this.#prepare(sql).run(job.owner, request.key, request.digest, job.id);
      }
      inserted?.();
      return { kind: 'inserted', job };
    });
  }

  async earlier(owner: string, request: RequestKey): Promise<EarlierRequest | undefined> {
    const found = this.#earlier(owner, request);
    // If there is none, that is checked again when the job is inserted.
    return found && this.#onDisk(found);
  }

  #insert(whole: Job): void {
    const { job, payload } = takeApart(whole);
    if (payload !== null)
      this.#prepare('INSERT INTO payloads (id, command, env) VALUES (@id, @command, @env)').run(payload);
    this.#prepare(INSERT).run(toRow(job));
    this.#changed.note(job.id);
    const label = this.#prepare('INSERT INTO labels (job_id, key, value) VALUES (?, ?, ?)');
    for (const { key, value } of job.spec.labels) label.run(job.id, key, value);
    if (job.spec.files.length > 0) this.#insertFiles(job);
    this.#fresh.note(job);
  }

  #insertFiles({ id, owner, spec }: Job): void {
    const sql = `INSERT INTO job_files (job_id, owner, sha256, size, inline) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET size = size + excluded.size`;
    const insert = this.#prepare(sql);
    for (const { sha256, sizeBytes, inline } of spec.files)
      insert.run(id, owner, sha256, sizeBytes, inline ? 1 : 0);
  }

  /** The result of an earlier request of the same owner with the same key. */
  #earlier(owner: string, { key, digest }: RequestKey): EarlierRequest | undefined {
    const sql = `SELECT k.digest, ${COLUMNS.map((name) => `j.${name}`).join(', ')}
      FROM request_keys k JOIN jobs j ON j.id = k.job_id WHERE k.owner = ? AND k.key = ?`;
    const row = this.#prepare(sql).get(owner, key) as (JobRow & { readonly digest: string }) | undefined;
    if (row === undefined) return undefined;
    return row.digest === digest ? { kind: 'repeated', job: fromRow(row) } : { kind: 'conflict' };
  }

  /** Waits for the disk only if the job is being written. */
  get(id: string): Job | undefined | Promise<Job | undefined> {
    const job = this.#get(id);
    return this.#changed.has(id) ? this.#onDisk(job) : job;
  }

  #get(id: string): Job | undefined {
    this.#read.refresh();
    return this.#read.get(id) ?? this.#jobs({ sql: `SELECT ${ALL} FROM jobs WHERE id = ?`, values: [id] })[0];
  }

  async command(id: string): Promise<Command | undefined> {
    return this.#payload(id, 'command') as Command | undefined;
  }

  async env(id: string): Promise<readonly EnvVar[] | undefined> {
    return this.#payload(id, 'env') as readonly EnvVar[] | undefined;
  }

  /** Parses what `takeApart` wrote. */
  #payload(id: string, part: 'command' | 'env'): unknown {
    const text = this.#prepare(`SELECT ${part} FROM payloads WHERE id = ?`).pluck().get(id);
    return typeof text === 'string' ? JSON.parse(text) : undefined;
  }

  list(request: PageRequest): Page | Promise<Page> {
    return this.#onDisk(this.#list(request));
  }

  #list(request: PageRequest): Page {
    const found = this.#pageOfJobs(request);
    const ahead = found.length > request.limit;
    const jobs = found.slice(0, request.limit);
    const behind = behindQuery(request);
    const isBehind = behind !== undefined && this.#all(behind).length > 0;
    return request.backward
      ? { jobs: jobs.reverse(), hasNext: isBehind, hasPrevious: ahead }
      : { jobs, hasNext: ahead, hasPrevious: isBehind };
  }

  /** The jobs in the order of `pageQuery`. If most of them are in memory, only their ids are read. */
  #pageOfJobs(request: PageRequest): readonly Job[] {
    this.#read.refresh();
    const rows = this.#all(pageQuery(request, ['id'])) as { readonly id: string }[];
    const kept = rows.map(({ id }) => this.#read.get(id));
    if (kept.filter((job) => job === undefined).length > MOST_MISSING) return this.#jobs(pageQuery(request));
    return rows.flatMap(({ id }, index) => kept[index] ?? this.#get(id) ?? []);
  }

  async count(filter: JobFilter): Promise<number> {
    const { sql, values } = countQuery(filter);
    const statement = this.#prepare(sql).pluck();
    return this.#onDisk(Number(statement.get(...values)));
  }

  /** Without a filter SQLite counts by pages of an index, which takes milliseconds for a million jobs. */
  async total(filter: JobFilter): Promise<Total> {
    if (Object.keys(filter).length === 0) return { count: await this.count(filter), isExact: true };
    const { sql, values } = countQuery(filter, MOST_COUNTED + 1);
    const found = Number(
      this.#prepare(sql)
        .pluck()
        .get(...values),
    );
    return this.#onDisk({ count: Math.min(found, MOST_COUNTED), isExact: found <= MOST_COUNTED });
  }

  async has(id: string): Promise<boolean> {
    return this.#prepare('SELECT 1 FROM jobs WHERE id = ?').get(id) !== undefined;
  }

  async unfinished(): Promise<readonly Unfinished[]> {
    return (this.#all({ sql: UNFINISHED, values: [] }) as UnfinishedRow[]).map(fromUnfinishedRow);
  }

  /** CROSS JOIN fixes the order: SQLite would otherwise read all jobs, only to find that none has to be moved. */
  async stdinToMove(): Promise<{ readonly id: string; readonly text: string } | undefined> {
    const sql = `SELECT j.id, j.spec -> '$.stdin' AS text FROM stdin_to_move m CROSS JOIN jobs j ON j.id = m.job_id LIMIT 1`;
    const row = this.#prepare(sql).get() as { readonly id: string; readonly text: string } | undefined;
    return row && { id: row.id, text: JSON.parse(row.text) as string };
  }

  async stdinMoved(id: string): Promise<void> {
    const text = this.#prepare("SELECT spec -> '$.stdin' FROM jobs WHERE id = ?").pluck().get(id);
    const bytes = Buffer.byteLength(JSON.parse(String(text)) as string);
    await this.#commits.write(() => {
      this.#prepare("UPDATE jobs SET spec = json_set(spec, '$.stdin', ?) WHERE id = ?").run(bytes, id);
      this.#prepare('DELETE FROM stdin_to_move WHERE job_id = ?').run(id);
    });
  }

  async transition(
    id: string,
    from: readonly JobStatus[],
    to: JobState,
    end?: JobEnd,
    known?: Job,
  ): Promise<Job | undefined> {
    const { diskBytes, began, next } = end ?? {};
    const columns = Object.entries({
      ...toColumns(to),
      ...(next !== undefined && { retried_by: next.id }),
    });
    const assignments = columns.map(([name]) => `${name} = ?`);
    if (diskBytes !== undefined) assignments.push(`disk_bytes = ? + ${ROW_BYTES}`);
    const set = assignments.join(', ');
    const places = from.map(() => '?').join(', ');
    const sql = `UPDATE jobs SET ${set} WHERE id = ? AND status IN (${places})
      RETURNING ${known === undefined ? ALL : MUTABLE}`;
    const disk = diskBytes === undefined ? [] : [diskBytes];
    const values = [...columns.map(([, value]) => value), ...disk, id, ...from];
    return this.#write(() => {
      const hasBegun = began !== undefined && this.#prepare(BEGIN).run(began.getTime(), id).changes > 0;
      const job =
        known === undefined ? this.#jobs({ sql, values })[0] : this.#changedTo(to, known, { sql, values });
      if (job !== undefined && next !== undefined) this.#insert(next);
      if (job === undefined) return undefined;
      if (hasBegun)
        this.#fresh.note({ ...job, state: { status: 'RUNNING', startedAt: began, pausedAt: null } });
      this.#fresh.note(job);
      return job;
    });
  }

  /** A job whose row an UPDATE has given another state, as `fromRow` would make it. */
  #changedTo(state: JobState, known: Job, update: Query): Job | undefined {
    const [row] = this.#all(update) as Pick<JobRow, 'pinned' | 'retried_by'>[];
    return row && { ...known, state, pinned: row.pinned === 1, retriedBy: row.retried_by };
  }

  async setPinned(id: string, pinned: boolean): Promise<Job | undefined> {
    const sql = `UPDATE jobs SET pinned = ? WHERE id = ? RETURNING ${ALL}`;
    return this.#write(() => {
      const [job] = this.#jobs({ sql, values: [pinned ? 1 : 0, id] });
      if (job !== undefined) this.#fresh.note(job);
      return job;
    });
  }

  async setDisk(id: string, { bytes, packed }: { bytes: number; packed: boolean }): Promise<void> {
    const sql = `UPDATE jobs SET disk_bytes = ? + ${ROW_BYTES}, packed = max(packed, ?) WHERE id = ?`;
    await this.#commits.write(() => this.#prepare(sql).run(bytes, packed ? 1 : 0, id));
  }

  async toPack(before: Date, limit: number): Promise<readonly string[]> {
    const sql = `SELECT id FROM jobs WHERE finished_at IS NOT NULL AND packed = 0 AND finished_at < ?
      ORDER BY finished_at LIMIT ${LIMIT}`;
    return (this.#all({ sql, values: [before.getTime(), limit] }) as { id: string }[]).map(({ id }) => id);
  }

  async storedBytes(owner: string): Promise<number> {
    const sql = 'SELECT coalesce(sum(disk_bytes), 0) FROM jobs WHERE owner = ? AND disk_bytes IS NOT NULL';
    return this.#onDisk(Number(this.#prepare(sql).pluck().get(owner)));
  }

  async kept(): Promise<Kept> {
    return this.#kept.sums();
  }

  async oldest(limit: number): Promise<readonly Finished[]> {
    const sql = `SELECT id, finished_at, coalesce(disk_bytes, 0) AS bytes FROM jobs
      WHERE finished_at IS NOT NULL AND pinned = 0 ORDER BY finished_at, id LIMIT ${LIMIT}`;
    const rows = this.#all({ sql, values: [limit] }) as { id: string; finished_at: number; bytes: number }[];
    return rows.map((row) => ({ id: row.id, finishedAt: new Date(row.finished_at), bytes: row.bytes }));
  }

  remove(ids: readonly string[]): Promise<readonly string[]> {
    return this.#commits.write(() => {
      const remember = this.#prepare('INSERT INTO removals (job_id) VALUES (?)');
      const sql = 'DELETE FROM jobs WHERE id = ? AND finished_at IS NOT NULL AND pinned = 0';
      const remove = this.#prepare(sql);
      return ids.filter((id) => {
        if (remove.run(id).changes === 0) return false;
        remember.run(id);
        return true;
      });
    });
  }

  async removals(): Promise<readonly string[]> {
    const rows = this.#all({ sql: 'SELECT job_id FROM removals', values: [] }) as { job_id: string }[];
    return rows.map((row) => row.job_id);
  }

  async removed(ids: readonly string[]): Promise<void> {
    await this.#commits.write(() => {
      const forget = this.#prepare('DELETE FROM removals WHERE job_id = ?');
      for (const id of ids) forget.run(id);
    });
  }

  /** All clients that follow every job ask for the same page after a commit, so it is read once. */
  async events(request: EventRequest): Promise<EventPage> {
    if (Object.keys(request.filter).length > 0) return this.#onDisk(this.#readEvents(request));
    const { after, limit } = request;
    if (this.#page?.after !== after || this.#page.limit !== limit)
      this.#page = { after, limit, page: this.#pageOf(request, this.#nextEvents(after, limit)) };
    return this.#onDisk(this.#page.page);
  }

  #readEvents(request: EventRequest): EventPage {
    const rows = this.#all(eventQuery(request)) as EventRow[];
    const events = rows.map(
      (row): JobEvent => ({
        number: row.number,
        time: new Date(row.time),
        status: row.event_status,
        job: fromRow(row),
      }),
    );
    return this.#pageOf(request, events);
  }

  /** The events of all jobs. A job that was just written is in memory: its wide row is not read again. */
  #nextEvents(after: number, limit: number): JobEvent[] {
    const sql = `SELECT number, time, job_id, status FROM job_events
      WHERE number > ? AND number <= ? ORDER BY number LIMIT ${LIMIT}`;
    const values = [after, after + MOST_LOOKED_AT, limit];
    const rows = this.#all({ sql, values }) as NarrowEventRow[];
    return rows.map((row): JobEvent => {
      const job = this.#fresh.get(row.job_id, row.status) ?? this.#get(row.job_id);
      // Events are deleted with their job (foreign key).
      if (job === undefined) throw new Error(`event ${row.number}: there is no job ${row.job_id}`);
      return { number: row.number, time: new Date(row.time), status: row.status, job };
    });
  }

  #pageOf(request: EventRequest, events: readonly JobEvent[]): EventPage {
    const last = this.#lastEvent();
    const end = Math.min(last, request.after + MOST_LOOKED_AT);
    const through =
      events.length === request.limit ? (events.at(-1)?.number ?? end) : Math.max(request.after, end);
    return { events, through, more: through < last };
  }

  /** Only one server uses the database at a time, so every commit is made here. */
  onCommit(listener: () => void): () => void {
    // A function that is passed twice counts as two listeners.
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  async lastEvent(): Promise<number> {
    return this.#onDisk(this.#lastEvent());
  }

  #lastEvent(): number {
    // Not the highest existing number: it is deleted with its job, and a reader may still continue after it.
    const sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'job_events'";
    this.#last ??= Number(this.#prepare(sql).pluck().get());
    return this.#last;
  }

  async close(): Promise<void> {
    await this.#commits.flush();
    await this.#checkpoints.close();
    // Closing would copy the log into the database. After a failed sync it is unknown what the disk has of the log, so
    // it is left to the next server, which reads it by its checksums.
    if (!this.#commits.hasFailed) this.#db.close();
    await this.#log.close();
  }

  /**
   * A value that was read, once it is on disk, so that no client learns of something that a power loss could still
   * undo.
   */
  #onDisk<T>(value: T): T | Promise<T> {
    return this.#commits.durable()?.then(() => value) ?? value;
  }

  /** A write that changes jobs. If it fails, `#fresh` is cleared: it may have states that were not stored. */
  async #write<T>(work: () => T): Promise<T> {
    try {
      return await this.#commits.write(work);
    } catch (error) {
      this.#fresh.clear();
      throw error;
    }
  }

  #jobs(query: Query): Job[] {
    // These statements select the columns of a `JobRow`, whose types are enforced by STRICT and the CHECKs of the table.
    return (this.#all(query) as JobRow[]).map((row) => {
      const job = fromRow(row);
      this.#read.set(row, job);
      return job;
    });
  }

  #all({ sql, values }: Query): unknown[] {
    return this.#prepare(sql).all(...values);
  }

  #prepare(sql: string): Statement<unknown[], unknown> {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare<unknown[], unknown>(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}
