/** A log with any number of followers: opened, read and decoded once for all of them. */

import { FairLimit } from '../../async/fair-limit.ts';
import type { LogBlocks } from './blocks.ts';
import { formatCursor } from './cursor.ts';
import { LogFile } from './file.ts';
import type { Position } from './position.ts';
import { type Reading, readOn } from './reader.ts';

/** Bytes of payload in a page at most. */
export const PAGE_BYTES = 64 << 10;

/** Bytes of one read, where there are that many: handing a read to a thread costs more than reading a page. */
const BLOCK_BYTES = 4 * PAGE_BYTES;
/** Pages that are kept for other followers, of all logs together; each takes about 200 KB. */
const MOST_PAGES = 32;
/** Logs whose file stays open between two readings, with a block of it, because there was more to read. */
const MOST_OPEN = 32;

// A thousand followers of one log wait for each other, and do not delay the followers of another log.
const readLimit = new FairLimit(8);

/** A number that increases each time the file of a log is opened, and so says how recent its known size is. */
export type Look = number;

/** Says at which look something was read. */
export interface Seen {
  readonly look: Look;
}

interface Page {
  readonly reading: Promise<Reading & Seen>;
  /** How many followers have not taken it yet, if all of them are at the same place. */
  left: number;
}

interface OpenFile {
  readonly file: LogFile;
  readonly look: Look;
  readings: number;
  /** To be closed after the last reading. */
  isRetired: boolean;
}

const logs = new Map<string, SharedLog>();
/** Those with an open file, the most recently opened last. */
const opened = new Set<SharedLog>();
/** The pages of all logs with functions that drop them, the most recently read last. */
const recent = new Map<Page, () => void>();

/**
 * One log. Its file is open only while it is known to have more to read, and pages are kept only while other followers
 * may ask for them; both are bounded over all logs.
 */
export class SharedLog {
  readonly #path: string;
  readonly #pages = new Map<string, Page>();
  readonly #over = new AbortController();
  #followers = 0;
  #looks: Look = 0;
  #open: OpenFile | undefined;
  /** The blocks of the last reading, if it left more to read. */
  #spare: LogBlocks | undefined;

  private constructor(path: string) {
    this.#path = path;
  }

  /** The log at a path, for one more follower, which has to call `leave` in the end. */
  static enter(path: string): SharedLog {
    const log = logs.get(path) ?? new SharedLog(path);
    logs.set(path, log);
    log.#followers += 1;
    return log;
  }

  /** The same for a reader that must not see growth that others have noticed. */
  static alone(path: string): SharedLog {
    const log = new SharedLog(path);
    log.#followers = 1;
    return log;
  }

  /** A follower is done. After the last one, nothing of the log is held. */
  leave(): void {
    this.#followers -= 1;
    if (this.#followers > 0) return;
    if (logs.get(this.#path) === this) logs.delete(this.#path);
    this.#over.abort();
    for (const page of this.#pages.values()) recent.delete(page);
    this.#pages.clear();
    this.#close();
  }

  /** The last look so far: a later one sees the log as it is after this moment. */
  get lastLook(): Look {
    return this.#looks;
  }

  /**
   * Reads the page after a position, or returns the one that another follower has read, which may end where the log ended
   * at that time.
   *
   * @param closed whether nothing more will be written, asked before the file is looked at
   * @param isFresh whether to open the file again, because all that was known of it was read; not if the page is kept
   * @throws CursorError when the log does not reach that far (any more)
   */
  async page(from: Position, closed: () => boolean, isFresh: boolean): Promise<Reading & Seen> {
    const page = this.#pageAfter(from, closed, isFresh);
    page.left -= 1;
    const reading = await page.reading;
    if (page.left <= 0) this.#forget(from, page);
    // Read while this one is being sent. If that fails, the follower that asks for it gets the error.
    if (reading.more && this.#followers > 0)
      this.#pageAfter(reading.position, closed, false).reading.catch(() => undefined);
    return reading;
  }

  /**
   * Calls `work` with the file, opened again if `isFresh` is true, and otherwise as the previous reading saw it.
   *
   * @param closed as for `page`
   */
  async use<T extends Pick<Reading, 'more'>>(
    closed: () => boolean,
    isFresh: boolean,
    work: (file: LogFile) => Promise<T>,
  ): Promise<T & Seen> {
    return readLimit.take(this.#path, async () => {
      this.#over.signal.throwIfAborted();
      const open = (isFresh ? undefined : this.#take()) ?? (await this.#look(closed));
      let more = false;
      try {
        const made = await work(open.file);
        ({ more } = made);
        return { ...made, look: open.look };
      } finally {
        open.readings -= 1;
        if (!more) this.#retire(open);
        if (open.isRetired && open.readings === 0) await open.file.close();
      }
    });
  }

  #pageAfter(from: Position, closed: () => boolean, isFresh: boolean): Page {
    const key = keyOf(from);
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const page = { reading: this.#readPage(from, closed, isFresh), left: this.#followers };
    this.#pages.set(key, page);
    recent.set(page, () => this.#forget(from, page));
    for (const [oldest, forget] of recent) {
      if (recent.size <= MOST_PAGES) break;
      forget();
      recent.delete(oldest);
    }
    page.reading.then(
      ({ position }) => {
        // The log ended there, and may have grown since.
        if (keyOf(position) === key) this.#forget(from, page);
      },
      () => this.#forget(from, page),
    );
    return page;
  }

  #forget(from: Position, page: Page): void {
    const key = keyOf(from);
    if (this.#pages.get(key) === page) this.#pages.delete(key);
    recent.delete(page);
  }

  #readPage(from: Position, closed: () => boolean, isFresh: boolean): Promise<Reading & Seen> {
    const { signal } = this.#over;
    return this.use(closed, isFresh, async (file) => {
      const previous = this.#spare;
      this.#spare = undefined;
      const blocks = file.blocks({
        signal,
        blockBytes: BLOCK_BYTES,
        ...(previous !== undefined && { previous }),
      });
      const reading = await readOn(blocks, from, { mostBytes: PAGE_BYTES, closed: file.isClosed });
      if (reading.more && this.#open?.file === file) this.#spare = blocks;
      return reading;
    });
  }

  /** The open file, for one more reading. */
  #take(): OpenFile | undefined {
    const open = this.#open;
    if (open !== undefined) open.readings += 1;
    return open;
  }

  /** Opens the file again, for one reading at first. */
  async #look(closed: () => boolean): Promise<OpenFile> {
    const look = ++this.#looks;
    // Asked before the file is read: if the log was closed by then, all of its bytes are in the file.
    const isClosed = closed();
    const file = await LogFile.open(this.#path, isClosed);
    this.#close();
    const open = { file, look, readings: 1, isRetired: this.#over.signal.aborted };
    if (open.isRetired) return open;
    this.#open = open;
    opened.add(this);
    for (const log of opened) {
      if (opened.size <= MOST_OPEN) break;
      log.#close();
    }
    return open;
  }

  /** Closes its file once no reading uses it. */
  #close(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#retire(open);
    if (open.readings === 0) open.file.close().catch((error: Error) => process.emitWarning(error));
  }

  /** Marks a file to be closed after its last reading. */
  #retire(open: OpenFile): void {
    open.isRetired = true;
    if (this.#open !== open) return;
    this.#open = undefined;
    this.#spare = undefined;
    opened.delete(this);
  }
}

const keyOf = ({ at, cursor }: Position): string => `${at} ${formatCursor(cursor)}`;
