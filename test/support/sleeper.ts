/** Ends the sleep of a job's command when the test wants it, with or without a server. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { plannedCgroup } from '../../src/runtime/protocol/plan.ts';

/** A command that waits for `endSleep`, then does the rest. */
export const sleepThen = (rest: string): string => `sleep 100000; ${rest}`;

/**
 * Ends the sleep of a job whose command is `sleepThen`, once it has come to it. Needs no server, but that the job has
 * been started.
 *
 * @param folder of the job
 */
export const endSleep = async (folder: string): Promise<void> => {
  const cgroup = plannedCgroup(readFileSync(join(folder, 'plan')));
  if (cgroup === undefined) throw new Error(`the job of ${folder} has no cgroup`);
  for (;;) {
    const pid = readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim().split('\n').find(isSleep);
    // sh prints nothing about a child that died by this signal.
    if (pid !== undefined) return void process.kill(Number(pid), 'SIGPIPE');
    await pause(5);
  }
};

const isSleep = (pid: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return false;
    throw error;
  }
};
