/** What a line of the server's log is made of, for everybody who writes one. */

/** From the least to the most urgent. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `auto`: for people on a terminal, and JSON elsewhere. */
export const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What a line says besides its message. Never input of a client, which may be secret. */
export interface LogFields {
  /** Default: `info`. */
  readonly level?: LogLevel;
  readonly jobId?: string;
  readonly requestId?: string;
  /** Who caused it. */
  readonly subject?: string;
  /** Of an error, as clients see it. */
  readonly code?: string;
  readonly [name: string]: string | number | boolean | undefined;
}

/** Writes one line of the log. */
export type Log = (message: string, fields?: LogFields) => void;
