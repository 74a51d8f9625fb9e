/** Writes to the standard input of a job while it runs. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { ConnectionLost, InputLost, ServerError } from './errors.ts';
import { gather } from './gather.ts';
import { WriteStdinDocument, type WriteStdinInput } from './generated/operations.ts';
import { request } from './request.ts';
import type { StdinSource } from './stdin.ts';

/** Milliseconds to wait when nothing was accepted. A server waits for longer itself, unless it has just started. */
const REST_MS = 50;
/** The job needs no more input. */
const OVER = ['JOB_NOT_RUNNING', 'STDIN_CLOSED'];
/**
 * Bytes of a request: the first one, the least, and the most, which is what a server accepts. After a request that was
 * accepted in full the next has twice as many, so that fewer answers are waited for; of what a slow job does not accept,
 * little is sent again.
 */
const PIECE_BYTES = { first: 256 * 1024, least: 64 * 1024, most: 1024 * 1024 } as const;

/**
 * Writes to one job, each byte once and in order, over as many connections as needed. Where others write too, a write
 * is interrupted by theirs only if the job does not accept it at once.
 */
export class StdinWriter {
  readonly #connection: Connection;
  readonly #jobId: string;
  readonly #shared: boolean;
  #offset: number | undefined;
  #pieceBytes: number = PIECE_BYTES.first;
  #acceptedBytes = 0;

  /** @param shared others write to the job too, or have written: our bytes are appended to theirs */
  constructor(connection: Connection, jobId: string, { shared = false } = {}) {
    this.#connection = connection;
    this.#jobId = jobId;
    this.#shared = shared;
    this.#offset = shared ? undefined : 0;
  }

  /** Bytes of ours that the job has accepted. */
  get acceptedBytes(): number {
    return this.#acceptedBytes;
  }

  /**
   * Settles when the job has accepted all of it.
   *
   * @returns whether the job takes more
   */
  async write(bytes: Uint8Array, endOfInput = false): Promise<boolean> {
    for (let at = 0; ; ) {
      const piece = bytes.subarray(at, at + this.#pieceBytes);
      const accepted = await this.#request(piece, endOfInput && at + piece.length === bytes.length);
      if (accepted === undefined) return false;
      at += accepted;
      if (accepted < piece.length) this.#pieceBytes = Math.max(PIECE_BYTES.least, this.#pieceBytes / 2);
      else if (piece.length === this.#pieceBytes)
        this.#pieceBytes = Math.min(PIECE_BYTES.most, this.#pieceBytes * 2);
      if (at === bytes.length) return !endOfInput;
      if (accepted === 0) await pause(REST_MS);
    }
  }

  /** @returns bytes that were accepted; `undefined` when the job needs no more */
  async #request(bytes: Uint8Array, endOfInput: boolean): Promise<number | undefined> {
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    for (let failures = 0; ; failures++) {
      try {
        this.#offset ??= (await this.#send({ offset: 0 })).offset;
        const { accepted } = await this.#send({ offset: this.#offset, bytes: base64, endOfInput });
        this.#offset += accepted;
        this.#acceptedBytes += accepted;
        return accepted;
      } catch (error) {
        if (error instanceof ServerError && OVER.includes(error.code ?? '')) return undefined;
        // Somebody else's bytes are at this offset: ours are appended to them.
        if (this.#shared && error instanceof ServerError && error.field === 'input.offset') {
          this.#offset = undefined;
          failures = 0;
          continue;
        }
        const waitMs = this.#connection.retryDelays[failures];
        // Bytes that were accepted, but whose answer was lost, are not written again.
        if (!isPassing(error) || waitMs === undefined) throw error;
        await pause(waitMs);
      }
    }
  }

  async #send(
    input: Omit<WriteStdinInput, 'jobId'>,
  ): Promise<{ readonly accepted: number; readonly offset: number }> {
    const variables = { input: { jobId: this.#jobId, ...input } };
    return (await request(this.#connection, WriteStdinDocument, variables)).writeStdin;
  }
}

/** Whether a server that is restarted will answer. */
const isPassing = (error: unknown): boolean =>
  error instanceof ConnectionLost || (error instanceof ServerError && error.code === 'SHUTTING_DOWN');

/**
 * Feeds a job to the end of the source, or until it needs no more.
 *
 * @throws InputLost when the source cannot be read, and as `request` does
 */
export const feed = async (connection: Connection, jobId: string, source: StdinSource): Promise<void> => {
  const writer = new StdinWriter(connection, jobId);
  const pieces = gather(source.pieces, PIECE_BYTES.most);
  for (;;) {
    const piece = await read(pieces);
    if (!(await writer.write(piece ?? new Uint8Array(0), piece === undefined))) return;
  }
};

const read = async (pieces: AsyncIterator<Uint8Array, void>): Promise<Uint8Array | undefined> => {
  try {
    const { done, value } = await pieces.next();
    return done === true ? undefined : value;
  } catch (error) {
    throw new InputLost(`standard input: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    });
  }
};
