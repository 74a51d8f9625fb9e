/** Pages of a log: what its readers receive. */

export const LOG_STREAMS = ['STDOUT', 'STDERR', 'TERMINAL'] as const;
export type LogStream = (typeof LOG_STREAMS)[number];

/** The size of a terminal, in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** The most bytes of a text that is searched for. */
export const LONGEST_TEXT_BYTES = 1024;

/** The most lines of context on either side of a line that was found. */
export const MOST_CONTEXT_LINES = 100;

/** Which lines of a log are read; all when `grep` is left out. */
export interface LogGrep {
  /** Lines that contain this text: 1 to `LONGEST_TEXT_BYTES` bytes without newline. */
  readonly grep?: string;
  /** `grep` is a regular expression. */
  readonly regex?: boolean;
  /** And this many lines before and after each of them, 0 to `MOST_CONTEXT_LINES`. */
  readonly context?: number;
}

/** Where reading a log begins: at its beginning, or at the one of the first five that is given. */
export interface LogStart {
  /** After this cursor. */
  readonly after?: string;
  /** At the line of this number, counted from 1 over the selected output. */
  readonly line?: number;
  /** This many lines before the end. */
  readonly tail?: number;
  /** At the first output of this time or later, nanoseconds since 1970. */
  readonly sinceNs?: bigint;
  /** At this byte of the output, counted from 0; of `stream`, if one is given. */
  readonly offset?: number;
  /** The one stream that is read; all when left out. */
  readonly stream?: LogStream;
}

/** The bytes of one stream. */
export interface StreamDigest {
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** What a log that nobody writes any more has of each stream. */
export interface LogDigests extends Readonly<Record<LogStream, StreamDigest>> {
  /** Written, and not kept: beyond the output limit, or because the disk was full. */
  readonly droppedBytes: number;
  /** Bytes of the log that cannot be read: frames, and so at least the output that was in them. */
  readonly damagedBytes: number;
}

/** Output that a supervisor read at one time from one stream. */
export interface LogEntry {
  readonly stream: LogStream;
  /** Wall clock at which the supervisor read these bytes, in nanoseconds since 1970. */
  readonly timeNs: bigint;
  /** The bytes as UTF-8, decoded across frames; what is not UTF-8 is U+FFFD. */
  readonly text: string;
  readonly bytes: Uint8Array;
  /** The size that the terminal has from here on; `null` for output. */
  readonly resized: TerminalSize | null;
  /** Whether this is of a line that was searched for, and not of its context; left out where nothing was. */
  readonly matched?: boolean;
  /** Where to continue after this entry. */
  readonly cursor: string;
}

/** A part of a log. */
export interface LogBatch {
  readonly entries: readonly LogEntry[];
  /** Where the next page begins. */
  readonly cursor: string;
  /** The job has ended and this page reaches the end of what it wrote. */
  readonly endOfLog: boolean;
  /**
   * Bytes that were written but are missing (output limit, full disk, damage), counted where this page passes them.
   */
  readonly droppedBytes: number;
  /** Of these, bytes of the log that are damaged: frames, and so at least the output that was in them. */
  readonly damagedBytes: number;
}
