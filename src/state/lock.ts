/** The lock that reserves a state folder for one server. */

import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { statePaths } from './paths.ts';

/**
 * Reserves a state folder for this process, with flock(2) on its file `lock`. The kernel releases it when the process
 * ends, however it ends.
 *
 * @param launcher the `cell` binary, which locks the descriptor that it is passed: Node has no call for that,
 *   and the lock belongs to the open file description, which both share
 * @returns a function that releases it
 * @throws Error if another process holds it, or the launcher cannot be executed
 */
export const lockState = (stateDir: string, launcher: string): (() => void) => {
  const fd = openSync(statePaths(stateDir).lock, 'a', 0o600);
  const { status, error, stderr } = spawnSync(launcher, ['lock'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
  });
  if (status === 0) return () => closeSync(fd);
  closeSync(fd);
  if (status === HELD) throw new Error(`${stateDir}: another server is using this state folder`);
  throw new Error(`${launcher}: ${error?.message ?? stderr.toString().trim()}`);
};

const HELD = 2;
