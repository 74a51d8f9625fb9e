/** Sizes and durations as people write them. */

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/**
 * Bytes from `1048576`, `512Mi`, `1.5G`, `64mb`, each with or without a `B` at the end, in upper or lower case: K, M, G,
 * T are powers of 1000, Ki, Mi, Gi, Ti powers of 1024 (IEC 80000-13).
 *
 * @returns a whole number from 0 to 2^53-1, or `undefined` for anything else
 */
export const parseByteSize = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?) ?([kmgt]?i?)b?$/i.exec(text);
  if (match === null) return undefined;
  return whole(Number(match[1]) * (SIZES[(match[2] ?? '').toLowerCase()] ?? Number.NaN));
};

const DURATIONS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Milliseconds from `1h30m`, `500ms`, `2.5s`, or a plain number of them. Units are d, h, m, s, ms, each at
 * most once and from large to small.
 *
 * @returns a whole number from 0 to 2^53-1, or `undefined` for anything else
 */
export const parseDuration = (text: string): number | undefined => {
  if (/^\d+$/.test(text)) return whole(Number(text));
  if (
    !/^(?:\d+(?:\.\d+)?d)?(?:\d+(?:\.\d+)?h)?(?:\d+(?:\.\d+)?m)?(?:\d+(?:\.\d+)?s)?(?:\d+(?:\.\d+)?ms)?$/.test(
      text,
    )
  )
    return undefined;
  let total = 0;
  let parts = 0;
  for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|d|h|m|s)/g)) {
    total += Number(number) * (DURATIONS[unit] ?? Number.NaN);
    parts++;
  }
  return parts === 0 ? undefined : whole(total);
};

const whole = (value: number): number | undefined => {
  const rounded = Math.round(value);
  return Number.isSafeInteger(rounded) ? rounded : undefined;
};

/** A name such as `timeoutMs`, as it is where the value carries its unit: `timeout`. */
export type WithoutUnit<Name extends string> = Name extends `${infer Bare}${'Ms' | 'Us' | 'Ns' | 'Bytes'}`
  ? Bare
  : Name;

/** Cuts the unit from a name: `timeoutMs` becomes `timeout`, which is its name in the API. */
export const withoutUnit = <Name extends string>(name: Name): WithoutUnit<Name> =>
  name.replace(/(?:Ms|Us|Ns|Bytes)$/, '') as WithoutUnit<Name>;

/** Permission bits as they are written, such as `0644`. */
export const formatMode = (mode: number): string => mode.toString(8).padStart(4, '0');
