/** Iterators that stand between another one and its consumer. */

/**
 * An iterator that takes from `source` in its own way and passes its end on to it, so that what the source holds is
 * released.
 *
 * @param next gives the next item
 */
export const through = <T>(
  source: AsyncIterator<unknown, unknown>,
  next: () => Promise<IteratorResult<T, undefined>>,
): AsyncIterableIterator<T, undefined> => ({
  next,
  async return() {
    await source.return?.();
    return { done: true, value: undefined };
  },
  async throw(error: unknown) {
    await source.throw?.(error);
    throw error;
  },
  [Symbol.asyncIterator]() {
    return this;
  },
});

/** What `change` makes of each item of another iterator. */
export const mapped = <From, To>(
  source: AsyncIterator<From, unknown>,
  change: (item: From) => To,
): AsyncIterableIterator<To, undefined> =>
  through(source, async () => {
    const result = await source.next();
    return result.done === true
      ? { done: true, value: undefined }
      : { done: false, value: change(result.value) };
  });
