/** Refuses a state folder that has lost its database. */

import { existsSync, readdirSync, statSync } from 'node:fs';
import { statePaths } from './paths.ts';

/**
 * Refuses a state folder that has folders of jobs and no database: with an empty database, the server would find no job
 * for their cells and remove them. Changes nothing.
 *
 * @throws Error that says what to do
 */
export const checkState = (stateDir: string): void => {
  const { database, jobs, exits, stdin } = statePaths(stateDir);
  if ((statSync(database, { throwIfNoEntry: false })?.size ?? 0) > 0) return;
  const left = [jobs, exits, stdin].filter((folder) => existsSync(folder) && readdirSync(folder).length > 0);
  if (left.length === 0) return;
  throw new Error(
    `${database}: there is no database, but there are jobs in ${left.join(', ')}: nothing was changed. ` +
      `Restore the database from a backup (a copy that \`cloister backup\` made), or, to give up these jobs and their logs, ` +
      `stop those that still run and move these folders away`,
  );
};
