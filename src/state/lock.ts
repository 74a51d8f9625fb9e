import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { statePaths } from './paths.ts';

/**
 * Takes a state folder for this process alone, with flock(2) on its file `lock`. The kernel lets go of it
 * when the process ends, however it ends.
 *
 * @param launcher the `cell` binary, which locks the descriptor it is handed: Node has no call for that, and
 *   the lock belongs to the open file, which both share
 * @returns what releases it
 * @throws Error when another process has it
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
