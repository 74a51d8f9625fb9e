/** Looks for damage in a database; as a program, `node check-database.ts PATH`, it prints what it has found, or `ok`. */

import { setPriority } from 'node:os';
import Database from 'better-sqlite3';
import type { Connection } from './connection.ts';

/** What is wrong with a database, in the words of SQLite, or `undefined`. Reads all of it. */
export const damageOf = (db: Connection): string | undefined => {
  const found: unknown = db.pragma('quick_check(1)', { simple: true });
  return found === 'ok' ? undefined : String(found);
};

/** The nice value of the check: everything that a server does comes first, and nothing waits for the check. */
const PRIORITY = 10;

if (import.meta.main) {
  setPriority(PRIORITY);
  let found: string | undefined;
  try {
    found = damageOf(new Database(process.argv[2], { readonly: true, fileMustExist: true }));
  } catch (error) {
    // SQLite cannot read it at all.
    found = error instanceof Error ? error.message : String(error);
  }
  process.stdout.write(found ?? 'ok');
}
