/** Opens the database: settings, checks, migrations. */

import { rmSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { copyInto } from './backup.ts';
import { damageOf } from './check-database.ts';
import { type Connection, DatabaseError } from './connection.ts';
import { MIGRATIONS } from './migrations.ts';

// "CLST": distinguishes our database from any other SQLite file (sqlite.org/pragma.html#pragma_application_id).
const APPLICATION_ID = 0x434c5354;
// In older versions a WAL that was reset at the wrong moment could corrupt the database (sqlite.org/wal.html).
const OLDEST_SQLITE = [3, 51, 3];

/**
 * Opens the database, creates it if necessary, and migrates it to the current version. The database of an older Cloister
 * is kept as `<path>.version-<N>`. A large one is not searched for damage: see `isLarge`.
 *
 * @throws DatabaseError if it cannot be opened, is damaged, is not ours, or has a newer version than this program (it
 *   is not changed then)
 */
export const openDatabase = (path: string): Connection => {
  let db: Connection | undefined;
  try {
    // Short, since waiting for a lock blocks the whole server.
    db = new Database(path, { timeout: 1000 });
    checkSqlite(db);
    checkIdentity(db, path);
    checkHealth(db, path);
    configure(db);
    migrate(db, path);
    enforceForeignKeys(db);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof DatabaseError) throw error;
    throw new DatabaseError(`${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
};

const checkSqlite = (db: Connection): void => {
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  const parts = version.split('.').map(Number);
  const difference =
    OLDEST_SQLITE.map((part, index) => (parts[index] ?? 0) - part).find((part) => part !== 0) ?? 0;
  if (difference < 0)
    throw new DatabaseError(`SQLite: expected ${OLDEST_SQLITE.join('.')} or newer, got ${version}`);
};

const pragma = (db: Connection, name: string): number => Number(db.pragma(name, { simple: true }));

const checkIdentity = (db: Connection, path: string): void => {
  const id = pragma(db, 'application_id');
  const version = pragma(db, 'user_version');
  const empty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (id !== APPLICATION_ID && !(id === 0 && empty))
    throw new DatabaseError(`${path}: expected a database of Cloister, got one with application id ${id}`);
  if (version > MIGRATIONS.length)
    throw new DatabaseError(
      `${path}: expected a database of version ${MIGRATIONS.length} or older, got version ${version}: it is a newer Cloister's`,
    );
};

const configure = (db: Connection): void => {
  const mode = db.pragma('journal_mode = WAL', { simple: true });
  if (mode !== 'wal') throw new DatabaseError(`SQLite: could not set journal_mode to wal, it is ${mode}`);
  // After WAL, for which this build defaults to NORMAL: a power loss then loses the last commits.
  db.pragma('synchronous = FULL');
  expectPragma(db, 'synchronous', 2);
  db.pragma('journal_size_limit = 67108864');
  expectPragma(db, 'journal_size_limit', 67_108_864);
};

/**
 * Checks a setting of a connection.
 *
 * @throws DatabaseError if it has another value than expected
 */
export const expectPragma = (db: Connection, name: string, expected: number): void => {
  const value = pragma(db, name);
  if (value !== expected)
    throw new DatabaseError(`SQLite: could not set ${name} to ${expected}, it is ${value}`);
};

const checkHealth = (db: Connection, path: string): void => {
  if (isLarge(path)) return;
  const found = damageOf(db);
  if (found !== undefined) throw new DatabaseError(`${path}: the database is damaged: ${found}`);
};

/** The most bytes of a database that is checked before it is used. */
const LARGEST_CHECKED_BYTES = 32 * 1024 * 1024;

/** Whether a database is so large that it is checked while it is used: see `checkInBackground`. */
export const isLarge = (path: string): boolean =>
  (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LARGEST_CHECKED_BYTES;

const migrate = (db: Connection, path: string): void => {
  keepOld(db, path);
  // A step that recreates a table drops the old one and with it, by their foreign keys, rows of other tables
  // (sqlite.org/lang_altertable.html section 7).
  db.pragma('foreign_keys = OFF');
  for (let version = pragma(db, 'user_version'); version < MIGRATIONS.length; version++) {
    const step = db.transaction(() => {
      db.exec(MIGRATIONS[version] ?? '');
      const broken = db.prepare('SELECT count(*) FROM pragma_foreign_key_check').pluck().get();
      if (broken !== 0)
        throw new DatabaseError(
          `${path}: version ${version + 1} would leave ${broken} rows without their job`,
        );
      db.pragma(`user_version = ${version + 1}`);
      db.pragma(`application_id = ${APPLICATION_ID}`);
    });
    step.immediate();
  }
};

/** Keeps a copy of the database of an older Cloister next to it, so that one can go back. */
const keepOld = (db: Connection, path: string): void => {
  const version = pragma(db, 'user_version');
  if (version === 0 || version >= MIGRATIONS.length) return;
  const copy = `${path}.version-${version}`;
  // Left by an earlier attempt, which changed nothing.
  rmSync(copy, { force: true });
  copyInto(db, copy);
};

const enforceForeignKeys = (db: Connection): void => {
  db.pragma('foreign_keys = ON');
  expectPragma(db, 'foreign_keys', 1);
};
