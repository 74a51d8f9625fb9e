import type { IdRange } from '../protocol/id-map.ts';
import type { CellIds, JobIds } from './cell-ids.ts';
import { MOST_IDS } from './map.ts';

// The end of what systemd's list of ranges (systemd.io/UIDS-GIDS) leaves unused around the default base; ids beyond it
// are negative where a program takes them for signed numbers.
const END = 2 ** 31;
// (uid_t) -1 stands for no id, so that the last range cannot be used (user_namespaces(7)).
const LAST_END = 2 ** 32 - MOST_IDS;

/**
 * Ranges of ids, one for each job, behind the range that the files of images belong to. Where jobs can have such ones,
 * the ids of one never mean another's, nor its files, keys and resource limits.
 */
export class IdSlots {
  /** How many jobs can have a range of their own at a time. */
  readonly count: number;
  readonly #ids: CellIds;
  readonly #first: number;
  readonly #taken = new Map<string, number>();
  readonly #used = new Set<number>();
  #next = 0;

  /** @param ids whose maps are one range each, which begins at the same id */
  constructor(ids: CellIds) {
    this.#ids = ids;
    this.#first = ids.owner.uid + MOST_IDS;
    const end = this.#first < END ? END : LAST_END;
    this.count = Math.max(0, Math.floor((end - this.#first) / MOST_IDS));
  }

  /**
   * The ids of a job: those that it has, or a range that has been free for longest.
   *
   * @throws Error when all are taken
   */
  take(job: string): JobIds {
    const slot = this.#taken.get(job) ?? this.#free();
    this.#hold(job, slot);
    const outside = this.#first + slot * MOST_IDS;
    const map = [{ inside: 0, outside, count: this.#ids.count }];
    return { ...this.#ids, uids: map, gids: map, owners: this.#ids.owner };
  }

  /** Keeps the range of a job that runs already. */
  adopt(job: string, uids: readonly IdRange[]): void {
    const slot = ((uids[0]?.outside ?? 0) - this.#first) / MOST_IDS;
    // Of a server that had another base, or jobs that share one range.
    if (Number.isInteger(slot) && slot >= 0 && slot < this.count) this.#hold(job, slot);
  }

  /** The job has ended: another may have its range. */
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

/** Ranges for jobs, where cells have ids that this process may map as it likes; `undefined` elsewhere. */
export const slotsOf = (ids: CellIds): IdSlots | undefined => {
  const [uids] = ids.uids;
  const own = ids.kind === 'range' && ids.enter.length === 0 && ids.overlay === '';
  const plain = ids.uids.length === 1 && ids.gids.length === 1 && uids?.outside === ids.gids[0]?.outside;
  if (!own || !plain) return undefined;
  const slots = new IdSlots(ids);
  return slots.count > 0 ? slots : undefined;
};
