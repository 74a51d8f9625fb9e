/** Connects our terminal to that of a job: input goes to the job, its output comes back. */

import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { ConnectionLost, ServerError } from './errors.ts';
import { StdinWriter } from './feed.ts';
import { gather } from './gather.ts';
import { ResizeTerminalDocument } from './generated/operations.ts';
import { type LogRequest, readLogs } from './logs.ts';
import { note, write } from './output.ts';
import { request } from './request.ts';

/** The size that is assumed for a terminal of unknown size. */
const USUAL = { rows: 24, columns: 80 } as const;
/** A window that is being resized has many sizes: one is sent when it has been the same for this many milliseconds. */
const SETTLED_MS = 60;

/** The most bytes of typed or pasted input that the job has not taken yet: keys to detach are found after them. */
const PASTED_BYTES = 16 * 1024 * 1024;
/** How long detaching waits until the job has taken earlier input: a job that does not read never does. */
const LEFT_MOST_MS = 1000;

export const DETACH_KEYS = 'ctrl-p,ctrl-q';

/** The size of our terminal, at most what a server accepts. */
export const ownSize = (): { readonly rows: number; readonly columns: number } => {
  const { rows = 0, columns = 0 } = process.stdout;
  const bounded = (count: number, usual: number): number => (count > 0 ? Math.min(count, 4096) : usual);
  return { rows: bounded(rows, USUAL.rows), columns: bounded(columns, USUAL.columns) };
};

/**
 * The bytes of a sequence of keys such as "ctrl-p,ctrl-q" or "ctrl-a,d".
 *
 * @returns `undefined` when the text is not a sequence of keys
 */
export const parseKeys = (text: string): Buffer | undefined => {
  const bytes: number[] = [];
  for (const key of text.split(',')) {
    const [, control] = /^ctrl-([a-z@[\\\]^_])$/i.exec(key) ?? [];
    if (control !== undefined) bytes.push(control.toUpperCase().charCodeAt(0) & 0x1f);
    else if (/^[\x20-\x7e]$/.test(key)) bytes.push(key.charCodeAt(0));
    else return undefined;
  }
  return Buffer.from(bytes);
};

/** Finds a sequence of keys in the input, even if it arrives in pieces. */
export class KeyFilter {
  readonly #keys: Buffer;
  #held = 0;

  /** @param keys the sequence; empty: no sequence is looked for */
  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** @returns the bytes to pass on, and whether the sequence is complete after them */
  take(typed: Uint8Array): { readonly bytes: Uint8Array; readonly complete: boolean } {
    const [first] = this.#keys;
    if (this.#held === 0 && (first === undefined || !typed.includes(first)))
      return { bytes: typed, complete: false };
    const passed: number[] = [];
    for (const byte of typed) {
      if (byte !== this.#keys[this.#held]) {
        // The beginning of a sequence that is not continued.
        passed.push(...this.#keys.subarray(0, this.#held));
        this.#held = 0;
      }
      if (byte === this.#keys[this.#held]) this.#held += 1;
      else passed.push(byte);
      if (this.#keys.length > 0 && this.#held === this.#keys.length)
        return { bytes: Buffer.from(passed), complete: true };
    }
    return { bytes: Buffer.from(passed), complete: false };
  }
}

const ESCAPE = '\x1b';
/** The alternate screen, which editors use (xterm control sequences, DECSET 1049). */
const OTHER_SCREEN = [`${ESCAPE}[?1049h`, `${ESCAPE}[?1049l`] as const;
/** Resets the terminal to what a shell expects: cursor visible, no mouse reports, no bracketed paste, no colours. */
const USUAL_MODES = ['?25h', '?1000l', '?1002l', '?1003l', '?1006l', '?2004l', '?1l', '0m']
  .map((sequence) => `${ESCAPE}[${sequence}`)
  .join('');

/** Our terminal in raw mode: the terminal of the job does line editing and echo. Restored on every exit. */
export class RawTerminal implements Disposable {
  readonly #raw: boolean;
  #otherScreen = false;
  #restored = false;

  constructor() {
    this.#raw = process.stdin.isTTY === true;
    if (this.#raw) process.stdin.setRawMode(true);
    // Node.js leaves the translation of newlines on, which the terminal of the job does already. Without stty lines
    // have one carriage return too many, and editors move the cursor too far.
    if (this.#raw) spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
    process.on('exit', this.#restore);
  }

  /** Tracks the modes that a program sets, to reset them when we detach from it. */
  shown(bytes: Buffer): void {
    const [on, off] = OTHER_SCREEN.map((sequence) => bytes.lastIndexOf(sequence)) as [number, number];
    if (on >= 0 || off >= 0) this.#otherScreen = on > off;
  }

  /** Detaches from a program that continues to run. */
  async leave(): Promise<void> {
    await write(process.stdout, `${this.#otherScreen ? OTHER_SCREEN[1] : ''}${USUAL_MODES}\r\n`);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#restore);
    this.#restore();
  }

  readonly #restore = (): void => {
    if (this.#raw && !this.#restored) process.stdin.setRawMode(false);
    this.#restored = true;
  };
}

/** How the session ended. */
export type SessionEnd = 'ended' | 'detached';

/** How a terminal is connected to a job. */
export interface SessionOptions {
  /** Which part of the earlier output is shown first. */
  readonly from: Pick<LogRequest, 'tail'>;
  /** Pass on input. */
  readonly input: boolean;
  /** Others may have written too: our first byte is not the first of the job. */
  readonly shared: boolean;
  readonly detachKeys: Buffer;
  /** Make the program redraw its screen, which we have not seen. */
  readonly redraw: boolean;
}

/** Connects our terminal to a job until all of its output is shown, or until the person detaches. */
export const workWith = async (
  connection: Connection,
  jobId: string,
  { from, input, shared, detachKeys, redraw }: SessionOptions,
): Promise<SessionEnd> => {
  using terminal = new RawTerminal();
  using sizes = new Sizes(connection, jobId);
  if (redraw) await sizes.nudge();
  const shown = show(connection, jobId, from, terminal, sizes).then(() => 'ended' as const);
  const filter = new KeyFilter(detachKeys);
  const keys = input ? type(new StdinWriter(connection, jobId, { shared }), filter) : watchKeys(filter);
  const typed = keys.then<Left | 'ended'>((left) => left ?? shown);
  for (const either of [shown, typed]) either.catch(() => undefined);
  try {
    const end = await Promise.race([shown, typed]);
    if (end === 'ended') return end;
    await terminal.leave();
    if (end.lostBytes > 0)
      await note(`${end.lostBytes} bytes that were typed last may not have reached the job`);
    return 'detached';
  } finally {
    // Before the descriptor is closed, through which it is set.
    terminal[Symbol.dispose]();
    process.stdin.on('error', () => undefined).destroy();
  }
};

const show = async (
  connection: Connection,
  jobId: string,
  from: SessionOptions['from'],
  terminal: RawTerminal,
  sizes: Sizes,
): Promise<void> => {
  const log = { jobId, ...from, follow: true, withTime: false, withText: false, reached: true };
  for await (const { entries } of readLogs(connection, log)) {
    const bytes = Buffer.concat(entries.map((entry) => Buffer.from(entry.bytes, 'base64')));
    if (entries.length > 0) sizes.started();
    terminal.shown(bytes);
    if (bytes.length > 0) await write(process.stdout, bytes);
  }
};

/** How a person has detached. */
interface Left {
  /** Bytes that were typed before and that the job may still take, but has not. */
  readonly lostBytes: number;
}

/**
 * Passes on input, while earlier input may still be waiting for the job.
 *
 * @returns `undefined` unless the person has detached
 */
const type = async (writer: StdinWriter, filter: KeyFilter): Promise<Left | undefined> => {
  const left = Promise.withResolvers<void>();
  let detached = false;
  let typedBytes = 0;
  // It is also possible to detach from a job that takes no more input.
  let open = true;
  const keys = async function* (): AsyncGenerator<Uint8Array, void> {
    for await (const typed of process.stdin) {
      const { bytes, complete } = filter.take(typed);
      typedBytes += bytes.length;
      if (bytes.length > 0) yield bytes;
      detached = complete;
      if (complete) break;
    }
    if (detached) left.resolve();
  };
  const written = (async () => {
    for await (const bytes of gather(keys(), PASTED_BYTES)) open &&= await writer.write(bytes);
    if (open && !detached) await writer.write(Buffer.alloc(0), true);
  })();
  await Promise.race([written, left.promise.then(() => pause(LEFT_MOST_MS, undefined, { ref: false }))]);
  return detached ? { lostBytes: open ? typedBytes - writer.acceptedBytes : 0 } : undefined;
};

/** The signals of Ctrl-C and Ctrl-\, which a raw terminal does not generate. */
const SIGNAL_KEYS: ReadonlyMap<number, NodeJS.Signals> = new Map([
  [3, 'SIGINT'],
  [28, 'SIGQUIT'],
]);

/**
 * Discards input, but acts on the keys for this program.
 *
 * @returns `undefined` unless the person has detached
 */
const watchKeys = async (filter: KeyFilter): Promise<Left | undefined> => {
  if (process.stdin.isTTY !== true) return undefined;
  for await (const typed of process.stdin as AsyncIterable<Buffer>) {
    for (const byte of typed) {
      const signal = SIGNAL_KEYS.get(byte);
      if (signal !== undefined) process.kill(process.pid, signal);
    }
    if (filter.take(typed).complete) return { lostBytes: 0 };
  }
  return undefined;
};

/** Gives the terminal of a job the size of ours. */
class Sizes implements Disposable {
  readonly #connection: Connection;
  readonly #jobId: string;
  #last = ownSize();
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #isStarted = false;
  #over = false;

  constructor(connection: Connection, jobId: string) {
    this.#connection = connection;
    this.#jobId = jobId;
    process.stdout.on('resize', this.#changed);
  }

  /** The job runs: a size that was changed before is passed on. */
  started(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#changed();
  }

  /** Makes programs redraw their screen, as they do for a new size, although it is the same one. */
  async nudge(): Promise<void> {
    const { rows, columns } = ownSize();
    await this.#send({ rows, columns: columns > 1 ? columns - 1 : columns + 1 });
    this.#last = { rows, columns };
    await this.#send(this.#last);
  }

  [Symbol.dispose](): void {
    this.#over = true;
    clearTimeout(this.#timer);
    process.stdout.off('resize', this.#changed);
  }

  readonly #changed = (): void => {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const size = ownSize();
      if (size.rows === this.#last.rows && size.columns === this.#last.columns) return;
      this.#last = size;
      this.#sending = this.#sending.then(() => this.#send(size));
    }, SETTLED_MS);
  };

  /** The error does not matter: the job has ended, or the server does not come back. */
  async #send(size: { readonly rows: number; readonly columns: number }): Promise<void> {
    for (const waitMs of [...this.#connection.retryDelays, 0]) {
      // The window has another size by now.
      if (this.#over || size.rows !== this.#last.rows) return;
      try {
        await request(this.#connection, ResizeTerminalDocument, { input: { jobId: this.#jobId, ...size } });
        return;
      } catch (error) {
        if (error instanceof ServerError) return;
        if (!(error instanceof ConnectionLost)) throw error;
        await pause(waitMs);
      }
    }
  }
}

/** Ends this program with the exit code of a signal, after restoring the terminal. The job continues. */
export const exitOnSignals = (): void => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const)
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
};
