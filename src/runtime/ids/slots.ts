/** Ranges of host ids, one for each job. */

import type { IdRange } from '../protocol/id-map.ts';
import type { CellIds, JobIds } from './cell-ids.ts';
import { MOST_IDS } from './map.ts';

// The end of the range that systemd's list (systemd.io/UIDS-GIDS) leaves unused around the default base; ids beyond it
// are negative in programs that use signed numbers.
const END = 2 ** 31;
// (uid_t) -1 means no id, so the last range cannot be used (user_namespaces(7)).
const LAST_END = 2 ** 32 - MOST_IDS;

/**
 * Ranges of ids, one for each job, after the range that owns the files of images. With them, no job shares ids, and so
 * files, keys and resource limits, with another.
 */
export class IdSlots {
  /** How many jobs can have a range of their own at once. */
  readonly count: number;
  readonly #ids: CellIds;
  readonly #first: number;
  readonly #taken = new Map<string, number>();
  readonly #used = new Set<number>();
  #next = 0;

  /** @param ids the maps must be a single range each, both starting with the same id */
  constructor(ids: CellIds) {
    this.#ids = ids;
    this.#first = ids.owner.uid + MOST_IDS;
    const end = this.#first < END ? END : LAST_END;
    this.count = Math.max(0, Math.floor((end - this.#first) / MOST_IDS));
  }

  /**
   * The ids of a job: those that it has, or the range that has been free the longest.
   *
   * @throws Error if all are taken
   */
  take(job: string): JobIds {
    const slot = this.#taken.get(job) ?? this.#free();
    this.#hold(job, slot);
    const outside = this.#first + slot * MOST_IDS;
    const map = [{ inside: 0, outside, count: this.#ids.count }];
    return { ...this.#ids, uids: map, gids: map, owners: this.#ids.owner };
  }

  /** The range of a job that has one; `undefined` when it has none (any more). */
  of(job: string): JobIds | undefined {
    return this.#taken.has(job) ? this.take(job) : undefined;
  }

  /** Marks the range of a job that already runs as taken. */
  adopt(job: string, uids: readonly IdRange[]): void {
    const slot = ((uids[0]?.outside ?? 0) - this.#first) / MOST_IDS;
    // Not a slot: the job was started by a server with another base, or its jobs share one range.
    if (Number.isInteger(slot) && slot >= 0 && slot < this.count) this.#hold(job, slot);
  }

  /** Gives a range to another, who has none. */
  pass(from: string, to: string): void {
    const slot = this.#taken.get(from);
    if (slot === undefined) return;
    this.#taken.delete(from);
    this.#hold(to, slot);
  }

  /** The job has ended: its range is free. */
  release(job: string): void {
    const slot = this.#taken.get(job);
    if (slot === undefined) return;
    this.#taken.delete(job);
    this.#used.delete(slot);
  }

  #hold(job: string, slot: number): void {
    this.#taken.set(job, slot);
    this.#used.add(slot);
  }

  #free(): number {
    for (let tried = 0; tried < this.count; tried++) {
      const slot = this.#next;
      this.#next = (slot + 1) % this.count;
      if (!this.#used.has(slot)) return slot;
    }
    throw new Error(`all ${this.count} ranges of ids are taken`);
  }
}

/** Ranges for jobs, if this process may map any ids for cells; otherwise `undefined`. */
export const slotsOf = (ids: CellIds): IdSlots | undefined => {
  const [uids] = ids.uids;
  const own = ids.kind === 'range' && ids.enter.length === 0 && ids.overlay === '';
  const plain = ids.uids.length === 1 && ids.gids.length === 1 && uids?.outside === ids.gids[0]?.outside;
  if (!own || !plain) return undefined;
  const slots = new IdSlots(ids);
  return slots.count > 0 ? slots : undefined;
};
