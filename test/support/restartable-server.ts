/** A server that is killed and started again while it is used. */

import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { TestServer } from './server.ts';

/** A server that is ended and started again while it is asked. */
export class RestartableServer {
  readonly server: TestServer;
  #up: Promise<void> = Promise.resolve();
  #deaths = 0;

  constructor(server: TestServer) {
    this.server = server;
  }

  /**
   * Ends the server and starts the next one; `isUp` settles when it is up, or rejects with the reason.
   *
   * @param between done while none runs
   * @param early milliseconds after their start at which the next ones are killed, one after the other
   */
  restart(
    signal: NodeJS.Signals,
    between: () => Promise<void> = async () => undefined,
    early: readonly number[] = [],
  ): void {
    this.#up = this.#up.then(async () => {
      this.#deaths += 1;
      await this.server.end(signal);
      for (const lifetime of early) {
        // It is not expected to get as far as listening.
        const booted = this.server.boot().catch(() => undefined);
        await pause(lifetime);
        await this.server.end('SIGKILL');
        await booted;
      }
      await between();
      await this.server.boot();
    });
    this.#up.catch(() => undefined);
  }

  /** Settles when a server is there to be asked. */
  async isUp(): Promise<void> {
    let up: Promise<void>;
    do {
      up = this.#up;
      await up;
    } while (up !== this.#up);
  }

  /** Asks, and asks again when the server was ended in the meantime. */
  async persist<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.isUp();
      const before = this.#deaths;
      try {
        return await ask();
      } catch (error) {
        if (this.#deaths === before) throw error;
      }
    }
  }

  /** Kills the supervisor of a job; false when there is none. */
  orphan(id: string): boolean {
    const pid = supervisorOf(join(this.server.stateDir, 'jobs', id));
    if (pid === undefined) return false;
    process.kill(pid, 'SIGKILL');
    return true;
  }
}

/**
 * The pid of a supervisor, as it noted it in the job's folder, if the process of that pid still has this folder as its
 * own.
 */
const supervisorOf = (folder: string): number | undefined => {
  const started = join(folder, 'started');
  const pid = existsSync(started) ? Number.parseInt(readFileSync(started, 'utf8'), 10) : Number.NaN;
  return Number.isNaN(pid) || folderOf(pid) !== folder ? undefined : pid;
};

const folderOf = (pid: number): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It has ended.
    return undefined;
  }
};
