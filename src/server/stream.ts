import type { ExecutionResult, GraphQLError } from 'graphql';

/**
 * The answers of a subscription, made safe for a client that goes away.
 *
 * One that left before the subscription had begun has its source let go of: nobody else would do it. What goes
 * wrong while a source is let go of must not end the process: nobody waits for it when a connection closes.
 *
 * @param present logs what no client is to know
 * @param over aborted when the answer is over, for whatever reason
 */
export const guardStream = (
  stream: AsyncIterable<ExecutionResult>,
  present: (error: unknown) => GraphQLError,
  over: AbortSignal | undefined,
): AsyncIterableIterator<ExecutionResult> => {
  const source = stream[Symbol.asyncIterator]();
  const release = async (): Promise<void> => {
    try {
      await source.return?.();
    } catch (error) {
      present(error);
    }
  };
  if (over?.aborted) void release();
  else over?.addEventListener('abort', release, { once: true });
  return {
    next: () => source.next(),
    async return() {
      await release();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};
