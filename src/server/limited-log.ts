/** A log of what clients cause, with a bounded number of lines. */

import type { Log } from '../log.ts';

/** How many lines are let through. */
export interface LimitedLogOptions {
  /** Lines in ten seconds. Default: 10. */
  readonly lines?: number;
  /** Milliseconds on any clock. */
  readonly now?: () => number;
}

const LINES = 10;
const WINDOW_MS = 10_000;
const LONGEST = 300;

/** Passes on this many lines in ten seconds. The next line after that says how many were left out. */
export const limitedLog = (
  log: Log,
  { lines: most = LINES, now = () => performance.now() }: LimitedLogOptions = {},
): Log => {
  let start = Number.NEGATIVE_INFINITY;
  let lines = 0;
  return (line, fields) => {
    if (now() - start >= WINDOW_MS) {
      if (lines > most) log(`${lines - most} further lines about clients were left out`, { level: 'warn' });
      start = now();
      lines = 0;
    }
    lines += 1;
    if (lines <= most) log(oneLine(line), fields);
  };
};

const oneLine = (text: string): string => {
  const line = text.replace(/\p{Cc}+/gu, ' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
};
