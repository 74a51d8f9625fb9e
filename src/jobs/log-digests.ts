/** Remembers the digests of logs that do not change any more. */

import { FairLimit } from '../async/fair-limit.ts';
import type { LogDigests } from '../runtime/log/page.ts';

/** Logs of one owner that are read at the same time: reading keeps a disk busy, and hashing a CPU. */
const AT_ONCE = 1;
/** Some 300 bytes each. */
const MOST_KEPT = 10_000;

/** The digests of logs of jobs that have ended, each computed once while it is remembered. */
export class LogDigestCache {
  readonly #most: number;
  readonly #read: (id: string) => Promise<LogDigests>;
  /** The one that was used last is the last. */
  readonly #kept = new Map<string, Promise<LogDigests>>();
  readonly #limit = new FairLimit(AT_ONCE);

  /**
   * @param read reads the log of a job as a whole
   * @param most how many are remembered
   */
  constructor(read: (id: string) => Promise<LogDigests>, most = MOST_KEPT) {
    this.#read = read;
    this.#most = most;
  }

  /**
   * The digests of the log of a job that has ended.
   *
   * @param owner of the job: the jobs of others do not wait for its
   * @throws what reading it throws; then the next call reads it again
   */
  async of(id: string, owner: string): Promise<LogDigests> {
    const kept = this.#kept.get(id) ?? this.#limit.take(owner, () => this.#read(id));
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#most && oldest !== undefined) this.#kept.delete(oldest);
    try {
      return await kept;
    } catch (error) {
      if (this.#kept.get(id) === kept) this.#kept.delete(id);
      throw error;
    }
  }
}
