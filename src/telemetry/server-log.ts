/** The log of the server: one line for each event, on standard error. */

import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { destination, pino, stdTimeFunctions } from 'pino';
import type { Log, LogFields, LogFormat, LogLevel } from '../log.ts';

/** Which lines are written, and in which form. */
export interface ServerLogOptions {
  /** Lines of lower levels are not written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
}

const STANDARD_ERROR = 2;

/**
 * Opens the log. Each line is written before the call returns, so that none is lost when the process ends, and without a
 * thread of its own.
 */
export const openLog = ({ level, format }: ServerLogOptions): Log => {
  const output = destination({ fd: STANDARD_ERROR, sync: true });
  // If nobody reads the log any more, the server continues without it.
  output.on('error', () => undefined);
  const pretty = format === 'pretty' || (format === 'auto' && isatty(STANDARD_ERROR));
  return pretty ? logTo({ write: (line) => output.write(prettyLine(line)) }, level) : logTo(output, level);
};

/** A log that writes its lines, in JSON, to a stream. */
export const logTo = (stream: { write(line: string): unknown }, level: LogLevel): Log => {
  const logger = pino(
    {
      level,
      // Without the ids of process and machine, which are known to what collects the lines.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // A second safeguard: values under these names are never written.
      redact: {
        paths: ['authorization', 'token', 'secret', 'password', 'stdin', 'env'],
        censor: '[redacted]',
      },
    },
    { write: (line) => void stream.write(line) },
  );
  return (message, { level: own = 'info', ...fields }: LogFields = {}) => logger[own](fields, message);
};

const COLOURS = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;

/** A line of JSON in a form for people: time, level, message, then the other fields. */
export const prettyLine = (line: string): string => {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, string>;
  const colour = COLOURS[level as keyof typeof COLOURS] ?? 'gray';
  const name = styleText(colour, String(level).toUpperCase().padEnd(5), { stream: process.stderr });
  const rest = Object.entries(fields).map(
    ([key, value]) =>
      ` ${styleText('gray', `${key}=${typeof value === 'string' && /^[\w.:/@-]+$/.test(value) ? value : JSON.stringify(value)}`, { stream: process.stderr })}`,
  );
  // A message may be the stack of an error, of several lines; other control characters could move the cursor.
  const text = String(msg).replace(/[^\P{Cc}\n]/gu, ' ');
  return `${String(time).slice(11, 23)} ${name} ${text}${rest.join('')}\n`;
};
