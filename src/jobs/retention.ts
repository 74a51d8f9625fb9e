/** Decides which jobs that have ended are kept, and for how long. */

import { setImmediate as turn } from 'node:timers/promises';
import type { Log } from '../log.ts';
import type { Cells } from './cells.ts';
import type { Removal } from './removal.ts';
import type { Finished, JobStore } from './store.ts';

/** How much is kept of jobs that have ended; `null`: no bound. Pinned jobs are kept in addition. */
export interface RetentionSettings {
  /** Milliseconds since the end of the job. */
  readonly ageMs: number | null;
  readonly jobs: number | null;
  /** Bytes of their folders. */
  readonly bytes: number | null;
  /** Milliseconds after the end of a job until its log is compressed; `null`: never. */
  readonly packAfterMs: number | null;
}

/** Which jobs are kept, and how often that is checked. */
export interface RetentionOptions {
  readonly settings: RetentionSettings;
  readonly store: JobStore;
  readonly cells: Pick<Cells, 'compressLog'>;
  readonly removal: Removal;
  readonly log: Log;
  /** Milliseconds between two sweeps. */
  readonly intervalMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const INTERVAL_MS = 60_000;
// Jobs that one step removes or examines: a few milliseconds of the server's time.
const STEP = 50;

/**
 * Removes the oldest jobs that have ended when they are too old, too many or too large, and compresses old logs: at
 * intervals, in small steps between which requests are answered.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #timer: NodeJS.Timeout;
  #round: Promise<void> | undefined;
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.sweep(), options.intervalMs ?? INTERVAL_MS).unref();
    this.sweep();
  }

  /** Does everything that is due; settles when the round in progress, or else a new one, is over. */
  sweep(): Promise<void> {
    this.#round ??= this.#sweep()
      .catch((error: unknown) => this.#options.log(`removing old jobs: ${error}`, { level: 'error' }))
      .finally(() => {
        this.#round = undefined;
      });
    return this.#round;
  }

  async #sweep(): Promise<void> {
    await this.#removeOld();
    await this.#pack();
  }

  async #removeOld(): Promise<void> {
    const { store, removal, settings, now = Date.now } = this.#options;
    let { jobs, bytes } = await store.kept();
    while (!this.#closed) {
      const due: Finished[] = [];
      for (const job of await store.oldest(STEP)) {
        const tooOld = settings.ageMs !== null && job.finishedAt.getTime() < now() - settings.ageMs;
        const tooMany = settings.jobs !== null && jobs > settings.jobs;
        const tooLarge = settings.bytes !== null && bytes > settings.bytes;
        // The following ones are younger, and removing this one would bring the rest within all bounds.
        if (!tooOld && !tooMany && !tooLarge) break;
        due.push(job);
        jobs -= 1;
        bytes -= job.bytes;
      }
      if (due.length === 0) return;
      const gone = await removal.remove(due.map(({ id }) => id));
      // Pinned or deleted in between: it is not among the oldest any more.
      if (gone.length === 0 && due.length < STEP) return;
      await turn();
    }
  }

  async #pack(): Promise<void> {
    const { store, cells, settings, now = Date.now } = this.#options;
    if (settings.packAfterMs === null) return;
    while (!this.#closed) {
      const ids = await store.toPack(new Date(now() - settings.packAfterMs), STEP);
      for (const id of ids) {
        if (this.#closed) return;
        await store.setDisk(id, { bytes: await cells.compressLog(id), packed: true });
      }
      if (ids.length === 0) return;
    }
  }

  /** Settles when no sweep is in progress any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#round;
  }
}
