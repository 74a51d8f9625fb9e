/** The roles of subjects that authenticate without a token of this server, from a file of the operator. */

import { parse, TomlError } from 'smol-toml';
import { ROLES, type Role } from '../jobs/service.ts';
import { isSubject } from './subject.ts';

/** The role of each subject that a file of roles names. */
export type Roles = ReadonlyMap<string, Role>;

/** Stands for every subject that the file does not name. */
export const EVERYBODY = '*';

/**
 * Reads a file of roles: TOML with a line for each subject, such as `"alice@example.com" = "user"`, and `"*"` for all others.
 *
 * @throws Error that names the subject, or the line
 */
export const parseRoles = (text: string): Roles => {
  const roles = new Map<string, Role>();
  for (const [subject, value] of Object.entries(tomlOf(text))) {
    const role = ROLES.find((name) => typeof value === 'string' && name === value.toUpperCase());
    if (!isSubject(subject))
      throw new Error(`expected subjects of 1 to 128 printable characters, got ${JSON.stringify(subject)}`);
    if (role === undefined)
      throw new Error(
        `${JSON.stringify(subject)}: expected "admin", "user" or "viewer", got ${JSON.stringify(value)}`,
      );
    roles.set(subject, role);
  }
  return roles;
};

const tomlOf = (text: string): Record<string, unknown> => {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new Error(`line ${error.line}: ${error.message.split('\n')[0]}`);
  }
};
