/** Runs the checks of an input one by one, and reports everything they refuse in one error. */
import { ClientError } from './errors.ts';

/** Enough to correct an input; the checks stop there, so that an error stays small. */
const MOST_FAULTS = 50;

type Checks = Readonly<Record<string, () => unknown>>;

/**
 * Runs every check, also after one of them has failed.
 *
 * @returns what each check returned, by its name
 * @throws ClientError with everything that was refused in `faults`; code, message and field are those of the first
 */
export const checkAll = <T extends Checks>(checks: T): { readonly [K in keyof T]: ReturnType<T[K]> } => {
  const faults = new Faults();
  const results: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(checks)) results[name] = faults.collect(check);
  faults.throwIfAny();
  // Nothing was thrown, so that every check has returned.
  return results as { [K in keyof T]: ReturnType<T[K]> };
};

/** As `checkAll`, for a check of each item of a list. */
export const checkEach = <T>(items: readonly T[], check: (item: T, index: number) => unknown): void => {
  const faults = new Faults();
  for (const [index, item] of items.entries()) faults.collect(() => check(item, index));
  faults.throwIfAny();
};

/**
 * A check that runs once however often it is called. What it refuses is the same error each time, and so reported once
 * by all the checks that need its result.
 */
export const once = <T>(check: () => T): (() => T) => {
  let settled: { readonly value: T } | { readonly error: unknown } | undefined;
  return () => {
    settled ??= settle(check);
    if ('error' in settled) throw settled.error;
    return settled.value;
  };
};

const settle = <T>(check: () => T): { readonly value: T } | { readonly error: unknown } => {
  try {
    return { value: check() };
  } catch (error) {
    return { error };
  }
};

/** The faults found so far, each once. */
export class Faults {
  readonly #found = new Set<ClientError>();

  /** In the order in which they were found. */
  get found(): readonly ClientError[] {
    return [...this.#found];
  }

  /**
   * Runs a check, unless enough faults were found before.
   *
   * @returns `undefined` when the check refused its value
   * @throws anything but a `ClientError`
   */
  collect<T>(check: () => T): T | undefined {
    if (this.#found.size >= MOST_FAULTS) return undefined;
    try {
      return check();
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      for (const fault of error.faults) this.#found.add(fault);
      return undefined;
    }
  }

  /** @throws ClientError that has all faults, when there are any */
  throwIfAny(): void {
    throwTogether(this.found);
  }
}

/** @throws ClientError that has all of them, when there are any */
export const throwTogether = (found: readonly ClientError[]): void => {
  const [first] = found;
  if (first === undefined) return;
  throw found.length === 1
    ? first
    : new ClientError(first.code, first.message, first.field, found.slice(0, MOST_FAULTS));
};
