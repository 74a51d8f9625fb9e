/** The custom scalars: how they are parsed, printed and described. */
import { Kind, type ValueNode } from 'graphql';
import { badInput } from '../jobs/errors.ts';
import { parseByteSize, parseDuration } from '../units.ts';

/**
 * A value that its scalar cannot parse. It is passed on instead of refused at once, because only the resolver
 * knows the name of the field, and graphql-js words the error differently for literals and variables.
 */
export class Malformed {
  readonly expected: string;
  readonly got: unknown;

  constructor(expected: string, got: unknown) {
    this.expected = expected;
    this.got = got;
  }
}

/**
 * The value of a field whose scalar may be malformed; `null` counts as left out.
 *
 * @throws ClientError that names the field
 */
export const wellFormed = <T>(field: string, value: T | Malformed | null | undefined): T | undefined => {
  if (value instanceof Malformed) throw badInput(field, value.expected, value.got);
  return value ?? undefined;
};

interface ScalarOptions<T> {
  readonly description: string;
  readonly specifiedByURL: string;
  readonly parseValue: (value: unknown) => T | Malformed;
  readonly parseLiteral: (node: ValueNode) => T | Malformed;
  readonly serialize: (value: unknown) => unknown;
}

const scalar = <T>(
  description: string,
  specifiedByURL: string,
  expected: string,
  parse: (value: unknown) => T | undefined,
  serialize: (value: unknown) => unknown,
): ScalarOptions<T> => {
  const parseValue = (value: unknown): T | Malformed => parse(value) ?? new Malformed(expected, shown(value));
  return {
    description,
    specifiedByURL,
    parseValue,
    parseLiteral: (node) => parseValue(literal(node)),
    serialize,
  };
};

/** JSON cannot express these: a message would say `null`. */
const shown = (value: unknown): unknown =>
  typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;

const literal = (node: ValueNode): unknown => {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.STRING:
    case Kind.ENUM:
      return node.value;
    case Kind.BOOLEAN:
      return node.value;
    default:
      return node.kind;
  }
};

const number = (value: unknown): number => {
  if (typeof value !== 'number') throw new TypeError(`expected a number, got ${typeof value}`);
  return value;
};

/** A number is taken as it is, text is parsed. */
const quantity =
  (parse: (text: string) => number | undefined) =>
  (value: unknown): number | undefined => {
    if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
    return typeof value === 'string' ? parse(value) : undefined;
  };

export const byteSize = scalar<number>(
  'A number of bytes. Input: a whole number, or a string such as "512Mi", "1.5G" or "64KiB": k, m, g and t are powers of 1000, ki, mi, gi and ti powers of 1024, in upper or lower case. Output: a whole number of bytes, which may exceed 32 bits.',
  'https://physics.nist.gov/cuu/Units/binary.html',
  'a size in bytes such as 1048576, "512Mi" or "1G"',
  quantity(parseByteSize),
  number,
);

export const duration = scalar<number>(
  'A span of time. Input: a whole number of milliseconds, or a string such as "1h30m", "2.5s" or "500ms", with the units d, h, m, s and ms from large to small. Output: a whole number of milliseconds, which may exceed 32 bits.',
  'https://pkg.go.dev/time#ParseDuration',
  'a duration such as "1h30m", "500ms" or whole milliseconds',
  quantity(parseDuration),
  (value) => Math.round(number(value)),
);

// RFC 3339 section 5.6, with the offset that it asks for.
const DATE_TIME = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

const parseDateTime = (value: unknown): Date | undefined => {
  const day = typeof value === 'string' ? DATE_TIME.exec(value)?.[1] : undefined;
  // Date makes 2 March of 30 February, and 24:00 the next day; RFC 3339 knows neither.
  if (day === undefined || !isDay(day) || String(value).startsWith('24', 11)) return undefined;
  const date = new Date(String(value));
  return Number.isNaN(date.getTime()) ? undefined : date;
};

const isDay = (day: string): boolean => {
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
};

const NANOSECONDS = 1_000_000_000n;

const DAY_MS = 86_400_000;
const digits = (count: number, width: number): readonly string[] =>
  Array.from({ length: count }, (_, number) => String(number).padStart(width, '0'));
const TWO_DIGITS = digits(60, 2);
const THREE_DIGITS = digits(1000, 3);
/** The last day that was printed, in days since 1970, and as the text before its times: lists have many times of one day. */
let printed = { day: Number.NaN, text: '' };

/** As `toISOString` prints it, in a third of its time. @throws RangeError for a time that is none */
const printTime = (date: Date): string => {
  const ms = date.getTime();
  const day = Math.floor(ms / DAY_MS);
  if (day !== printed.day) printed = { day, text: date.toISOString().slice(0, -13) };
  const rest = ms - day * DAY_MS;
  const seconds = Math.floor(rest / 1000);
  const minutes = Math.floor(seconds / 60);
  const clock = `${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}`;
  return `${printed.text}${clock}.${THREE_DIGITS[rest % 1000]}Z`;
};

/** A Date, or nanoseconds since 1970 with all their digits. */
const printDateTime = (value: unknown): string => {
  if (value instanceof Date) return printTime(value);
  if (typeof value !== 'bigint') throw new TypeError(`expected a time, got ${typeof value}`);
  const seconds = new Date(Number(value / NANOSECONDS) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${(value % NANOSECONDS).toString().padStart(9, '0')}Z`;
};

export const dateTime = scalar<Date>(
  'A point in time (RFC 3339). Input: with any offset, such as "2026-01-31T12:00:00Z" or "2026-01-31T13:00:00+01:00". Output: in UTC, with milliseconds or nanoseconds.',
  'https://www.rfc-editor.org/rfc/rfc3339#section-5.6',
  'a date and time such as "2026-01-31T12:00:00Z"',
  parseDateTime,
  printDateTime,
);

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Characters from which on it is faster to encode again what was decoded, and to compare. */
const LONG_BASE64 = 1024;

const parseBase64 = (value: unknown): Uint8Array | undefined => {
  if (typeof value !== 'string') return undefined;
  if (value.length < LONG_BASE64) return BASE64.test(value) ? Buffer.from(value, 'base64') : undefined;
  // Decoding skips what is not base64.
  const bytes = Buffer.from(value, 'base64');
  // They may differ and be valid: in the bits of the last character that count for nothing.
  return bytes.toString('base64') === value || BASE64.test(value) ? bytes : undefined;
};

export const base64 = scalar<Uint8Array>(
  'Bytes in standard base64 with padding (RFC 4648 section 4), as a string.',
  'https://www.rfc-editor.org/rfc/rfc4648#section-4',
  'bytes in base64',
  parseBase64,
  (value) => {
    if (!(value instanceof Uint8Array)) throw new TypeError(`expected bytes, got ${typeof value}`);
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  },
);
