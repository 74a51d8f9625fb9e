/** Releases the source of a subscription when its client disconnects. */
import type { ExecutionResult, GraphQLError } from 'graphql';

/**
 * Wraps the results of a subscription so that they are released when the client disconnects.
 *
 * If the client disconnected before the subscription began, its source is released here, since nothing else would. An
 * error while a source is released must not end the process: nothing awaits it when a connection closes.
 *
 * @param present logs what clients must not see
 * @param ended called once when nothing more comes
 * @param over aborted when the response has ended, for any reason
 */
export const guardStream = (
  stream: AsyncIterable<ExecutionResult>,
  present: (error: unknown) => GraphQLError,
  ended: () => void,
  over: AbortSignal | undefined,
): AsyncIterableIterator<ExecutionResult> => {
  const source = stream[Symbol.asyncIterator]();
  const release = async (): Promise<void> => {
    ended();
    try {
      await source.return?.();
    } catch (error) {
      present(error);
    }
  };
  if (over?.aborted) void release();
  else over?.addEventListener('abort', release, { once: true });
  return {
    async next() {
      try {
        const result = await source.next();
        if (result.done === true) ended();
        return result;
      } catch (error) {
        ended();
        throw error;
      }
    },
    async return() {
      await release();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};
