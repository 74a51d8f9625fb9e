/** The audit log in SQLite. */

import type { Statement } from 'better-sqlite3';
import type { AuditAction, AuditEntry, AuditPage, AuditPageRequest, AuditStore } from '../access/audit.ts';
import type { Connection } from './connection.ts';
import type { GroupCommit } from './group-commit.ts';
import { LIMIT } from './limit.ts';

/** A row of the table `audit`. */
interface AuditRow {
  readonly id: string;
  readonly time: number;
  readonly action: AuditAction;
  readonly subject: string | null;
  readonly job_id: string | null;
  readonly target: string | null;
  readonly secrets: number;
  readonly address: string | null;
  readonly user_agent: string | null;
  readonly token: string | null;
  readonly outcome: string;
}

const COLUMNS = 'id, time, action, subject, job_id, target, secrets, address, user_agent, token, outcome';
/** The most entries that are removed in one transaction, which takes some milliseconds. */
const STEP = 1000;

/** The audit log in the database of the jobs, written in the same transactions. */
export class SqliteAudit implements AuditStore {
  readonly #db: Connection;
  readonly #commits: GroupCommit;
  #insert: Statement<unknown[]> | undefined;

  constructor(db: Connection, commits: GroupCommit) {
    this.#db = db;
    this.#commits = commits;
  }

  add(entries: readonly AuditEntry[]): Promise<void> {
    return this.#commits.write(() => {
      this.#insert ??= this.#db.prepare<unknown[]>(
        `INSERT INTO audit (${COLUMNS}) VALUES (${Array(11).fill('?').join(', ')})`,
      );
      for (const { id, time, action, subject, jobId, target, secrets, ...rest } of entries) {
        const { address, userAgent, token, outcome } = rest;
        const about = [action, subject, jobId, target, secrets];
        this.#insert.run(id, time.getTime(), ...about, address, userAgent, token, outcome);
      }
    });
  }

  async page(request: AuditPageRequest): Promise<AuditPage> {
    const { limit, backward, after, before } = request;
    const conditions = conditionsOf(request);
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.map(([sql]) => sql).join(' AND ')}`;
    const values = conditions.flatMap(([, ...own]) => own);
    const sql = `SELECT ${COLUMNS} FROM audit ${where} ORDER BY id ${backward ? 'ASC' : 'DESC'} LIMIT ${LIMIT}`;
    const rows = this.#db.prepare(sql).all(...values, limit + 1) as AuditRow[];
    await this.#commits.durable();
    const entries = rows.slice(0, limit).map(fromRow);
    const more = rows.length > limit;
    return backward
      ? { entries: entries.reverse(), hasNext: before !== undefined, hasPrevious: more }
      : { entries, hasNext: more, hasPrevious: after !== undefined };
  }

  removeBefore(time: Date): Promise<number> {
    const sql = `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE time < ? ORDER BY id LIMIT ${LIMIT})`;
    return this.#commits.write(() => this.#db.prepare(sql).run(time.getTime(), STEP).changes);
  }
}

const conditionsOf = ({
  after,
  before,
  filter: { action, subject, jobId, failed, since, until },
}: AuditPageRequest): readonly (readonly [string, ...unknown[]])[] => [
  ...(after === undefined ? [] : [['id < ?', after] as const]),
  ...(before === undefined ? [] : [['id > ?', before] as const]),
  ...(action === undefined ? [] : [['action = ?', action] as const]),
  ...(subject === undefined ? [] : [['subject = ?', subject] as const]),
  ...(jobId === undefined ? [] : [['job_id = ?', jobId] as const]),
  ...(failed === undefined ? [] : [[failed ? "outcome <> 'OK'" : "outcome = 'OK'"] as const]),
  ...(since === undefined ? [] : [['time >= ?', since.getTime()] as const]),
  ...(until === undefined ? [] : [['time < ?', until.getTime()] as const]),
];

const fromRow = (row: AuditRow): AuditEntry => ({
  id: row.id,
  time: new Date(row.time),
  action: row.action,
  subject: row.subject,
  jobId: row.job_id,
  target: row.target,
  secrets: row.secrets,
  address: row.address,
  userAgent: row.user_agent,
  token: row.token,
  outcome: row.outcome,
});
