/** A connection to SQLite, and the error of a database that cannot be used. */

import type Database from 'better-sqlite3';

/** An open database. */
export type Connection = Database.Database;

/** The database cannot be used; the message says why, for the person who runs the command. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
}
