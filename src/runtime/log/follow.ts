/** Follows a log while it grows. */

import { FairLimit } from '../../async/fair-limit.ts';
import { Bell, pull } from '../../async/pull.ts';
import { LogFile } from './file.ts';
import type { LogBatch, LogGrep, LogStart } from './page.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import { checkStart, findStart, type Position } from './position.ts';
import { readOn } from './reader.ts';
import { searchOn } from './search.ts';
import { watchFile } from './watch.ts';

/** A log that may still grow. */
export interface LogSource {
  readonly path: string;
  /** Whether the writer has closed the log: nothing more will come. */
  closed(): boolean;
  /**
   * Calls `listener` when `closed()` has become true; further calls are harmless.
   *
   * @returns the release
   */
  onChange(listener: () => void): () => void;
}

/** From where on a log is followed. */
export interface FollowRequest extends LogStart, LogGrep {
  /** Wait for more until the log is closed; otherwise complete at the present end. */
  readonly follow: boolean;
}

/** Bytes of payload in a page at most. */
export const PAGE_BYTES = 64 << 10;

// Milliseconds between two reads of a log that keeps growing, unless a page is full.
const WINDOW_MS = 8;

// The followers of a log that a thousand follow wait for each other; the followers of another log do not.
const readLimit = new FairLimit(8);

/**
 * The log from the start that `request` names, then as it grows, without gap or duplicate. Completes when the log is
 * closed and all of it was sent; the last page has `endOfLog`. A page is read when `next()` asks for it; between two
 * calls no bytes are held, and the file is open only while more of it is known to be there. The first bytes after a
 * pause are sent at once. With `grep`, only its lines are sent, each when it is whole.
 *
 * `return()` settles at once, also while `next()` waits. Nothing is acquired before the first `next()`.
 *
 * @param release called once, when the iterator is over
 * @throws CursorError for a malformed `after`; `next()` rejects with one when the cursor is not of this log
 * @throws RangeError for more than one way to begin, or an impossible number
 * @throws PatternError for a bad `grep`
 */
export const followLog = (
  source: LogSource,
  request: FollowRequest,
  release: () => void = () => undefined,
): AsyncIterableIterator<LogBatch, undefined> => {
  checkStart(request);
  const follower = new Follower(source, request);
  return pull(
    (signal) => follower.next(signal),
    () => {
      follower.release();
      release();
    },
  );
};

/** The log as it was when it was last read. */
interface Look {
  readonly file: LogFile;
  /** Whether it was closed by then. */
  readonly closed: boolean;
}

class Follower {
  readonly #source: LogSource;
  readonly #request: FollowRequest;
  readonly #pattern: Pattern | undefined;
  readonly #growth = new Bell();
  readonly #closing = new Bell();
  readonly #releases: (() => void)[] = [];
  #watchFailure: Error | undefined;
  #position: Position | undefined;
  /** The state of the log that the last page did not exhaust. */
  #look: Look | undefined;
  /** When the log was last found grown, on the clock of `performance.now()`. */
  #grewAt = Number.NEGATIVE_INFINITY;
  #complete = false;

  constructor(source: LogSource, request: FollowRequest) {
    this.#source = source;
    this.#request = request;
    const { grep, regex = false } = request;
    this.#pattern = grep === undefined ? undefined : compilePattern(grep, regex);
  }

  async next(signal: AbortSignal): Promise<IteratorResult<LogBatch, undefined>> {
    if (this.#request.follow && this.#releases.length === 0) this.#arm();
    while (!this.#complete) {
      await this.#coalesce(signal);
      const seen = this.#growth.rings;
      const page = await readLimit.take(this.#source.path, () => this.#read(signal));
      this.#complete = page.endOfLog || (!this.#request.follow && this.#look === undefined);
      if (page.entries.length > 0 || page.droppedBytes > 0 || page.endOfLog)
        return { done: false, value: page };
      // A search that has found nothing so far has more to read at once.
      if (!this.#complete && this.#look === undefined) await this.#growth.wait(seen, signal);
      if (this.#watchFailure !== undefined) throw this.#watchFailure;
    }
    return { done: true, value: undefined };
  }

  release(): void {
    for (const release of this.#releases) release();
    // A step closes what it has opened.
    const look = this.#look;
    this.#look = undefined;
    look?.file.close().catch((error: Error) => process.emitWarning(error));
  }

  // Before the first read, so that no growth is missed between the two.
  #arm(): void {
    this.#releases.push(
      watchFile(this.#source.path, (failure) => {
        this.#watchFailure ??= failure;
        this.#growth.ring();
      }),
    );
    this.#releases.push(
      this.#source.onChange(() => {
        this.#closing.ring();
        this.#growth.ring();
      }),
    );
  }

  // A job that writes byte by byte costs a message for each window, not for each byte.
  async #coalesce(signal: AbortSignal): Promise<void> {
    const seen = this.#closing.rings;
    const left = this.#grewAt + WINDOW_MS - performance.now();
    if (left <= 0 || this.#look !== undefined || !this.#request.follow || this.#source.closed()) return;
    await this.#closing.wait(seen, signal, left);
  }

  async #read(signal: AbortSignal): Promise<LogBatch> {
    signal.throwIfAborted();
    const look = this.#look ?? (await this.#open());
    this.#look = undefined;
    try {
      const blocks = look.file.blocks(signal);
      const from = this.#position ?? (await findStart(blocks, this.#request, () => look.file.index()));
      const { stream, context } = this.#request;
      const bounds = {
        mostBytes: PAGE_BYTES,
        closed: look.closed,
        ...(stream === undefined ? {} : { stream }),
      };
      const pattern = this.#pattern;
      const { page, position, more } =
        pattern === undefined
          ? await readOn(blocks, from, bounds)
          : await searchOn(blocks, from, { ...bounds, pattern, context: context ?? 0 });
      if (position.at !== from.at || position.taken !== from.taken) this.#grewAt = performance.now();
      this.#position = position;
      if (more && !signal.aborted) this.#look = look;
      return page;
    } finally {
      if (this.#look !== look) await look.file.close();
    }
  }

  async #open(): Promise<Look> {
    // Asked before the file is read: if the log was closed by then, all of its bytes are in the file.
    const closed = this.#source.closed();
    return { closed, file: await LogFile.open(this.#source.path, closed) };
  }
}
