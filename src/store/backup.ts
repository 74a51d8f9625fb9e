/** Copies a database while it is in use. */

import { closeSync, existsSync, fsyncSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { hasErrno } from '../errno.ts';
import { type Connection, DatabaseError } from './connection.ts';

/**
 * Copies a database as it is at one moment, also while a server writes to it. The copy is one file, without
 * write-ahead log; it has been checked and is on disk when this returns.
 *
 * @param from the database
 * @param to a file that does not exist yet
 * @throws DatabaseError if `from` cannot be read, `to` exists or cannot be written, or the copy is damaged
 */
export const backUp = (from: string, to: string): void => {
  if (!existsSync(from)) throw new DatabaseError(`${from}: there is no database`);
  let db: Connection | undefined;
  try {
    db = new Database(from, { readonly: true, timeout: 5000 });
    copyInto(db, to);
  } catch (error) {
    if (error instanceof DatabaseError) throw error;
    throw new DatabaseError(`${from}: ${error instanceof Error ? error.message : error}`, { cause: error });
  } finally {
    db?.close();
  }
};

/**
 * Copies an open database into a new file.
 *
 * @throws DatabaseError that names the file; a partial copy has been removed
 */
export const copyInto = (db: Connection, to: string): void => {
  claim(to);
  try {
    // One read transaction, so the copy is of one moment (sqlite.org/lang_vacuum.html).
    db.prepare('VACUUM INTO ?').run(to);
    check(to);
    for (const path of [to, dirname(to)]) sync(path);
  } catch (error) {
    rmSync(to, { force: true });
    throw new DatabaseError(`${to}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
};

/** Creates the file for its owner only, since it has the input of jobs. SQLite accepts an empty file. */
const claim = (path: string): void => {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    const exists = hasErrno(error, 'EEXIST');
    const reason = exists ? 'expected a file that does not exist yet' : String(error);
    throw new DatabaseError(`${path}: ${reason}`, { cause: error });
  }
};

const check = (path: string): void => {
  const copy = new Database(path, { readonly: true });
  try {
    const found = copy.pragma('integrity_check(1)', { simple: true });
    if (found !== 'ok') throw new Error(`the copy is damaged: ${String(found)}`);
  } finally {
    copy.close();
  }
};

const sync = (path: string): void => {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};
