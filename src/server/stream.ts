/** Ends the source of a subscription with its client, and a subscription with the right of its caller. */
import type { ExecutionResult, GraphQLError } from 'graphql';
import { noLongerAuthenticated } from '../resolvers/errors.ts';

/** What the results of one subscription are bound to. */
export interface StreamGuard {
  /** Logs what clients must not see. */
  readonly present: (error: unknown) => GraphQLError;
  /** Called at least once when the subscription is over. */
  readonly closed: () => void;
  /** Aborted when the response has ended, for any reason. */
  readonly over: AbortSignal | undefined;
  /** Aborted when the caller is no longer accepted: the stream then ends with an error that says why. */
  readonly ended: AbortSignal | undefined;
}

type Result = IteratorResult<ExecutionResult, undefined>;

/**
 * Wraps the results of a subscription so that they are released when the client disconnects, or is no longer accepted.
 *
 * If the client disconnected before the subscription began, its source is released here, since nothing else would. An
 * error while a source is released must not end the process: nothing awaits it when a connection closes.
 */
export const guardStream = (
  stream: AsyncIterable<ExecutionResult>,
  { present, closed, over, ended }: StreamGuard,
): AsyncIterableIterator<ExecutionResult> => {
  const source = stream[Symbol.asyncIterator]();
  let refused = false;
  /** Answers a `next` that waits for the source. */
  let interrupt: ((result: Result) => void) | undefined;
  const release = async (): Promise<void> => {
    closed();
    ended?.removeEventListener('abort', refuse);
    try {
      await source.return?.();
    } catch (error) {
      present(error);
    }
  };
  const lastWord = (): Result => ({
    done: false,
    value: { errors: [noLongerAuthenticated(String(ended?.reason))] },
  });
  const refuse = (): void => {
    refused = true;
    interrupt?.(lastWord());
    void release();
  };
  if (over?.aborted) void release();
  else over?.addEventListener('abort', release, { once: true });
  if (ended?.aborted) refuse();
  else ended?.addEventListener('abort', refuse, { once: true });
  let said = false;
  return {
    next() {
      if (said) return Promise.resolve({ done: true, value: undefined });
      if (refused) {
        said = true;
        return Promise.resolve(lastWord());
      }
      return new Promise<Result>((resolve, reject) => {
        interrupt = (result) => {
          said = true;
          resolve(result);
        };
        source.next().then(
          (result) => {
            interrupt = undefined;
            if (result.done === true) {
              closed();
              ended?.removeEventListener('abort', refuse);
            }
            resolve(result);
          },
          (error) => {
            interrupt = undefined;
            closed();
            reject(error);
          },
        );
      });
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
