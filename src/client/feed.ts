/** Writes to the standard input of a job while it runs. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from './connection.ts';
import { ConnectionLost, InputLost, ServerError } from './errors.ts';
import { WriteStdinDocument } from './generated/operations.ts';
import { request } from './request.ts';
import type { StdinSource } from './stdin.ts';

/** Milliseconds to wait when nothing was accepted. A server waits for longer itself, unless it has just started. */
const REST_MS = 50;
/** The job needs no more input. */
const OVER = ['JOB_NOT_RUNNING', 'STDIN_CLOSED'];
/** The most bytes of a request, well below what a server takes. */
const PIECE_BYTES = 256 * 1024;

/** Writes to one job, each byte once and in order, over as many connections as needed. */
export class StdinWriter {
  readonly #connection: Connection;
  readonly #jobId: string;
  #offset = 0;

  constructor(connection: Connection, jobId: string, offset = 0) {
    this.#connection = connection;
    this.#jobId = jobId;
    this.#offset = offset;
  }

  /**
   * Settles when the job has accepted all of it.
   *
   * @returns whether the job takes more
   */
  async write(bytes: Uint8Array, endOfInput = false): Promise<boolean> {
    for (let at = 0; ; ) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      const accepted = await this.#request(piece, endOfInput && at + piece.length === bytes.length);
      if (accepted === undefined) return false;
      at += accepted;
      this.#offset += accepted;
      if (at === bytes.length) return !endOfInput;
      if (accepted === 0) await pause(REST_MS);
    }
  }

  /** @returns bytes that were accepted; `undefined` when the job needs no more */
  async #request(bytes: Uint8Array, endOfInput: boolean): Promise<number | undefined> {
    const input = {
      jobId: this.#jobId,
      offset: this.#offset,
      bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
      endOfInput,
    };
    for (let failures = 0; ; failures++) {
      try {
        const { writeStdin } = await request(this.#connection, WriteStdinDocument, { input });
        return writeStdin.accepted;
      } catch (error) {
        if (error instanceof ServerError && OVER.includes(error.code ?? '')) return undefined;
        const waitMs = this.#connection.retryDelays[failures];
        // The bytes that an answer which was lost would have counted are not written again.
        if (!isPassing(error) || waitMs === undefined) throw error;
        await pause(waitMs);
      }
    }
  }
}

/** Whether a server that starts again will answer. */
const isPassing = (error: unknown): boolean =>
  error instanceof ConnectionLost || (error instanceof ServerError && error.code === 'SHUTTING_DOWN');

/**
 * Feeds a job to the end of the source, or until it needs no more.
 *
 * @throws InputLost when the source cannot be read, and as `request` does
 */
export const feed = async (connection: Connection, jobId: string, source: StdinSource): Promise<void> => {
  const writer = new StdinWriter(connection, jobId);
  const pieces = source.pieces[Symbol.asyncIterator]();
  for (;;) {
    const piece = await read(pieces);
    if (!(await writer.write(piece ?? new Uint8Array(0), piece === undefined))) return;
  }
};

const read = async (pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array | undefined> => {
  try {
    const { done, value } = await pieces.next();
    return done === true ? undefined : value;
  } catch (error) {
    throw new InputLost(`standard input: ${error instanceof Error ? error.message : String(error)}`, 1, {
      cause: error,
    });
  }
};
