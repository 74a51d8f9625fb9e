/** Says to HTTP clients when to try again. */

import type { ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';

/**
 * The header Retry-After (RFC 9110 section 10.2.3), in whole seconds, of what a refusal says in `retryAfterMs`.
 *
 * @param waitsMs anything but a number: trying again does not help
 * @returns `undefined` without any
 */
export const retryAfter = (waitsMs: readonly unknown[]): string | undefined => {
  const known = waitsMs.filter((ms) => typeof ms === 'number');
  return known.length === 0 ? undefined : `${Math.max(1, Math.ceil(Math.max(...known) / 1000))}`;
};

/** Repeats the `retryAfterMs` of an error as the header Retry-After. */
export const useRetryAfter = (): Plugin => {
  const seconds = new WeakMap<Request, string>();
  return {
    onResultProcess({ request, result }) {
      if (isAsyncIterable(result) || Array.isArray(result)) return;
      const { errors = [] } = result as ExecutionResult;
      const wait = retryAfter(errors.map(({ extensions }) => extensions?.['retryAfterMs']));
      if (wait !== undefined) seconds.set(request, wait);
    },
    onResponse({ request, response }) {
      const wait = seconds.get(request);
      if (wait !== undefined) response.headers.set('Retry-After', wait);
    },
  };
};
