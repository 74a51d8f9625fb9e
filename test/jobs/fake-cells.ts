/** Cells in memory: they do what a test says, and need neither root nor a machine. */

import { pull } from '../../src/async/pull.ts';
import {
  type CellConnection,
  type CellEnd,
  type CellEvents,
  CellRefusal,
  type Cells,
  type FreeSpace,
} from '../../src/jobs/cells.ts';
import type { FinalState, Job } from '../../src/jobs/job.ts';
import type { Unfinished } from '../../src/jobs/store.ts';
import type { LogBatch } from '../../src/runtime/log/page.ts';

/** One cell, as its supervisor sees it. */
interface Cell {
  alive: boolean;
  startedAt: Date | null;
  end: CellEnd | undefined;
  events: CellEvents | undefined;
  readonly requests: string[];
}

const MIB = 1024 * 1024;
const none = {
  cpus: null,
  memoryBytes: null,
  swapBytes: null,
  pids: null,
  diskBytes: null,
  timeoutMs: null,
  outputBytes: null,
};

/** They outlive a server as real ones do: pass the same cells to two servers, one after the other. */
export class FakeCells implements Cells {
  readonly cells = new Map<string, Cell>();
  readonly fenced = new Set<string>();
  /** What is kept for jobs to read. */
  readonly stdin = new Map<string, string>();
  /** What was done, in order: `tidy ID`, `removed ID`, ... */
  readonly steps: string[] = [];
  readonly #listeners = new Set<(id: string) => void>();
  mostCells = Number.POSITIVE_INFINITY;
  free = { bytes: 1024 * MIB, files: 100_000 };
  /** Takes the place of a start; may start the cell and yet throw. */
  starting: (job: Job) => Promise<void> = async (job) => this.make(job.id);
  readonly cgroup = { path: null, controllers: [] };
  readonly request: Cells['request'] = {
    image: (name) =>
      name === 'alpine'
        ? { userForm: 'root', findUser: () => ({ uid: 0 }), isFolder: () => true }
        : undefined,
    imageNames: ['alpine'],
    mostStdinBytes: 1000,
    limits: {
      defaults: {
        cpus: 1,
        memoryBytes: 64 * MIB,
        swapBytes: 0,
        pids: 10,
        diskBytes: MIB,
        timeoutMs: 60_000,
        outputBytes: MIB,
      },
      maxima: none,
      capacity: { memoryBytes: null, cpus: null },
      missing: () => undefined,
      cpus: () => [0],
      disk: () => ({ problem: 'there is no disk' }),
      wholePages: (bytes) => bytes,
    },
  };

  /** A supervisor that has not executed the command yet. */
  make(id: string): void {
    this.cells.set(id, { alive: true, startedAt: null, end: undefined, events: undefined, requests: [] });
  }

  cell(id: string): Cell {
    const cell = this.cells.get(id);
    if (cell === undefined) throw new Error(`there is no cell ${id}`);
    return cell;
  }

  /** The command is executed. */
  execute(id: string, startedAt = new Date()): void {
    const cell = this.cell(id);
    cell.startedAt = startedAt;
    cell.events?.running(startedAt, null);
  }

  /** The cell ends, and leaves a record of it. */
  finish(id: string, state: FinalState): void {
    const cell = this.cell(id);
    cell.end = { startedAt: cell.startedAt, state };
    for (const listener of [...this.#listeners]) listener(id);
    this.kill(id);
  }

  /** The supervisor is gone, with or without a record. */
  kill(id: string): void {
    const cell = this.cell(id);
    cell.alive = false;
    const { events } = cell;
    cell.events = undefined;
    events?.ended();
  }

  freeSpace(): FreeSpace {
    return this.free;
  }

  async keepStdin(id: string, text: string): Promise<void> {
    this.stdin.set(id, text);
  }

  async shareStdin(id: string, next: string): Promise<void> {
    const text = this.stdin.get(id);
    if (text !== undefined) this.stdin.set(next, text);
  }

  async readStdin(id: string): Promise<string | undefined> {
    return this.stdin.get(id);
  }

  async dropStdin(id: string): Promise<void> {
    this.stdin.delete(id);
  }

  start(job: Job): Promise<void> {
    return this.starting(job);
  }

  async fence(id: string): Promise<boolean> {
    if (this.cells.has(id)) return false;
    this.fenced.add(id);
    return true;
  }

  async takeOver({ id, status }: Pick<Unfinished, 'id' | 'status'>): Promise<boolean> {
    return status === 'RUNNING' || this.cells.has(id);
  }

  attach(id: string, events: CellEvents): CellConnection {
    const cell = this.cells.get(id);
    if (cell === undefined || !cell.alive) {
      queueMicrotask(() => events.ended());
    } else {
      cell.events = events;
      const { startedAt } = cell;
      if (startedAt !== null) queueMicrotask(() => events.running(startedAt, null));
    }
    const ask = async (request: string): Promise<void> => {
      if (cell?.alive !== true) throw new CellRefusal('its supervisor is gone');
      cell.requests.push(request);
    };
    return {
      stop: (gracePeriodMs) => ask(`stop ${gracePeriodMs}`),
      signal: (number) => ask(`signal ${number}`),
      pause: () => ask('pause'),
      resume: () => ask('resume'),
      close: () => {
        if (cell?.events === events) cell.events = undefined;
      },
    };
  }

  async isAlive(id: string): Promise<boolean> {
    return this.cells.get(id)?.alive === true;
  }

  onEnd(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async collect({ id }: Job, store: (end: CellEnd) => Promise<void>): Promise<void> {
    const cell = this.cells.get(id);
    if (cell?.end === undefined) return;
    await store(cell.end);
    cell.end = undefined;
    this.steps.push(`record removed ${id}`);
  }

  async reap(id: string): Promise<void> {
    this.steps.push(`reap ${id}`);
  }

  async tidy(id: string): Promise<number> {
    this.steps.push(`tidy ${id}`);
    return 7;
  }

  release(id: string): void {
    this.steps.push(`release ${id}`);
  }

  async sweep(): Promise<void> {
    this.steps.push('sweep');
  }

  async usage(): Promise<null> {
    return null;
  }

  async isolation(): Promise<null> {
    return null;
  }

  async readLog(): ReturnType<Cells['readLog']> {
    return { entries: [], cursor: '0', endOfLog: true, droppedBytes: 0 };
  }

  async checkCursor(): Promise<void> {}

  followLog(...[, { release }]: Parameters<Cells['followLog']>): ReturnType<Cells['followLog']> {
    return pull<LogBatch>(async () => ({ done: true, value: undefined }), release);
  }

  async compressLog(): Promise<number> {
    return 7;
  }

  async remove(id: string): Promise<void> {
    this.cells.delete(id);
    this.stdin.delete(id);
  }
}
