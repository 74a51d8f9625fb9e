/** Checks the launcher. */

import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Check, fail, pass, reasonOf } from './check.ts';

/** Exit code of the launcher without arguments: EX_USAGE of sysexits(3). */
const USAGE = 64;

/** Whether the launcher exists and runs on this machine. */
export const checkLauncher = async (launcher: string): Promise<Check> => {
  const name = 'launcher';
  try {
    await access(launcher, constants.X_OK);
  } catch (error) {
    return fail(name, reasonOf(error), 'make build, or name the program with --launcher');
  }
  const error: unknown = await promisify(execFile)(launcher, { timeout: 10_000 }).catch(
    (thrown: unknown) => thrown,
  );
  if (error instanceof Error && 'code' in error && error.code === USAGE) return pass(name, launcher);
  const detail = error instanceof Error ? reasonOf(error) : `${launcher} is another program`;
  return fail(name, detail, 'rm it and make build on this machine, or name the program with --launcher');
};
