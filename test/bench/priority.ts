/** Puts what is measured before everything else on the machine. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The processes that a process has started, and theirs. */
export const descendants = (pid: number): number[] => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
    return children.map(Number).flatMap((child) => [child, ...descendants(child)]);
  } catch {
    // It has ended.
    return [];
  }
};

/** Gives a process real-time priority, which its children inherit. False where that is not permitted. */
export const prefer = (pid: number): boolean =>
  spawnSync('chrt', ['--all-tasks', '--rr', '--pid', '1', String(pid)], { stdio: 'ignore' }).status === 0;
