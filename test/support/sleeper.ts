/** Ends the sleep of a job's command at a moment that the test chooses, with or without a server. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cgroupOf } from './resource-snapshot.ts';
import type { TestServer } from './server.ts';

/** A command that waits for `endSleep`, then does the rest. */
export const sleepThen = (rest: string): string => `sleep 100000; ${rest}`;

/**
 * Finds the cell of a job whose command is `sleepThen`.
 *
 * @returns what ends the sleep, once the command has come to it; it needs no server
 */
export const sleeper = async (server: TestServer, id: string): Promise<() => Promise<void>> => {
  const procs = join(await cgroupOf(server), 'jobs', id, 'cgroup.procs');
  return async () => {
    for (;;) {
      const pid = readFileSync(procs, 'utf8').trim().split('\n').find(isSleep);
      // Of a child that died by this signal, sh says nothing.
      if (pid !== undefined) return void process.kill(Number(pid), 'SIGPIPE');
      await pause(5);
    }
  };
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
