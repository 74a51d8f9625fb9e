/** The store of quotas in SQLite. */

import type { QuotaOverrides, QuotaStore } from '../access/quotas.ts';
import type { Connection } from './connection.ts';
import type { GroupCommit } from './group-commit.ts';

/** Quotas in the database of the jobs, written in the same transactions. */
export class SqliteQuotas implements QuotaStore {
  readonly #db: Connection;
  readonly #commits: GroupCommit;

  constructor(db: Connection, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  async all(): Promise<ReadonlyMap<string, QuotaOverrides>> {
    const rows = this.#db.prepare('SELECT subject, overrides FROM quotas').all() as {
      readonly subject: string;
      readonly overrides: string;
    }[];
    return new Map(rows.map(({ subject, overrides }) => [subject, JSON.parse(overrides) as QuotaOverrides]));
  }

  set(subject: string, overrides: QuotaOverrides): Promise<void> {
    return this.#commits.write(() => {
      if (Object.keys(overrides).length === 0)
        this.#db.prepare('DELETE FROM quotas WHERE subject = ?').run(subject);
      else
        this.#db
          .prepare(
            `INSERT INTO quotas (subject, overrides) VALUES (?, ?)
              ON CONFLICT (subject) DO UPDATE SET overrides = excluded.overrides`,
          )
          .run(subject, JSON.stringify(overrides));
    });
  }
}
