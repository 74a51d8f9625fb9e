/** Whether the parts that jobs need work: the store, the spawner, the disk. */

import type { Cells } from './cells.ts';
import { ROOM_BYTES } from './room.ts';
import { type JobStore, StoreFullError } from './store.ts';

/** By part, `ok` or why it does not work. */
export type Parts = Readonly<Record<'store' | 'spawner' | 'disk', string>>;

/** The parts to check, and how long a result is reused. */
export interface ReadinessOptions {
  readonly store: Pick<JobStore, 'probe'>;
  readonly cells: Pick<Cells, 'probe' | 'freeSpace'>;
  /** Milliseconds that a part has to answer. */
  readonly timeoutMs?: number;
  /** Milliseconds for which an answer is given again: asking often costs no more than asking once. */
  readonly keptMs?: number;
}

const TIMEOUT_MS = 5000;
const KEPT_MS = 1000;

/** Checks each part by an operation that jobs need. */
export class Readiness {
  readonly #options: ReadinessOptions;
  #asked: { readonly at: number; readonly parts: Promise<Parts> } | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** The result of each part, at most a second old. */
  parts(): Promise<Parts> {
    const now = performance.now();
    if (this.#asked === undefined || now - this.#asked.at > (this.#options.keptMs ?? KEPT_MS))
      this.#asked = { at: now, parts: this.#ask() };
    return this.#asked.parts;
  }

  async #ask(): Promise<Parts> {
    const { store, cells, timeoutMs = TIMEOUT_MS } = this.#options;
    const [storeState, spawner] = await Promise.all([
      inTime(store.probe(), timeoutMs, 'the database cannot be written'),
      inTime(cells.probe(), timeoutMs, 'it cannot start supervisors'),
    ]);
    return { store: storeState, spawner, disk: this.#disk() };
  }

  #disk(): string {
    try {
      const { bytes, files } = this.#options.cells.freeSpace();
      return bytes >= ROOM_BYTES && files >= 1 ? 'ok' : 'the disk of the state folder is full';
    } catch {
      return 'the state folder cannot be reached';
    }
  }
}

/** Details are in the log and in answers to requests: this text is public. */
const inTime = async (work: Promise<void>, timeoutMs: number, otherwise: string): Promise<string> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('it does not answer'), timeoutMs);
  });
  const done = work.then(
    () => 'ok',
    (error: unknown) => (error instanceof StoreFullError ? 'there is no space for the database' : otherwise),
  );
  const state = await Promise.race([done, late]);
  clearTimeout(timer);
  return state;
};
