/** Looks at what an iterator gives. */

/** The same iterator, of which `look` sees each value when it is taken. */
export const tap = <T>(
  iterator: AsyncIterableIterator<T, undefined>,
  look: (value: T) => void,
): AsyncIterableIterator<T, undefined> => {
  const seen = async (
    taken: Promise<IteratorResult<T, undefined>>,
  ): Promise<IteratorResult<T, undefined>> => {
    const result = await taken;
    if (result.done !== true) look(result.value);
    return result;
  };
  return {
    next: () => seen(iterator.next()),
    return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    throw: async (error) => {
      if (iterator.throw) return iterator.throw(error);
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};
