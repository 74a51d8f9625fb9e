/** The control socket of a supervisor, on the server's side. */

import { closeSync, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { JOB_FILES } from '../../state/paths.ts';
import type { TerminalSize } from '../log/page.ts';

/** What a supervisor reports over its control socket (protocol: `launcher/control.h`). */
export interface ControlEvents {
  /** The command was executed. Called as well if it already runs when the connection is established. */
  running(startedAt: Date, pausedAt: Date | null): void;
  /** All processes of the cell are frozen. */
  paused?(since: Date): void;
  /** They run again. */
  resumed?(): void;
  /**
   * The supervisor is gone: its exit record exists, or never will. Called once, also when no connection could be made.
   */
  ended(): void;
}

/** A supervisor refused a request or could not carry it out. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

// sockaddr_un has room for 108 bytes with the closing NUL (unix(7)).
const LONGEST_PATH = 107;
/** Requests are answered at once, so this is for a machine that is very busy. */
const ANSWER_MS = 10_000;
/** What a cell has written is copied to the disk before the answer. */
const SAVE_MS = 120_000;
/** What it answers once the command has ended. */
const ENDED = 'it does not run';

/** The supervisor is gone, or about to be. */
export class ControlGone extends ControlError {
  constructor(message = 'its supervisor is gone', options?: ErrorOptions) {
    super(message, options);
  }
}

/** The error that a refusal of a supervisor is. */
export const controlRefusal = (message: string): ControlError =>
  message === ENDED ? new ControlGone(message) : new ControlError(message);

/** A supervisor did not answer: it is stopped, or the machine is very busy. */
export class ControlTimeout extends ControlError {}

/** Where the control socket in a job's folder is reached. `release` is to be called when the connection is over. */
export const controlAddress = (folder: string): { readonly path: string; readonly release: () => void } => {
  const path = join(folder, JOB_FILES.control);
  if (Buffer.byteLength(path) <= LONGEST_PATH) return { path, release: () => undefined };
  const file = openSync(folder, 'r');
  return { path: `/proc/self/fd/${file}/${JOB_FILES.control}`, release: () => closeSync(file) };
};

/** The connection to the supervisor of one job. */
export class Control {
  readonly #socket: Socket;
  readonly #release: () => void;
  /** Requests that wait for an answer: answers arrive in the order of the requests. */
  readonly #waiting: PromiseWithResolvers<string>[] = [];
  readonly #room = new Set<() => void>();
  /** Requests are taken. */
  #open = true;
  /** What the supervisor reports matters no more, its answers do. */
  #leaving = false;
  #released = false;

  /** @param folder the job's folder, which holds the socket */
  constructor(folder: string, events: ControlEvents) {
    const { path, release } = controlAddress(folder);
    this.#release = release;
    this.#socket = createConnection(path);
    // The reason does not matter: there is no supervisor at the other end.
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => {
      this.#end();
      if (!this.#leaving) events.ended();
    });
    let text = '';
    this.#socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#take(line, events);
    });
  }

  #take(line: string, events: ControlEvents): void {
    const [, word, rest = ''] = /^(\S*) ?(.*)$/.exec(line) ?? [];
    if (word === 'ok' || word === 'accepted') this.#waiting.shift()?.resolve(rest);
    else if (word === 'error') this.#waiting.shift()?.reject(controlRefusal(rest));
    else if (this.#leaving) return;
    else if (word === 'running') {
      const [started = '', paused = '0'] = rest.split(' ');
      events.running(toDate(started), paused === '0' ? null : toDate(paused));
    } else if (word === 'paused') events.paused?.(toDate(rest));
    else if (word === 'resumed') events.resumed?.();
    else if (word === 'room') for (const listener of [...this.#room]) listener();
    if (this.#leaving && this.#waiting.length === 0) this.close();
  }

  /**
   * The stop signal of the plan to the processes of its scope, and SIGKILL to the whole cell when they have ended, or
   * after `gracePeriodMs`. A paused one is resumed first.
   * Settles, as the others do, when the supervisor has begun with it.
   *
   * @throws ControlError, as the others do, when it refuses or is gone
   */
  async stop(gracePeriodMs: number): Promise<void> {
    await this.#ask(`stop ${gracePeriodMs}`);
  }

  /** Sends a signal, by its number, to the command. A paused one receives it when it is resumed. */
  async signal(number: number): Promise<void> {
    await this.#ask(`signal ${number}`);
  }

  /** Freezes the processes of the cell; `paused` is called once they are frozen. */
  async pause(): Promise<void> {
    await this.#ask('pause');
  }

  /** Copies what a paused cell has changed of its image into the job's folder; settles when that is done. */
  async save(): Promise<void> {
    await this.#ask('save', undefined, SAVE_MS);
  }

  /** Thaws them; `resumed` is called once they run. */
  async resume(): Promise<void> {
    await this.#ask('resume');
  }

  /**
   * Writes to the standard input of the command what it has room for.
   *
   * @param offset bytes that were written before these
   * @param bytes at most 64 KiB
   * @param end the input ends after these bytes
   * @returns bytes accepted in all
   * @throws ControlError whose message is "gap", "other", "ended" or "closed" and the bytes accepted so far: see
   *   `launcher/input.h`
   */
  async write(offset: number, bytes: Uint8Array, end: boolean): Promise<number> {
    return Number(await this.#ask(`write ${offset} ${bytes.length} ${end ? 1 : 0}`, bytes));
  }

  /** Changes the size of the terminal. */
  async resize({ rows, columns }: TerminalSize): Promise<void> {
    await this.#ask(`resize ${rows} ${columns}`);
  }

  /** Calls a listener when there may be room after a write that was not accepted in full, and when there is no more. */
  onRoom(listener: () => void): () => void {
    this.#room.add(listener);
    return () => {
      this.#room.delete(listener);
    };
  }

  /** Whether the supervisor answers in time, or is gone, which `ended` reports. */
  async responds(): Promise<boolean> {
    try {
      // No supervisor knows this request, and each refuses it.
      await this.#ask('ping');
    } catch (error) {
      return !(error instanceof ControlTimeout);
    }
    return true;
  }

  /**
   * Closes the connection when what was asked has been answered, and at the latest when an answer is late: the end of a job
   * may be noticed before an answer that its supervisor gave before it.
   */
  leave(): void {
    this.#open = false;
    this.#leaving = true;
    if (this.#waiting.length === 0) this.close();
  }

  /** Closes the connection; the job continues. */
  close(): void {
    this.#socket.removeAllListeners('close');
    this.#end();
    this.#socket.destroy();
  }

  /** @returns what follows the first word of the answer */
  #ask(request: string, payload?: Uint8Array, atMostMs = ANSWER_MS): Promise<string> {
    const answer = Promise.withResolvers<string>();
    if (!this.#open) return Promise.reject(new ControlGone());
    // It stays in the line: an answer that comes later still belongs to this request.
    this.#waiting.push(answer);
    // As one: a supervisor may answer the line and exit, and a write after that would lose the answer.
    this.#socket.cork();
    this.#socket.write(`${request}\n`);
    if (payload !== undefined && payload.length > 0) this.#socket.write(payload);
    this.#socket.uncork();
    const late = (): void => {
      answer.reject(new ControlTimeout(`it did not answer within ${atMostMs / 1000} s`));
      if (this.#leaving) this.close();
    };
    const timer = setTimeout(late, atMostMs);
    return answer.promise.finally(() => clearTimeout(timer));
  }

  #end(): void {
    if (!this.#released) this.#release();
    this.#released = true;
    this.#open = false;
    for (const { reject } of this.#waiting.splice(0)) reject(new ControlGone());
    for (const listener of [...this.#room]) listener();
  }
}

/** A wall clock in nanoseconds, as the launcher prints it. */
const toDate = (nanoseconds: string): Date => new Date(Number(BigInt(nanoseconds || '0') / 1_000_000n));
