/** How turns are shared among keys. */

import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FairLimit } from '../../src/async/fair-limit.ts';

/** Work that ends when the test says so. */
const works = (limit: FairLimit, key: string, began: string[]) => (name: string) => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const done = limit.take(key, () => {
    began.push(name);
    return promise;
  });
  return { done, end: () => resolve(name), fail: () => reject(new Error(name)) };
};

it('runs a fixed number per key at once, in order of arrival', async () => {
  const began: string[] = [];
  const work = works(new FairLimit(2), 'key', began);
  const [a, b, c, d] = [work('a'), work('b'), work('c'), work('d')];
  expect(began).toEqual(['a', 'b']);
  b.end();
  expect(await b.done).toBe('b');
  await setImmediate();
  expect(began).toEqual(['a', 'b', 'c']);
  a.end();
  await setImmediate();
  expect(began).toEqual(['a', 'b', 'c', 'd']);
  c.end();
  d.end();
  expect(await Promise.all([a.done, c.done, d.done])).toEqual(['a', 'c', 'd']);
});

it('does not delay one key for another', async () => {
  const limit = new FairLimit(1);
  const held = works(limit, 'held', [])('held');
  expect(await limit.take('free', async () => 'at once')).toBe('at once');
  held.end();
  await held.done;
});

it('passes the turn on when the work fails, and is free in the end', async () => {
  const began: string[] = [];
  const work = works(new FairLimit(1), 'key', began);
  const [a, b] = [work('a'), work('b')];
  a.fail();
  await expect(a.done).rejects.toThrow('a');
  b.end();
  await b.done;
  const c = work('c');
  expect(began).toEqual(['a', 'b', 'c']);
  c.end();
  await c.done;
});

it('keeps the order of many callers', async () => {
  const limit = new FairLimit(3);
  const began: number[] = [];
  const numbers = Array.from({ length: 1000 }, (_, number) => number);
  await Promise.all(
    numbers.map((number) =>
      limit.take('key', async () => {
        began.push(number);
        await setImmediate();
      }),
    ),
  );
  expect(began).toEqual(numbers);
});
