/** Parses the values of flags. Each function throws an error that names the flag. */

import { parseByteSize, parseDuration } from '../units.ts';
import { CliError } from './errors.ts';

/** The error for every bad value: which flag, what was expected, what was given. */
export const expected = (flag: string, what: string, got: string): CliError =>
  new CliError(`${flag}: expected ${what}, got ${JSON.stringify(got)}`);

/**
 * A whole number, by default from 0 to 2^31 - 1: what a GraphQL `Int` can hold.
 *
 * @throws CliError that names the flag
 */
export const whole = (flag: string, text: string, least = 0, most = 0x7fff_ffff): number => {
  if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw expected(flag, `a whole number from ${least} to ${most}`, text);
};

/**
 * A decimal number.
 *
 * @throws CliError that names the flag
 */
export const number = (flag: string, what: string, text: string): number => {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  throw expected(flag, what, text);
};

/**
 * A size for the server, as it was typed: `64Mi`, `64mb`, `1.5G`.
 *
 * @throws CliError that names the flag
 */
export const size = (flag: string, text: string): string => {
  if (parseByteSize(text) !== undefined) return text;
  throw expected(flag, 'a size such as 512Mi, 64m or 1.5G', text);
};

/**
 * A duration for the server, as it was typed. A number without a unit is refused unless it is 0: the API takes it for
 * milliseconds, and a person would expect seconds.
 *
 * @throws CliError that names the flag
 */
export const duration = (flag: string, text: string): string => {
  if (parseDuration(text) === undefined) throw expected(flag, 'a duration such as 1h30m or 500ms', text);
  if (/^\d+$/.test(text) && Number(text) !== 0)
    throw expected(flag, `a unit, such as ${text}s for seconds or ${text}ms for milliseconds`, text);
  return text;
};

// RFC 3339 section 5.6; without an offset it is local time, as in ECMA-262.
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/i;

/**
 * A time in RFC 3339 form, from a time or from a duration before or after `nowMs`.
 *
 * @param side whether a duration counts back or ahead
 * @param nowMs milliseconds since 1970
 * @throws CliError that names the flag
 */
export const moment = (flag: string, side: 'ago' | 'ahead', text: string, nowMs: number): string => {
  if (isRelative(text)) {
    const span = parseDuration(duration(flag, text)) ?? 0;
    return toTime(flag, text, side === 'ago' ? nowMs - span : nowMs + span);
  }
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(time)) return toTime(flag, text, time);
  const span = side === 'ago' ? 'how long ago, such as 10m' : 'a time from now, such as 10m';
  throw expected(flag, `a time such as 2027-01-31T12:00:00Z or ${span}`, text);
};

/** Whether a time is given as a duration. */
export const isRelative = (text: string): boolean => parseDuration(text) !== undefined;

const toTime = (flag: string, text: string, timeMs: number): string => {
  const date = new Date(timeMs);
  if (!Number.isNaN(date.getTime()) && date.getUTCFullYear() >= 0 && date.getUTCFullYear() <= 9999)
    return date.toISOString();
  throw expected(flag, 'a time between the years 0 and 9999', text);
};

/**
 * `NAME=VALUE`, cut at the first `=`.
 *
 * @throws CliError that names the flag
 */
export const pair = (flag: string, what: string, text: string): [string, string] => {
  const at = text.indexOf('=');
  if (at < 1) throw expected(flag, what, text);
  return [text.slice(0, at), text.slice(at + 1)];
};

/** The values of an enum of the schema. The compiler reports a missing one. */
export const enumValues = <T extends string>(all: Readonly<Record<T, true>>): readonly T[] =>
  Object.keys(all) as T[];

/**
 * A value of a fixed set, in any case: `stderr` for `STDERR`, `cpu-time` for `CPU_TIME`.
 *
 * @throws CliError that names the flag
 */
export const oneOf = <T extends string>(flag: string, names: readonly T[], text: string): T => {
  const wanted = text.trim().toUpperCase().replaceAll('-', '_');
  const found = names.find((name) => name === wanted);
  if (found !== undefined) return found;
  throw expected(flag, `one of ${names.join(', ')}`, text);
};
