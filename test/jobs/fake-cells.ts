/**
 * Cells in memory: they do what a test says, and need neither root nor a machine. What they have in common with real ones
 * is what `test/cells/conformance.ts` checks of both.
 */

import { Bell, pull } from '../../src/async/pull.ts';
import {
  type CellConnection,
  type CellEnd,
  type CellEvents,
  CellRefusal,
  type Cells,
  type FreeSpace,
  type LogFollow,
  type LogRead,
  StartFailure,
} from '../../src/jobs/cells.ts';
import type { FinalState, Job, Usage } from '../../src/jobs/job.ts';
import type { Unfinished } from '../../src/jobs/store.ts';
import { CursorError } from '../../src/runtime/log/cursor.ts';
import type { LogBatch, LogStart } from '../../src/runtime/log/page.ts';

/** One cell, as its supervisor sees it. */
interface Cell {
  alive: boolean;
  /** Its supervisor is stopped: it neither answers nor does anything. */
  stuck: boolean;
  /** How often it was asked whether it responds. */
  asked: number;
  startedAt: Date | null;
  pausedAt: Date | null;
  end: CellEnd | undefined;
  readonly events: Set<CellEvents>;
  readonly requests: string[];
  /** Whether its processes can be frozen: false while one is in uninterruptible sleep. */
  freezes: boolean;
  /** What it does when it is asked to stop; by default it ends. */
  stopped: () => void;
  /** What its command does with a signal; by default nothing. */
  signaled: (number: number) => void;
  readonly log: { text: string; readonly bell: Bell };
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
  /** What every job that runs has used. */
  used: Usage | null = null;
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
    this.cells.set(id, {
      alive: true,
      stuck: false,
      asked: 0,
      startedAt: null,
      pausedAt: null,
      end: undefined,
      events: new Set(),
      requests: [],
      freezes: true,
      stopped: () => this.finish(id, stoppedBy('SIGTERM')),
      signaled: () => undefined,
      log: { text: '', bell: new Bell() },
    });
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
    for (const events of cell.events) events.running(startedAt, null);
  }

  /** The command writes to standard output: ASCII, so that a character is a byte. */
  write(id: string, text: string): void {
    const { log } = this.cell(id);
    log.text += text;
    log.bell.ring();
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
    const listeners = [...cell.events];
    cell.events.clear();
    for (const events of listeners) events.ended();
  }

  #pause(cell: Cell, since: Date | null): void {
    if (!cell.freezes) return;
    cell.pausedAt = since;
    for (const events of cell.events)
      if (since === null) events.resumed();
      else events.paused(since);
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

  async start(job: Job): Promise<void> {
    if (this.fenced.has(job.id)) throw new StartFailure('the job is fenced', { begun: false });
    await this.starting(job);
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
    let open = true;
    if (cell?.alive === true) cell.events.add(events);
    // As over a socket: what is so is reported later.
    queueMicrotask(() => {
      if (!open) return;
      if (cell?.alive !== true) events.ended();
      else if (cell.startedAt !== null) events.running(cell.startedAt, cell.pausedAt);
    });
    const ask = async (request: string, obey: (cell: Cell) => void): Promise<void> => {
      if (cell?.alive !== true) throw new CellRefusal('its supervisor is gone');
      cell.requests.push(request);
      if (cell.stuck) throw new CellRefusal('it did not answer within 10 s');
      queueMicrotask(() => obey(cell));
    };
    return {
      stop: (gracePeriodMs) =>
        ask(`stop ${gracePeriodMs}`, (asked) => {
          if (asked.pausedAt !== null) this.#pause(asked, null);
          asked.stopped();
        }),
      signal: (number) => ask(`signal ${number}`, ({ signaled }) => signaled(number)),
      pause: () => ask('pause', (asked) => this.#pause(asked, new Date())),
      resume: () => ask('resume', (asked) => this.#pause(asked, null)),
      responds: async () => {
        if (cell !== undefined) cell.asked += 1;
        return cell?.stuck !== true;
      },
      close: () => {
        open = false;
        cell?.events.delete(events);
      },
    };
  }

  async killSupervisor(id: string): Promise<void> {
    this.steps.push(`kill ${id}`);
    this.kill(id);
  }

  async isAlive(id: string): Promise<boolean> {
    return this.cells.get(id)?.alive === true;
  }

  onEnd(listener: (id: string) => void): () => void {
    // The same function given twice is two listeners.
    const own = (id: string): void => listener(id);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
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
    return this.#size(id);
  }

  #size(id: string): number {
    return this.cells.has(id) ? 7 : 0;
  }

  release(id: string): void {
    this.steps.push(`release ${id}`);
  }

  async sweep(isOpen: (id: string) => boolean, isKept: (id: string) => Promise<boolean>): Promise<void> {
    this.steps.push('sweep');
    for (const id of [...this.stdin.keys()]) if (!(await isKept(id))) this.stdin.delete(id);
    for (const [id, cell] of this.cells) if (!isOpen(id)) cell.end = undefined;
  }

  async usage(): Promise<Usage | null> {
    return this.used;
  }

  async isolation(): Promise<null> {
    return null;
  }

  async hasLog(id: string): Promise<boolean> {
    return this.cells.has(id);
  }

  async readLog(id: string, { mostBytes, closed, grep, ...start }: LogRead): Promise<LogBatch> {
    if (grep !== undefined) throw new Error('cells in memory cannot search their logs');
    return this.#page(id, this.#startOf(id, start), mostBytes, closed);
  }

  async checkCursor(id: string, cursor: string): Promise<void> {
    this.#startOf(id, { after: cursor });
  }

  followLog(
    id: string,
    { follow, closed, onClosed, release, ...start }: LogFollow,
  ): AsyncIterableIterator<LogBatch, undefined> {
    const { bell } = this.cell(id).log;
    const forget = onClosed(() => bell.ring());
    let at = this.#startOf(id, start);
    let over = false;
    return pull<LogBatch>(
      async (signal) => {
        while (!over) {
          const seen = bell.rings;
          const page = this.#page(id, at, Number.POSITIVE_INFINITY, closed());
          at = Number(page.cursor);
          over = page.endOfLog || !follow;
          if (page.entries.length > 0 || page.endOfLog) return { done: false, value: page };
          if (!over) await bell.wait(seen, signal);
        }
        return { done: true, value: undefined };
      },
      () => {
        forget();
        release();
      },
    );
  }

  #startOf(id: string, { after = '0', ...others }: LogStart): number {
    const [other] = Object.keys(others);
    if (other !== undefined) throw new Error(`cells in memory cannot read a log by ${other}`);
    if (!/^\d+$/.test(after) || Number(after) > this.cell(id).log.text.length)
      throw new CursorError('a cursor of this log', after);
    return Number(after);
  }

  #page(id: string, at: number, mostBytes: number, closed: boolean): LogBatch {
    const { text } = this.cell(id).log;
    const part = text.slice(at, at + mostBytes);
    const cursor = String(at + part.length);
    const entry = { stream: 'STDOUT', timeNs: 0n, text: part, bytes: Buffer.from(part), cursor } as const;
    return {
      entries: part === '' ? [] : [entry],
      cursor,
      endOfLog: closed && at + part.length === text.length,
      droppedBytes: 0,
      damagedBytes: 0,
    };
  }

  async compressLog(id: string): Promise<number> {
    this.steps.push(`compress ${id}`);
    return this.#size(id);
  }

  async remove(id: string): Promise<void> {
    this.cells.delete(id);
    this.stdin.delete(id);
    this.steps.push(`remove ${id}`);
  }
}

/** The end of a cell that was asked to stop. */
export const stoppedBy = (signal: string): FinalState => ({
  ...exited(0),
  status: 'STOPPED',
  termination: { kind: 'signaled', signal },
});

/** The end of a cell whose command exited. */
export const exited = (code: number) =>
  ({
    status: 'COMPLETED',
    startedAt: new Date(),
    finishedAt: new Date(),
    termination: { kind: 'exited', code },
    usage: null,
    hits: [],
    output: null,
  }) satisfies FinalState;
