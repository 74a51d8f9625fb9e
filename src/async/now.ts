/** Values that are there already, or will be: a promise for each of many small ones would take longer than they do. */

/** A value that is there at once, or a promise of it. */
export type Now<T> = T | Promise<T>;

/** What `step` makes of a value: at once if the value is there. */
export const chain = <T, R>(value: Now<T>, step: (value: T) => R): Now<Awaited<R>> =>
  (value instanceof Promise ? value.then(step) : step(value)) as Now<Awaited<R>>;
