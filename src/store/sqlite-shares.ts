/** The store of shares in SQLite. */

import type { ShareStore, StoredShare } from '../access/share.ts';
import type { Connection } from './connection.ts';
import type { GroupCommit } from './group-commit.ts';

/** A row of the table `shares`. */
interface ShareRow {
  readonly id: string;
  readonly job_id: string;
  readonly hash: string;
  readonly created_by: string;
  readonly created_at: number;
  readonly expires_at: number;
  readonly revoked_at: number | null;
}

const COLUMNS = 'id, job_id, hash, created_by, created_at, expires_at, revoked_at';

/** Shares in the database of the jobs; a share is deleted with its job. */
export class SqliteShares implements ShareStore {
  readonly #db: Connection;
  readonly #commits: GroupCommit;

  constructor(db: Connection, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async all(): Promise<readonly StoredShare[]> {
    // The types of a `ShareRow` are enforced by STRICT. Ids sort by creation.
    const rows = this.#db.prepare(`SELECT ${COLUMNS} FROM shares ORDER BY id`).all() as ShareRow[];
    return rows.map(fromRow);
  }

  insert({ id, jobId, hash, createdBy, createdAt, expiresAt, revokedAt }: StoredShare): Promise<void> {
    const times = [createdAt, expiresAt, revokedAt].map((time) => time?.getTime() ?? null);
    return this.#write(`INSERT INTO shares (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`, [
      id,
      jobId,
      hash,
      createdBy,
      ...times,
    ]);
  }

  setRevoked(id: string, at: Date): Promise<void> {
    return this.#write('UPDATE shares SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?', [
      at.getTime(),
      id,
    ]);
  }

  removeExpired(now: Date): Promise<void> {
    return this.#write('DELETE FROM shares WHERE expires_at <= ?', [now.getTime()]);
  }

  remove(id: string): Promise<void> {
    return this.#write('DELETE FROM shares WHERE id = ?', [id]);
  }

  #write(sql: string, values: readonly unknown[]): Promise<void> {
    return this.#commits.write(() => {
      this.#db.prepare(sql).run(...values);
    });
  }
}

const fromRow = (row: ShareRow): StoredShare => ({
  id: row.id,
  jobId: row.job_id,
  hash: row.hash,
  createdBy: row.created_by,
  createdAt: new Date(row.created_at),
  expiresAt: new Date(row.expires_at),
  revokedAt: row.revoked_at === null ? null : new Date(row.revoked_at),
});
