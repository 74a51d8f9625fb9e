/** Moves processes between cgroups. */

import { join } from 'node:path';
import { errnoName } from '../../errno.ts';
import { CgroupError } from './error.ts';
import { readWords, writeValue } from './files.ts';

/** Moves a process with all its threads to a cgroup. Fails as write(2) to its cgroup.procs does. */
export const moveProcess = (pid: number, to: string): Promise<void> =>
  writeValue(join(to, 'cgroup.procs'), String(pid));

/**
 * Moves the processes that live directly in a cgroup to another. Processes that they start meanwhile may not be moved.
 *
 * @throws CgroupError if one of them belongs to a pid namespace that is not visible here
 */
export const moveProcesses = async (from: string, to: string): Promise<void> => {
  for (const pid of await readWords(join(from, 'cgroup.procs'))) {
    if (pid === '0') {
      throw new CgroupError(
        `${from} holds processes of another pid namespace, which cannot be moved`,
        'name another cgroup with --cgroup-root',
      );
    }
    try {
      await moveProcess(Number(pid), to);
    } catch (error) {
      // It has ended.
      if (errnoName(error) !== 'ESRCH') throw error;
    }
  }
};
