import type Database from 'better-sqlite3';

export type Connection = Database.Database;

/** The database cannot be used; the message tells why, for whoever runs the command. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';
}
