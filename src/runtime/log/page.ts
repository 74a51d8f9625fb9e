/** Pages of a log: what its readers receive. */

export const LOG_STREAMS = ['STDOUT', 'STDERR'] as const;
export type LogStream = (typeof LOG_STREAMS)[number];

export interface LogEntry {
  readonly stream: LogStream;
  /** Wall clock at which the supervisor read these bytes, in nanoseconds since 1970. */
  readonly time: bigint;
  /** The bytes as UTF-8, decoded across frames; what is not UTF-8 is U+FFFD. */
  readonly text: string;
  readonly bytes: Uint8Array;
  /** Where to continue after this entry. */
  readonly cursor: string;
}

export interface LogPage {
  readonly entries: readonly LogEntry[];
  /** Where the next page begins. */
  readonly cursor: string;
  /** The job has ended and this page reaches the end of what it wrote. */
  readonly endOfLog: boolean;
  /** Bytes that were written but not kept (output limit, full disk), counted where this page passes their mark. */
  readonly droppedBytes: number;
}
