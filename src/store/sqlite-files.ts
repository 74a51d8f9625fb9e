/** The record of the contents of files in SQLite. */

import type { FileContent, FileStore, Unused } from '../jobs/file.ts';
import type { Connection } from './connection.ts';
import type { GroupCommit } from './group-commit.ts';
import { LIMIT } from './limit.ts';

/** A row of the table `files`. Times are milliseconds since 1970. */
interface FileRow {
  readonly owner: string;
  readonly sha256: string;
  readonly size: number;
  readonly created_at: number;
  readonly used_at: number;
  readonly uploaded: 0 | 1;
}

/**
 * SQL for the jobs that need a content: one that was uploaded until the job has ended, one that came with the job as
 * long as the job is kept.
 */
const IN_USE = `SELECT 1 FROM job_files u JOIN jobs j ON j.id = u.job_id
  WHERE u.owner = files.owner AND u.sha256 = files.sha256 AND (u.inline = 1 OR j.finished_at IS NULL)`;

/** Contents in the database of the jobs, written in the same transactions. */
export class SqliteFiles implements FileStore {
  readonly #db: Connection;
  readonly #commits: GroupCommit;

  constructor(db: Connection, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async all(): Promise<readonly FileContent[]> {
    return (this.#db.prepare('SELECT * FROM files').all() as FileRow[]).map(fromRow);
  }

  async get(owner: string, sha256: string): Promise<FileContent | undefined> {
    const row = this.#db.prepare('SELECT * FROM files WHERE owner = ? AND sha256 = ?').get(owner, sha256);
    await this.#commits.durable();
    return row === undefined ? undefined : fromRow(row as FileRow);
  }

  async named(owner: string, id: string): Promise<string | undefined> {
    const sql = 'SELECT sha256 FROM file_names WHERE id = ? AND owner = ?';
    const found = this.#db.prepare(sql).pluck().get(id, owner);
    await this.#commits.durable();
    return typeof found === 'string' ? found : undefined;
  }

  put(
    { owner, sha256, sizeBytes, usedAt, uploaded }: Omit<FileContent, 'createdAt'>,
    id?: string,
  ): Promise<void> {
    const at = usedAt.getTime();
    return this.#commits.write(() => {
      this.#db
        .prepare(
          `INSERT INTO files (owner, sha256, size, created_at, used_at, uploaded) VALUES (?, ?, ?, ?, ?, ?)
          ON CONFLICT DO UPDATE SET used_at = max(used_at, excluded.used_at), uploaded = max(uploaded, excluded.uploaded)`,
        )
        .run(owner, sha256, sizeBytes, at, at, uploaded ? 1 : 0);
      if (id !== undefined)
        this.#db
          .prepare('INSERT INTO file_names (id, owner, sha256) VALUES (?, ?, ?)')
          .run(id, owner, sha256);
    });
  }

  async unused({ uploadedBefore, inlineBefore }: Unused, limit: number): Promise<readonly FileContent[]> {
    const sql = `SELECT * FROM files WHERE used_at < CASE uploaded WHEN 1 THEN ? ELSE ? END AND NOT EXISTS (${IN_USE})
      ORDER BY used_at LIMIT ${LIMIT}`;
    const rows = this.#db.prepare(sql).all(uploadedBefore.getTime(), inlineBefore.getTime(), limit);
    return (rows as FileRow[]).map(fromRow);
  }

  remove(owner: string, sha256: string): Promise<boolean> {
    const sql = `DELETE FROM files WHERE owner = ? AND sha256 = ? AND NOT EXISTS (${IN_USE})`;
    return this.#commits.write(() => this.#db.prepare(sql).run(owner, sha256).changes > 0);
  }

  async touchUsed(before: Date, now: Date): Promise<void> {
    const due = `used_at < ? AND EXISTS (${IN_USE})`;
    // Even a transaction that changes nothing would be synced.
    if (this.#db.prepare(`SELECT 1 FROM files WHERE ${due} LIMIT 1`).get(before.getTime()) === undefined)
      return;
    await this.#commits.write(() => {
      this.#db.prepare(`UPDATE files SET used_at = ? WHERE ${due}`).run(now.getTime(), before.getTime());
    });
  }
}

const fromRow = ({ owner, sha256, size, created_at, used_at, uploaded }: FileRow): FileContent => ({
  owner,
  sha256,
  sizeBytes: size,
  createdAt: new Date(created_at),
  usedAt: new Date(used_at),
  uploaded: uploaded === 1,
});
