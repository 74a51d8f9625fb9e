/** The token store in SQLite. */

import type { StoredToken, TokenStore } from '../access/token.ts';
import type { Role } from '../jobs/service.ts';
import type { Connection } from './connection.ts';
import type { GroupCommit } from './group-commit.ts';

/** A row of the table `tokens`. */
interface TokenRow {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly subject: string;
  readonly role: Role;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
}

const COLUMNS = 'id, hash, name, subject, role, created_at, expires_at, last_used_at, revoked_at';

/** Tokens in the database of the jobs, written in the same transactions. */
export class SqliteTokens implements TokenStore {
  readonly #db: Connection;
  readonly #commits: GroupCommit;

  constructor(db: Connection, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async all(): Promise<readonly StoredToken[]> {
    // The types of a `TokenRow` are enforced by STRICT and the CHECKs of the table. Ids sort by creation.
    const rows = this.#db.prepare(`SELECT ${COLUMNS} FROM tokens ORDER BY id`).all() as TokenRow[];
    return rows.map(fromRow);
  }

  insert(token: StoredToken): Promise<void> {
    const { id, hash, name, subject, role, createdAt, expiresAt, lastUsedAt, revokedAt } = token;
    const times = [createdAt, expiresAt, lastUsedAt, revokedAt].map((time) => time?.getTime() ?? null);
    const sql = `INSERT INTO tokens (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
    return this.#write(sql, [id, hash, name, subject, role, ...times]);
  }

  setRevoked(id: string, at: Date): Promise<void> {
    const sql = 'UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?';
    return this.#write(sql, [at.getTime(), id]);
  }

  setUsed(id: string, at: Date): Promise<void> {
    return this.#write('UPDATE tokens SET last_used_at = ? WHERE id = ?', [at.getTime(), id]);
  }

  #write(sql: string, values: readonly unknown[]): Promise<void> {
    return this.#commits.write(() => {
      this.#db.prepare(sql).run(...values);
    });
  }
}

const fromRow = (row: TokenRow): StoredToken => ({
  id: row.id,
  hash: row.hash,
  name: row.name,
  subject: row.subject,
  role: row.role,
  createdAt: new Date(row.created_at),
  expiresAt: toDate(row.expires_at),
  lastUsedAt: toDate(row.last_used_at),
  revokedAt: toDate(row.revoked_at),
});

const toDate = (timeMs: number | null): Date | null => (timeMs === null ? null : new Date(timeMs));
