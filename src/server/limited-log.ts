/** A log for what clients cause: one line each, and not more of them than somebody can read. */

const LINES = 10;
const WINDOW_MS = 10_000;
const LONGEST = 300;

type Log = (line: string) => void;

/**
 * Passes on at most ten lines in ten seconds. The next one after that says how many were left out.
 *
 * @param now milliseconds on any clock
 */
export const limitedLog = (log: Log, now: () => number = () => performance.now()): Log => {
  let start = Number.NEGATIVE_INFINITY;
  let lines = 0;
  return (line) => {
    if (now() - start >= WINDOW_MS) {
      if (lines > LINES) log(`${lines - LINES} further lines about clients were left out`);
      start = now();
      lines = 0;
    }
    lines += 1;
    if (lines <= LINES) log(oneLine(line));
  };
};

const oneLine = (text: string): string => {
  const line = text.replace(/\p{Cc}+/gu, ' ');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}...` : line;
};
