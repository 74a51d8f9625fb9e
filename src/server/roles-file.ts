/** The operator's file of roles, as it is now. */

import { readFile } from 'node:fs/promises';
import { parseRoles, type Roles } from '../access/roles.ts';
import type { Log } from '../log.ts';
import { WatchedFiles } from './watched-files.ts';

/** Which role subjects have; follows changes of the file. */
export class RolesFile {
  readonly #path: string;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  readonly #unwatch: () => void;
  #roles: Roles;

  private constructor(path: string, watched: WatchedFiles, roles: Roles, log: Log) {
    this.#path = path;
    this.#roles = roles;
    this.#log = log;
    this.#unwatch = watched.follow(() => this.#load());
  }

  /** @throws Error that names the file and what is wrong with it */
  static async open(path: string, log: Log): Promise<RolesFile> {
    const watched = await WatchedFiles.at([path]);
    return new RolesFile(path, watched, await read(path), log);
  }

  /** The roles as the file has them now. */
  get current(): Roles {
    return this.#roles;
  }

  /** Calls a listener after each change. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Stops watching the file. */
  close(): void {
    this.#unwatch();
    this.#listeners.clear();
  }

  async #load(): Promise<void> {
    try {
      this.#roles = await read(this.#path);
    } catch (error) {
      this.#log(`the changed roles are not used: ${error instanceof Error ? error.message : String(error)}`, {
        level: 'error',
      });
      return;
    }
    this.#log(`the changed roles of ${this.#path} are used`);
    for (const listener of this.#listeners) listener();
  }
}

const read = async (path: string): Promise<Roles> => {
  try {
    return parseRoles(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
};
