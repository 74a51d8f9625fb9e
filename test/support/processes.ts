/** Finds processes by their command lines. */

import { readdirSync, readFileSync } from 'node:fs';
import { hasErrno } from '../../src/errno.ts';

/**
 * The pids of the processes whose arguments are exactly these, in cells too. Zombies have no arguments.
 *
 * @throws what reading /proc throws
 */
export const processesOf = (...argv: readonly string[]): number[] => {
  const wanted = argv.map((argument) => `${argument}\0`).join('');
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && commandLine(name) === wanted)
    .map(Number);
};

const commandLine = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    // It has ended since the folder was read.
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
};
