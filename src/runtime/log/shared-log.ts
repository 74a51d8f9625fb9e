/** A log that several may follow: opened, read and decoded once for all of them. */

import { FairLimit } from '../../async/fair-limit.ts';
import type { LogBlocks } from './blocks.ts';
import { formatCursor } from './cursor.ts';
import { LogFile } from './file.ts';
import type { Position } from './position.ts';
import { type Reading, readOn } from './reader.ts';

/** Bytes of payload in a page at most. */
export const PAGE_BYTES = 64 << 10;

/** Bytes that are read at once where there are as many: a thread that reads costs more than the bytes of a page. */
const BLOCK_BYTES = 4 * PAGE_BYTES;
/** Pages of all logs that are kept for others who follow them; each takes about 200 KB. */
const MOST_PAGES = 32;
/** Logs whose file, and a block of it, are kept between two readings, since there was more in it. */
const MOST_OPEN = 32;

// The followers of a log that a thousand follow wait for each other; the followers of another log do not.
const readLimit = new FairLimit(8);

/** The number of a look at a log. */
export type Look = number;

/** What was read of a log, as of a look at it. */
export interface Seen {
  readonly look: Look;
}

interface Page {
  readonly reading: Promise<Reading & Seen>;
  /** How many have still to take it, if all follow from the same place. */
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
/** Those with an open file, the one that was used last at the end. */
const opened = new Set<SharedLog>();
/** Pages by their keys, the one that was read last at the end. */
const recent = new Map<Page, () => void>();

/**
 * One log. Its file is open only while more of it is known to be there, and pages are kept only while others may ask for
 * them; both are bounded over all logs.
 */
export class SharedLog {
  readonly #path: string;
  readonly #pages = new Map<string, Page>();
  readonly #over = new AbortController();
  #followers = 0;
  #looks: Look = 0;
  #open: OpenFile | undefined;
  /** The blocks of a reading after which there was more. */
  #spare: LogBlocks | undefined;

  private constructor(path: string) {
    this.#path = path;
  }

  /** The log at a path, for one more who follows it and says `leave` in the end. */
  static enter(path: string): SharedLog {
    const log = logs.get(path) ?? new SharedLog(path);
    logs.set(path, log);
    log.#followers += 1;
    return log;
  }

  /** The same for one who must not see what the looks of others find. */
  static alone(path: string): SharedLog {
    const log = new SharedLog(path);
    log.#followers = 1;
    return log;
  }

  /** One who followed it does not any more. After the last one nothing of it is held. */
  leave(): void {
    this.#followers -= 1;
    if (this.#followers > 0) return;
    if (logs.get(this.#path) === this) logs.delete(this.#path);
    this.#over.abort();
    for (const page of this.#pages.values()) recent.delete(page);
    this.#pages.clear();
    this.#close();
  }

  /** The last look so far: what was seen with a later one was in the log after this moment. */
  get lastLook(): Look {
    return this.#looks;
  }

  /**
   * Reads the page after a position, or has it from another who did: then it may end where the log ended at that time.
   *
   * @param closed whether nothing more will be written, asked before the file is looked at
   * @param isFresh whether what was known of the file was read already: it is looked at again, unless others have the page
   * @throws CursorError when the log does not reach that far (any more)
   */
  async page(from: Position, closed: () => boolean, isFresh: boolean): Promise<Reading & Seen> {
    const page = this.#pageAfter(from, closed, isFresh);
    page.left -= 1;
    const reading = await page.reading;
    if (page.left <= 0) this.#forget(from, page);
    // Read while this one is being sent. The one who asks for it learns why if that fails.
    if (reading.more && this.#followers > 0)
      this.#pageAfter(reading.position, closed, false).reading.catch(() => undefined);
    return reading;
  }

  /**
   * Has `work` read the file, as it is now if `isFresh` is true, and else as it was when the reading before began.
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
        // The log ended there, which it need not do any more.
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

  /** Opens the file again, for one reading to begin with. */
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

  /** Closes its file, after the last reading. */
  #close(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#retire(open);
    if (open.readings === 0) open.file.close().catch((error: Error) => process.emitWarning(error));
  }

  /** Has a file closed after its last reading, if it is not read any more. */
  #retire(open: OpenFile): void {
    open.isRetired = true;
    if (this.#open !== open) return;
    this.#open = undefined;
    this.#spare = undefined;
    opened.delete(this);
  }
}

const keyOf = ({ at, cursor }: Position): string => `${at} ${formatCursor(cursor)}`;
