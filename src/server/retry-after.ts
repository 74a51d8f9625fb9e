/** Says to HTTP clients when to try again. */

import type { ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';

/** Repeats the `retryAfterMs` of an error as the header Retry-After, in seconds (RFC 9110 section 10.2.3). */
export const useRetryAfter = (): Plugin => {
  const seconds = new WeakMap<Request, number>();
  return {
    onResultProcess({ request, result }) {
      if (isAsyncIterable(result) || Array.isArray(result)) return;
      const { errors = [] } = result as ExecutionResult;
      const waits = errors.flatMap(({ extensions }) =>
        typeof extensions?.['retryAfterMs'] === 'number' ? [extensions['retryAfterMs']] : [],
      );
      if (waits.length > 0) seconds.set(request, Math.max(1, Math.ceil(Math.max(...waits) / 1000)));
    },
    onResponse({ request, response }) {
      const wait = seconds.get(request);
      if (wait !== undefined) response.headers.set('Retry-After', `${wait}`);
    },
  };
};
