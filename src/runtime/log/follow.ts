/** Follows a log while it grows. */

import { Bell, pull } from '../../async/pull.ts';
import type { LogBatch, LogGrep, LogStart } from './page.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import { checkStart, findStart, knownStart, type Position } from './position.ts';
import { type Reading, readOn } from './reader.ts';
import { searchOn } from './search.ts';
import { PAGE_BYTES, type Seen, SharedLog } from './shared-log.ts';
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

// Milliseconds between two reads of a log that keeps growing, unless a page is full.
const WINDOW_MS = 8;

/**
 * The log from the start that `request` names, then as it grows, without gap or duplicate. Completes when the log is
 * closed and all of it was sent; the last page has `endOfLog`. A page is read when `next()` asks for it, or while the
 * page before it is being sent; followers of the same log share it. The first bytes after a pause are sent at once. With
 * `grep`, only matching lines are sent, each when it is complete.
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

class Follower {
  readonly #source: LogSource;
  readonly #request: FollowRequest;
  readonly #pattern: Pattern | undefined;
  readonly #growth = new Bell();
  readonly #closing = new Bell();
  readonly #releases: (() => void)[] = [];
  #watchFailure: Error | undefined;
  #position: Position | undefined;
  #log: SharedLog | undefined;
  /** Whether the last page left something to read at once, in the part of the log that is known. */
  #more = false;
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
    const log = this.#log ?? this.#enter();
    while (!this.#complete) {
      await this.#coalesce(signal);
      const seen = this.#growth.rings;
      // Without `follow` the first look counts.
      const asked = this.#request.follow ? log.lastLook : 0;
      const { page, position, more, look } = await this.#read(log, signal);
      // A page that another follower has read may end where the log ended before this request.
      const isOld = look <= asked;
      if (position.at !== this.#position?.at || position.taken !== this.#position.taken)
        this.#grewAt = performance.now();
      this.#position = position;
      this.#more = more;
      this.#complete = page.endOfLog || (!this.#request.follow && !more && !isOld);
      if (page.entries.length > 0 || page.droppedBytes > 0 || page.endOfLog)
        return { done: false, value: page };
      // A search that has found nothing so far has more to read at once.
      if (!this.#complete && !more && !isOld) await this.#growth.wait(seen, signal);
      if (this.#watchFailure !== undefined) throw this.#watchFailure;
    }
    return { done: true, value: undefined };
  }

  release(): void {
    for (const release of this.#releases) release();
    this.#log?.leave();
  }

  #enter(): SharedLog {
    const { path } = this.#source;
    if (this.#request.follow) this.#arm();
    this.#log = this.#request.follow ? SharedLog.enter(path) : SharedLog.alone(path);
    return this.#log;
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
    if (left <= 0 || this.#more || !this.#request.follow || this.#source.closed()) return;
    await this.#closing.wait(seen, signal, left);
  }

  async #read(log: SharedLog, signal: AbortSignal): Promise<Reading & Seen> {
    signal.throwIfAborted();
    const closed = (): boolean => this.#source.closed();
    const from = this.#position ?? knownStart(this.#request);
    const pattern = this.#pattern;
    const { stream, context = 0 } = this.#request;
    if (from !== undefined && pattern === undefined && stream === undefined)
      return log.page(from, closed, !this.#more);
    return log.use(closed, !this.#more, async (file) => {
      const blocks = file.blocks({ signal });
      const start = from ?? (await findStart(blocks, this.#request, () => file.index()));
      const bounds = {
        mostBytes: PAGE_BYTES,
        closed: file.isClosed,
        ...(stream !== undefined && { stream }),
      };
      return pattern === undefined
        ? readOn(blocks, start, bounds)
        : searchOn(blocks, start, { ...bounds, pattern, context });
    });
  }
}
