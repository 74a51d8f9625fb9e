/**
 * Cells in memory: they do what a test says, and need neither root nor a machine. What they have in common with real ones
 * is what `test/cells/conformance.ts` checks of both.
 */

import { createHash } from 'node:crypto';
import { Bell, pull } from '../../src/async/pull.ts';
import {
  type ArtifactContent,
  type CellConnection,
  type CellEnd,
  type CellEvents,
  CellGone,
  CellRefusal,
  type Cells,
  type FreeSpace,
  type Isolation,
  type JobInput,
  type LogFollow,
  type LogRead,
  StartFailure,
} from '../../src/jobs/cells.ts';
import { type Image, NO_DEFAULTS } from '../../src/jobs/image.ts';
import type { FinalState, Job, Usage, WholeJob } from '../../src/jobs/job.ts';
import type { Unfinished } from '../../src/jobs/store.ts';
import type { FilesAnswer } from '../../src/runtime/cell-file.ts';
import { CursorError } from '../../src/runtime/log/cursor.ts';
import type {
  LogBatch,
  LogDigests,
  LogEntry,
  LogGrep,
  LogStart,
  LogStream,
} from '../../src/runtime/log/page.ts';
import { compilePattern } from '../../src/runtime/log/pattern.ts';
import { checkStart } from '../../src/runtime/log/position.ts';
import { fakeImage } from '../server/fake-images.ts';
import { limitsContext } from '../support/limits.ts';

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
  readonly log: { readonly pieces: Piece[]; readonly bell: Bell };
}

/** What a command wrote at once: ASCII, so that a character is a byte. */
interface Piece {
  readonly stream: LogStream;
  readonly timeNs: bigint;
  readonly text: string;
}

/** A piece, or the part of one that was asked for, and the byte of the whole log at which it begins. */
type Placed = Piece & { readonly at: number };

const MIB = 1024 * 1024;

/** They outlive a server as real ones do: pass the same cells to two servers, one after the other. */
export class FakeCells implements Cells {
  readonly cells = new Map<string, Cell>();
  readonly fenced = new Set<string>();
  /** What is kept for jobs to read. */
  readonly stdin = new Map<string, Buffer>();
  readonly secrets = new Map<string, string>();
  /** What was done, in order: `tidy ID`, `removed ID`, ... */
  readonly steps: string[] = [];
  readonly #listeners = new Set<(id: string) => void>();
  /** What every job that runs has used; `null` without cgroups. */
  used: Usage | null = null;
  mostCells = Number.POSITIVE_INFINITY;
  readonly prepared = { waiting: 0, used: 0 };
  free = { bytes: 1024 * MIB, files: 100_000 };
  /** Takes the place of a start; may start the cell and yet throw. */
  starting: (job: WholeJob) => Promise<void> = async (job) => this.make(job.id);
  cgroup: Cells['cgroup'] = { path: null, controllers: [] };
  readonly request: Cells['request'] = {
    image: (name) =>
      name === 'alpine'
        ? {
            digest: 'sha256:00',
            defaults: NO_DEFAULTS,
            userForm: 'root',
            findUser: () => ({ uid: 0 }),
            isFolder: () => true,
          }
        : undefined,
    imageNames: ['alpine'],
    mostStdinBytes: 1000,
    limits: limitsContext({ cpus: () => [0], disk: () => ({ problem: 'there is no disk' }) }),
  };

  /** The images that were made, by their names. */
  readonly saved: string[] = [];

  async saveImage({ owner }: Job, name: string): Promise<Image> {
    this.saved.push(name);
    return fakeImage(name, owner);
  }

  /** Every path leads to the same file. */
  async files(id: string): Promise<FilesAnswer> {
    if (this.cells.get(id)?.alive !== true) throw new CellGone('its supervisor is gone');
    const file = {
      kind: 'FILE',
      mode: 0o644,
      sizeBytes: 0,
      modifiedAt: new Date(0),
      uid: 0,
      gid: 0,
    } as const;
    return { file, entries: [], hasMore: false, bytes: Buffer.alloc(0) };
  }

  keptFiles({ id }: Job): Promise<FilesAnswer> {
    return this.files(id);
  }

  holdImage(): () => void {
    return () => {};
  }

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
      log: { pieces: [], bell: new Bell() },
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

  /** The command writes: ASCII, so that a character is a byte. */
  write(id: string, text: string, stream: LogStream = 'STDOUT'): void {
    const { pieces, bell } = this.cell(id).log;
    const lastNs = pieces.at(-1)?.timeNs ?? 0n;
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    pieces.push({ stream, timeNs: nowNs > lastNs ? nowNs : lastNs + 1n, text });
    bell.ring();
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

  async probe(): Promise<void> {}

  async totals(): Promise<null> {
    return null;
  }

  freeSpace(): FreeSpace {
    return this.free;
  }

  async keepInput(id: string, { stdin, secrets }: JobInput): Promise<void> {
    if (stdin !== undefined) this.stdin.set(id, Buffer.from(stdin as string));
    if (typeof secrets === 'string') this.secrets.set(id, secrets);
  }

  async shareInput(id: string, next: string): Promise<void> {
    for (const kept of [this.stdin, this.secrets] as Map<string, unknown>[])
      if (kept.has(id)) kept.set(next, kept.get(id));
  }

  async dropInput(id: string): Promise<void> {
    this.stdin.delete(id);
    this.secrets.delete(id);
  }

  async readStdin(id: string): Promise<Buffer | undefined> {
    return this.stdin.get(id);
  }

  async stdinDigest(id: string): Promise<string | undefined> {
    const content = this.stdin.get(id);
    return content && createHash('sha256').update(content).digest('hex');
  }

  async start(job: WholeJob): Promise<void> {
    if (this.fenced.has(job.id)) throw new StartFailure('the job is fenced', { begun: false });
    await this.starting(job);
  }

  async fence(id: string): Promise<boolean> {
    if (this.cells.has(id)) return false;
    this.fenced.add(id);
    return true;
  }

  async takeOver({ id, status }: Pick<Unfinished, 'id' | 'status'>): Promise<boolean> {
    if (status === 'RUNNING' || this.cells.has(id)) return true;
    this.fenced.delete(id);
    return false;
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
    const close = (): void => {
      open = false;
      cell?.events.delete(events);
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
      saveRoot: () => ask('save', () => undefined),
      write: async (offset, bytes, end) => {
        await ask(`write ${offset} ${Buffer.from(bytes).toString()}${end ? ' end' : ''}`, () => undefined);
        return offset + bytes.length;
      },
      resize: ({ rows, columns }) => ask(`resize ${rows} ${columns}`, () => undefined),
      onRoom: () => () => undefined,
      responds: async () => {
        if (cell !== undefined) cell.asked += 1;
        return cell?.stuck !== true;
      },
      leave: close,
      close,
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

  async release(id: string): Promise<void> {
    this.secrets.delete(id);
    this.steps.push(`release ${id}`);
  }

  async sweep(isOpen: (id: string) => boolean, isKept: (id: string) => Promise<boolean>): Promise<void> {
    this.steps.push('sweep');
    for (const id of [...this.stdin.keys()]) if (!(await isKept(id))) this.stdin.delete(id);
    for (const [id, cell] of this.cells) if (!isOpen(id)) cell.end = undefined;
  }

  async usage(id: string): Promise<Usage | null> {
    return this.cells.get(id)?.alive === true ? this.used : null;
  }

  async isolation(id: string): Promise<Isolation | null> {
    return (this.cells.get(id)?.startedAt ?? null) === null ? null : CONFINED;
  }

  async openArtifact(): Promise<ArtifactContent | undefined> {
    return undefined;
  }

  async hasLog(id: string): Promise<boolean> {
    return this.cells.has(id);
  }

  async readLog(id: string, { mostBytes, closed, ...request }: LogRead): Promise<LogBatch> {
    const at = this.#startOf(id, request);
    return read(this.#output(id, request.stream), at, mostBytes, closed, request);
  }

  async lineCount(id: string, _closed: boolean, stream?: LogStream): Promise<number> {
    return linesIn(this.#output(id, stream)).length;
  }

  async logDigests(id: string): Promise<LogDigests> {
    const digestOf = (stream: LogStream) => {
      const text = this.#output(id, stream)
        .pieces.map((piece) => piece.text)
        .join('');
      return { bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') };
    };
    return {
      STDOUT: digestOf('STDOUT'),
      STDERR: digestOf('STDERR'),
      TERMINAL: digestOf('TERMINAL'),
      droppedBytes: 0,
      damagedBytes: 0,
    };
  }

  async checkCursor(id: string, cursor: string): Promise<void> {
    this.#startOf(id, { after: cursor });
  }

  followLog(
    id: string,
    { follow, closed, onClosed, release, ...request }: LogFollow,
  ): AsyncIterableIterator<LogBatch, undefined> {
    const { bell } = this.cell(id).log;
    let at = this.#startOf(id, request);
    if (request.grep !== undefined) compilePattern(request.grep, request.regex ?? false);
    const forget = onClosed(() => bell.ring());
    let over = false;
    return pull<LogBatch>(
      async (signal) => {
        while (!over) {
          const seen = bell.rings;
          const output = this.#output(id, request.stream);
          const page = read(output, at, Number.POSITIVE_INFINITY, closed(), request);
          at = placeOf(page.cursor);
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

  #output(id: string, stream?: LogStream): Output {
    let lengthBytes = 0;
    const pieces: Placed[] = [];
    for (const piece of this.cell(id).log.pieces) {
      if ((stream ?? piece.stream) === piece.stream) pieces.push({ ...piece, at: lengthBytes });
      lengthBytes += piece.text.length;
    }
    return { pieces, lengthBytes };
  }

  /** The byte of the whole log at which reading begins: cursors are such numbers. */
  #startOf(id: string, start: LogStart): Start {
    checkStart({ ...start, ...(start.after !== undefined && { after: '0' }) });
    const { after, line, tail, sinceNs, offset, stream } = start;
    const { pieces, lengthBytes } = this.#output(id, stream);
    if (after !== undefined) {
      if (!/^\d+(\+\d+)?$/.test(after) || placeOf(after).at > lengthBytes)
        throw new CursorError('a cursor of this log', after);
      return placeOf(after);
    }
    const from = (at = lengthBytes): Start => ({ at, trailing: 0 });
    if (sinceNs !== undefined) return from(pieces.find(({ timeNs }) => timeNs >= sinceNs)?.at);
    const places = pieces.flatMap(({ at, text }) => Array.from(text, (_character, index) => at + index));
    if (offset !== undefined) return from(places[offset]);
    if (tail === undefined && line === undefined) return from(0);
    const text = pieces.map((piece) => piece.text).join('');
    const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
    const before = tail === undefined ? (line ?? 1) - 1 : Math.max(0, lines.length - tail);
    return from(places[lines.slice(0, before).join('').length]);
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

/** The output of a job, or of one of its streams. */
interface Output {
  readonly pieces: readonly Placed[];
  /** Of both streams. */
  readonly lengthBytes: number;
}

const pageOf = (
  { pieces, lengthBytes }: Output,
  at: number,
  mostBytes: number,
  closed: boolean,
): LogBatch => {
  let room = mostBytes;
  const entries: LogEntry[] = [];
  for (const piece of pieces) {
    const skipped = Math.max(0, at - piece.at);
    const text = piece.text.slice(skipped, skipped + room);
    room -= text.length;
    if (text !== '') entries.push(entryOf({ ...piece, at: piece.at + skipped, text }));
  }
  const last = pieces.at(-1);
  const isAll =
    last === undefined || room > 0 || entries.at(-1)?.cursor === String(last.at + last.text.length);
  const cursor = isAll ? String(lengthBytes) : (entries.at(-1)?.cursor ?? String(at));
  return { entries, cursor, endOfLog: closed && isAll, droppedBytes: 0, damagedBytes: 0 };
};

/** The lines that are searched for, and their context, each line in one stream. */
const found = (
  output: Output,
  { at, trailing }: Start,
  mostBytes: number,
  closed: boolean,
  { grep = '', regex = false, context = 0 }: LogGrep,
): LogBatch => {
  const pattern = compilePattern(grep, regex);
  const lines = linesIn(output).filter((line) => line.at >= at);
  const whole = closed ? lines : lines.filter(({ text }) => text.endsWith('\n'));
  const matches = whole.map(({ text }) => pattern.matches(Buffer.from(text.replace(/\n$/, ''))));
  const lastMatch = (index: number): number => matches.lastIndexOf(true, index);
  const isWanted = (index: number): boolean =>
    index < trailing || matches.slice(Math.max(0, index - context), index + context + 1).includes(true);
  let room = mostBytes;
  const entries: LogEntry[] = [];
  const cursorAfter = (index: number): string => {
    const line = whole[index];
    const match = index < 0 ? -1 : lastMatch(index);
    const left = Math.max(trailing - index - 1, match < 0 ? 0 : context - (index - match));
    return `${line === undefined ? at : line.at + line.text.length}${left > 0 ? `+${left}` : ''}`;
  };
  const page = (cursor: string, endOfLog: boolean): LogBatch => ({
    entries,
    cursor,
    endOfLog,
    droppedBytes: 0,
    damagedBytes: 0,
  });
  for (const [index, line] of whole.entries()) {
    if (!isWanted(index)) continue;
    if (room <= 0 || (line.text.length > room && entries.length > 0))
      return page(entries.at(-1)?.cursor ?? cursorAfter(-1), false);
    entries.push({ ...entryOf(line), matched: matches[index] === true, cursor: cursorAfter(index) });
    room -= line.text.length;
  }
  if (closed) return page(String(output.lengthBytes), true);
  // What is no context so far may become that of a line to come.
  const last = Math.max(
    whole.length - 1 - context,
    whole.findLastIndex((_line, index) => isWanted(index)),
  );
  return page(cursorAfter(last), false);
};

const read = (output: Output, start: Start, mostBytes: number, closed: boolean, grep: LogGrep): LogBatch =>
  grep.grep === undefined
    ? pageOf(output, start.at, mostBytes, closed)
    : found(output, start, mostBytes, closed, grep);

/** Where reading begins, and how many lines there are context of a match before it. */
interface Start {
  readonly at: number;
  readonly trailing: number;
}

const placeOf = (cursor: string): Start => {
  const [at = '0', trailing = '0'] = cursor.split('+');
  return { at: Number(at), trailing: Number(trailing) };
};

const linesIn = ({ pieces }: Output): readonly Placed[] => pieces.flatMap(linesOf);

const linesOf = (piece: Placed): readonly Placed[] =>
  Array.from(piece.text.matchAll(/[^\n]*\n|[^\n]+$/g), ({ 0: text, index }) => ({
    ...piece,
    at: piece.at + index,
    text,
  }));

const entryOf = ({ stream, timeNs, text, at }: Placed): LogEntry => ({
  stream,
  timeNs,
  text,
  bytes: Buffer.from(text),
  resized: null,
  cursor: String(at + text.length),
});

const IDS = [{ inside: 0, outside: 100_000, count: 65_536 }];

/** What confines every command that was executed. */
const CONFINED: Isolation = {
  namespaces: ['user', 'pid', 'mnt', 'uts', 'ipc', 'net', 'cgroup'].map((kind, index) => ({
    kind,
    inode: 4_026_532_000 + index,
    shared: false,
  })),
  uid: 100_000,
  gid: 100_000,
  uidMap: IDS,
  gidMap: IDS,
  capabilities: { inheritable: [], permitted: [], effective: [], bounding: [], ambient: [] },
  noNewPrivileges: true,
  seccomp: 2,
  cgroup: null,
};

/** The end of a cell that was asked to stop. */
export const stoppedBy = (signal: string): FinalState => ({
  ...exited(0),
  status: 'STOPPED',
  termination: { kind: 'signaled', signal },
  error: null,
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
    input: null,
    artifacts: [],
  }) satisfies FinalState;
