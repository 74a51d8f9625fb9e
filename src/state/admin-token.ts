/** The admin token of a state folder. */

import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { statePaths } from './paths.ts';

/**
 * The admin token of a state folder: created at the first start, in the file `token`, which only its owner can read.
 *
 * @returns 43 characters of base64url (RFC 4648), 256 bits
 */
export const adminToken = (stateDir: string): string => {
  const path = statePaths(stateDir).token;
  try {
    writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const token = readFileSync(path, 'utf8').trim();
  if (token.length < SHORTEST) throw new Error(`${path}: expected a token of ${SHORTEST} characters or more`);
  return token;
};

const SHORTEST = 32;
