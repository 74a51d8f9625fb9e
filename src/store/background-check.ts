/** Checks a large database while the server works with it already. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseError } from './connection.ts';

/** Callbacks for the outcome of the check. */
export interface BackgroundCheckOptions {
  /** Called when the database is damaged. */
  readonly damaged: (error: DatabaseError) => void;
  /** Called when the check itself failed, so that nothing is known. */
  readonly failed: (error: Error) => void;
}

/**
 * Checks a database in a process of its own: the check reads every page, which takes seconds for a large database, and
 * could not be interrupted in a thread of the server.
 *
 * @returns a function that ends the check
 */
export const checkInBackground = (
  path: string,
  { damaged, failed }: BackgroundCheckOptions,
): (() => void) => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'check-database.ts'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let found = '';
  let isOver = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    found += text;
  });
  child.once('error', failed);
  child.once('close', (code, signal) => {
    if (isOver) return;
    isOver = true;
    if (code !== 0) failed(new Error(`the check of the database ended with ${signal ?? `code ${code}`}`));
    else if (found !== 'ok') damaged(new DatabaseError(`${path}: the database is damaged: ${found}`));
  });
  return () => {
    if (isOver) return;
    isOver = true;
    child.kill('SIGKILL');
  };
};
