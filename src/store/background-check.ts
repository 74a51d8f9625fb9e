/** Checks a large database while the server works with it already. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseError } from './connection.ts';

/** Who is notified of the outcome. */
export interface BackgroundCheckOptions {
  /** Called when the database is damaged. */
  readonly damaged: (error: DatabaseError) => void;
  /** Called when it could not be found out. */
  readonly failed: (error: Error) => void;
}

/**
 * Checks a database in a process of its own: it reads every page, which takes seconds of a large one, and nothing could
 * interrupt that in a thread of the server.
 *
 * @returns ends the check
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
