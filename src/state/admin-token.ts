/** The admin token of a state folder. */

import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { hasErrno } from '../errno.ts';
import { statePaths } from './paths.ts';
import { replaceFile } from './whole-file.ts';

/**
 * The admin token of a state folder: created at the first start, in the file `token`, which only its owner can read.
 *
 * @returns 43 characters of base64url (RFC 4648), 256 bits
 * @throws Error when the file has a shorter token; the error of the system call when it cannot be read or written
 */
export const adminToken = (stateDir: string): string => {
  const path = statePaths(stateDir).token;
  try {
    writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) throw error;
  }
  const token = readFileSync(path, 'utf8').trim();
  if (token.length < SHORTEST) throw new Error(`${path}: expected a token of ${SHORTEST} characters or more`);
  return token;
};

/**
 * Replaces the admin token of a state folder: readers of the file find the old one or the new one, whole, and it is on
 * disk when the promise settles.
 *
 * @throws the error of the system call when it cannot be written
 */
export const replaceAdminToken = async (stateDir: string, token: string): Promise<void> => {
  const { token: path, newToken } = statePaths(stateDir);
  await replaceFile(path, newToken, `${token}\n`);
};

const SHORTEST = 32;
