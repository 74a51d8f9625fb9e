/** Writes to the standard input of a running job, in the place where the last write ended. */

import type { FairLimit } from '../async/fair-limit.ts';
import { type CellConnection, CellRefusal, InputRefusal } from './cells.ts';
import type { Changes } from './changes.ts';
import { badInput, type ClientError, notRunning, stdinClosed, unavailable } from './errors.ts';
import { isFinal, type Job } from './job.ts';
import { nextChange } from './watch.ts';

/** The most bytes that one request may write. */
export const LARGEST_WRITE_BYTES = 1024 * 1024;
/** Bytes that a supervisor takes at once. */
const PIECE_BYTES = 64 * 1024;
/** How many of these are sent before the first is answered. */
const PIECES_AT_ONCE = 4;
/** How long a request whose first byte is not accepted waits until it is. */
const ROOM_MOST_MS = 5_000;
/**
 * How long a request of which a part has been accepted waits for more room, so that the rest is not sent again and
 * again.
 */
const MORE_ROOM_MOST_MS = 250;
/** A supervisor that is gone has left a record, which is about to be stored. */
const END_MOST_MS = 10_000;

/** Bytes for the standard input of a job. */
export interface StdinWrite {
  /** How many bytes were written before. */
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** The input ends after these bytes. */
  readonly endOfInput: boolean;
}

/** The result of a write. */
export interface StdinWritten {
  readonly job: Job;
  /** How many bytes of this write have been accepted, by it or by an earlier one with the same bytes. */
  readonly acceptedBytes: number;
  /** How many bytes the job has accepted in all: where the next write belongs. */
  readonly totalBytes: number;
}

/** How the job of one write is reached. */
export interface StdinOptions {
  readonly changes: Changes;
  readonly find: () => Promise<Job>;
  /** The supervisor of the job, while it can be reached. */
  readonly connection: () => CellConnection | undefined;
  /** Ends the wait for room: the client is gone. */
  readonly over: AbortSignal;
  /** One for each job: pieces of several clients may not come between each other, or some would be accepted after a gap. */
  readonly turns: FairLimit;
}

/**
 * Writes what the command has room for. When it has none, or has not started yet, waits for some seconds until it has.
 *
 * @throws ClientError for an offset beyond what was accepted, and when nobody reads the input any more
 */
export const writeStdin = async (
  id: string,
  { offset, bytes, endOfInput }: StdinWrite,
  { changes, find, connection, over, turns }: StdinOptions,
): Promise<StdinWritten> => {
  if (bytes.length > LARGEST_WRITE_BYTES)
    throw badInput('input', `at most ${LARGEST_WRITE_BYTES} bytes to write`, `${bytes.length} bytes`);
  const started = nextChange(changes, id, ({ state }) => state.status !== 'QUEUED', ROOM_MOST_MS);
  try {
    let job = await find();
    if (isFinal(job.state)) throw notRunning('input.jobId', job.state.status);
    if (!job.spec.openStdin)
      throw badInput('input.jobId', 'a job that was submitted with openStdin', 'one without');
    if (job.state.status === 'QUEUED') job = (await first(started.job, over)) ?? job;
    if (isFinal(job.state)) throw notRunning('input.jobId', job.state.status);
    const supervisor = job.state.status === 'RUNNING' ? connection() : undefined;
    if (supervisor === undefined) return { job, acceptedBytes: 0, totalBytes: offset };
    const inTurn: InTurn = (work) => turns.take(id, work);
    return { job, ...(await writePieces(supervisor, { offset, bytes, endOfInput }, over, inTurn)) };
  } catch (error) {
    if (error instanceof InputRefusal) throw refusal(error, offset);
    if (error instanceof CellRefusal) throw await afterEnd(id, error, { changes, find });
    throw error;
  } finally {
    started.forget();
  }
};

/** Runs something while nothing else is written to the job. */
type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

const writePieces = async (
  supervisor: CellConnection,
  { offset, bytes, endOfInput }: StdinWrite,
  over: AbortSignal,
  inTurn: InTurn,
): Promise<Omit<StdinWritten, 'job'>> => {
  const untilMs = performance.now() + ROOM_MOST_MS;
  for (let at = 0; ; ) {
    // Subscribed before the write: there may be room right after it.
    const room = roomOf(supervisor, over);
    try {
      const rest = bytes.subarray(at, at + PIECES_AT_ONCE * PIECE_BYTES);
      const isLast = at + rest.length === bytes.length;
      const written = await inTurn(() => writeAtOnce(supervisor, offset + at, rest, isLast && endOfInput));
      const { taken, total, refused } = written;
      at += taken;
      // What was accepted is reported first: a client would otherwise write it again.
      if (refused !== undefined && at === 0) throw refused;
      if (refused !== undefined) return { acceptedBytes: at, totalBytes: total };
      if (taken === rest.length) {
        if (isLast) return { acceptedBytes: at, totalBytes: total };
      } else if (!(await room.wait(at === 0 ? untilMs : performance.now() + MORE_ROOM_MOST_MS)))
        return { acceptedBytes: at, totalBytes: total };
    } finally {
      room.forget();
    }
  }
};

/**
 * Writes a piece, and then others without waiting for the answer to one before the next is sent. A piece after one that was not accepted in
 * full is refused, since there is a gap before it.
 *
 * @returns how many of these bytes were accepted, how many bytes in total, and why a piece was refused, other than for such
 *   a gap
 */
const writeAtOnce = async (
  supervisor: CellConnection,
  offset: number,
  bytes: Uint8Array,
  end: boolean,
): Promise<{ readonly taken: number; readonly total: number; readonly refused?: InputRefusal }> => {
  const answers: Promise<number>[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += PIECE_BYTES) {
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    answers.push(supervisor.write(offset + at, piece, end && at + piece.length === bytes.length));
    // Where another client has written what begins at this offset, a later piece may fit after that.
    if (at === 0 && !(await isWhole(answers[0], offset + piece.length))) break;
  }
  let [taken, total] = [0, offset];
  for (const [index, answer] of (await Promise.allSettled(answers)).entries()) {
    if (answer.status === 'rejected') {
      const { reason } = answer;
      if (!(reason instanceof InputRefusal)) throw reason;
      if (index > 0 && reason.reason === 'gap') break;
      return { taken, total: reason.acceptedBytes, refused: reason };
    }
    total = answer.value;
    const end = Math.min(bytes.length, (index + 1) * PIECE_BYTES);
    taken = Math.max(taken, Math.min(end, total - offset));
  }
  return { taken, total };
};

/** Whether a piece was accepted up to its end. */
const isWhole = async (answer: Promise<number> | undefined, end: number): Promise<boolean> => {
  const [outcome] = await Promise.allSettled([answer]);
  return outcome.status === 'fulfilled' && (outcome.value ?? 0) >= end;
};

/** Waits until the command has read more. */
const roomOf = (supervisor: CellConnection, over: AbortSignal) => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const forget = supervisor.onRoom(() => resolve(true));
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => resolve(false);
  return {
    /** Whether there may be room now; false when the time for it is over. */
    wait: (untilMs: number): Promise<boolean> => {
      timer = setTimeout(stop, Math.max(0, untilMs - performance.now()));
      if (over.aborted) stop();
      over.addEventListener('abort', stop);
      return promise;
    },
    forget: (): void => {
      forget();
      clearTimeout(timer);
      over.removeEventListener('abort', stop);
    },
  };
};

/** A promise, or `undefined` when the client is gone first. */
const first = async <T>(promise: Promise<T>, over: AbortSignal): Promise<T | undefined> => {
  const { promise: gone, resolve } = Promise.withResolvers<undefined>();
  const stop = (): void => resolve(undefined);
  if (over.aborted) stop();
  over.addEventListener('abort', stop);
  try {
    return await Promise.race([promise, gone]);
  } finally {
    over.removeEventListener('abort', stop);
  }
};

const refusal = ({ reason, acceptedBytes }: InputRefusal, offset: number): ClientError => {
  switch (reason) {
    case 'gap':
      return badInput(
        'input.offset',
        `at most ${acceptedBytes}, which is how many bytes were accepted so far`,
        offset,
      );
    case 'other':
      return badInput(
        'input.offset',
        `the bytes that were accepted from there on, or ${acceptedBytes}, where the next ones belong`,
        'other bytes: somebody else writes to this job too',
      );
    case 'ended':
      return stdinClosed(`the end of the input was written after ${acceptedBytes} bytes`);
    case 'closed':
      return stdinClosed(`the command has closed it after it was given ${acceptedBytes} bytes`);
  }
};

/** The supervisor is gone: the job has ended, or is about to. */
const afterEnd = async (
  id: string,
  error: CellRefusal,
  { changes, find }: Pick<StdinOptions, 'changes' | 'find'>,
): Promise<ClientError> => {
  const ended = nextChange(changes, id, ({ state }) => isFinal(state), END_MOST_MS);
  try {
    const now = await find();
    const job = isFinal(now.state) ? now : await ended.job;
    if (job !== undefined) return notRunning('input.jobId', job.state.status);
    return unavailable(`the supervisor of the job did not carry out the request: ${error.message}`);
  } finally {
    ended.forget();
  }
};
