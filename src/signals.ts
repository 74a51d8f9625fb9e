/** Names and numbers of signals. */

import { constants } from 'node:os';

// SIGRTMIN of the C libraries on Linux, which reserve the first two or three, and the kernel's SIGRTMAX.
const FIRST_REAL_TIME = 34;
const LAST = 64;

const NUMBERS: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));
// Of two names for one number the first one.
const NAMES: ReadonlyMap<number, string> = new Map(
  [...NUMBERS].reverse().map(([name, number]) => [number, name]),
);

/** The name of a signal: `SIGTERM`; real-time signals, which have none, are `SIGRTMIN+n` (signal(7)). */
export const signalName = (number: number): string => {
  const name = NAMES.get(number);
  if (name !== undefined) return name;
  return number >= FIRST_REAL_TIME ? `SIGRTMIN+${number - FIRST_REAL_TIME}` : `SIG${number}`;
};

/**
 * The number of a signal.
 *
 * @param text a name with or without `SIG`, in upper or lower case, or a number
 * @returns `undefined` for anything else
 */
export const signalNumber = (text: string): number | undefined => {
  const name = text.toUpperCase();
  const number = /^(?:SIG)?\d{1,2}$/.test(name)
    ? Number(name.replace('SIG', ''))
    : byName(name.startsWith('SIG') ? name : `SIG${name}`);
  return number !== undefined && number >= 1 && number <= LAST ? number : undefined;
};

const byName = (name: string): number | undefined => {
  const step = /^SIGRTMIN(?:\+(\d{1,2}))?$/.exec(name);
  if (step !== null) return FIRST_REAL_TIME + Number(step[1] ?? 0);
  return NUMBERS.get(name);
};
